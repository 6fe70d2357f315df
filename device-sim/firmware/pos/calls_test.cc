// Calls at the terminal alone: tariff, ticks, ends, against a payer who has all secrets. Deposits
// of calls are in call_deposit_test.cc.
#include "device-sim/firmware/pos/call_fixture.h"

namespace cafe::pos {
namespace {

using protocol::Bytes;
using protocol::Bytes32;
using protocol::Payment;
using protocol::reason_of;
using protocol::SignedDocument;
using testing::Caller;
using testing::CallPlan;
using testing::kWorldNow_ms;
using testing::terms_of;
using testing::tick_message;

TEST_F(TerminalCallTest, OffersACallWithItsSignedTariff) {
  const SignedDocument terms = offer_call();
  const auto offer = *firmware::CallOffer::decode(offer_);
  EXPECT_TRUE(offer.tariff.check(market_.terminal_key.public_key()).ok());
  const firmware::Tariff expected{terms.digest(), kTickValue, kTicks, "10 s"};
  EXPECT_EQ(*firmware::Tariff::decode(offer.tariff.frame), expected);
  EXPECT_EQ(protocol::Terms::decode(terms.frame)->amount, 0u);
  const auto reason = [&](uint64_t value, uint32_t count, std::string_view currency = "EUR") {
    return reason_of(
        till_.terminal->make_call_offer(currency, value, count, "s", kWorldNow_ms).status());
  };
  EXPECT_EQ(reason(0, 5), "BAD_TARIFF");
  EXPECT_EQ(reason(5, 0), "BAD_TARIFF");
  EXPECT_EQ(reason(5, 5, "euro"), "BAD_CURRENCY");
}

TEST_F(TerminalCallTest, TakesTickAfterTickAndSignsTheEnd) {
  const Caller calling = open();
  EXPECT_EQ(till_.terminal->running_calls(), std::vector{digest_of(calling)});
  talk(calling, 7);
  EXPECT_EQ(held(calling), 7u);
  EXPECT_EQ(till_.terminal->call(digest_of(calling))->ticks_left, kTicks - 7);
  const Bytes end = *till_.terminal->end_call(digest_of(calling), kWorldNow_ms + 5);
  EXPECT_EQ(end_of(end).ticks, 7u);
  EXPECT_EQ(end_of(end).terms_digest, digest_of(calling));
  EXPECT_EQ(end_of(end).time_ms, kWorldNow_ms + 5);
  // The same ever after, whoever hangs up.
  ASSERT_TRUE(till_.restart().ok());
  EXPECT_EQ(*till_.terminal->end_call(digest_of(calling), kWorldNow_ms + 9), end);
  EXPECT_EQ(*till_.terminal->on_hang_up(hang_up(calling), kWorldNow_ms + 9), end);
  EXPECT_EQ(reason_of(demanded(calling).status()), "CALL_ENDED");
  EXPECT_EQ(take_tick(calling.tick(7)), "CALL_ENDED");
  EXPECT_FALSE(till_.terminal->call(digest_of(calling))->running);
  EXPECT_TRUE(till_.terminal->running_calls().empty());
}

TEST_F(TerminalCallTest, EndsWhereTheWalletHangsUp) {
  const Caller calling = open();
  talk(calling, 3);
  EXPECT_EQ(end_of(*till_.terminal->on_hang_up(hang_up(calling), kWorldNow_ms)).ticks, 3u);
  EXPECT_EQ(till_.terminal->waiting_payments(), 1u);
}

// A wallet that hangs up before the call was opened gets its bill's refusal, which no payment
// opens any more.
TEST_F(TerminalCallTest, HangingUpBeforeTheOpeningWithdrawsTheBill) {
  const Caller calling = caller(offer_call());
  EXPECT_EQ(reason_of(till_.terminal->end_call(digest_of(calling), kWorldNow_ms).status()),
            "CALL_NOT_OPEN");
  const Bytes refusal = *till_.terminal->on_hang_up(hang_up(calling), kWorldNow_ms);
  EXPECT_FALSE(firmware::PaymentAnswer::decode(refusal)->accepted);
  EXPECT_EQ(*till_.terminal->on_hang_up(hang_up(calling), kWorldNow_ms), refusal);
  const PaymentResult late = decide(calling.payment().encode());
  EXPECT_EQ(late.decision, Decision::kRefused);
  EXPECT_EQ(late.message, refusal);
  EXPECT_EQ(reason_of(demanded(calling).status()), "CALL_NOT_OPEN");
}

TEST_F(TerminalCallTest, KnowsNoCallWhereThereIsNone) {
  const Caller calling = caller(offer_call());
  EXPECT_EQ(reason_of(demanded(calling).status()), "CALL_NOT_OPEN");
  EXPECT_EQ(take_tick(calling.tick(0)), "CALL_NOT_OPEN");
  EXPECT_EQ(reason_of(till_.terminal->call(digest_of(calling)).status()), "CALL_NOT_OPEN");
  const Bytes32 bill = terms_of(offer(500)).digest();
  EXPECT_EQ(
      reason_of(till_.terminal->on_hang_up(firmware::HangUp{bill}.encode(), kWorldNow_ms).status()),
      "CALL_NOT_OPEN");
  EXPECT_EQ(reason_of(till_.terminal->next_tick_demand(bill, kWorldNow_ms).status()),
            "CALL_NOT_OPEN");
  EXPECT_EQ(reason_of(till_.terminal->next_tick_demand({}, kWorldNow_ms).status()),
            "UNKNOWN_OFFER");
  EXPECT_EQ(take_tick(tick_message({}, calling.reveal(0))), "UNKNOWN_OFFER");
  EXPECT_EQ(reason_of(till_.terminal->end_call({}, kWorldNow_ms).status()), "UNKNOWN_OFFER");
}

// --- The opening ---

TEST_F(TerminalCallTest, AFewerTicksThanTheTariffsAreACallToo) {
  EXPECT_EQ(refused_for({kTickValue, kTicks}), "");
  EXPECT_EQ(refused_for({kTickValue, 1}), "");
}

TEST_F(TerminalCallTest, OpensNoCallButByItsTariff) {
  EXPECT_EQ(refused_for({kTickValue - 1, kTicks}), "TARIFF_MISMATCH");
  EXPECT_EQ(refused_for({kTickValue + 1, kTicks}), "TARIFF_MISMATCH");
  EXPECT_EQ(refused_for({kTickValue, kTicks + 1}), "TARIFF_MISMATCH");
  // A cheque or a coin for an amount, by the terms of a call.
  auto& cheque = take(market_.cheque);
  EXPECT_EQ(refused_for(market_.pay(alice_, {{&cheque, 0, 60}},
                                    *protocol::Terms::decode(offer_call().frame))),
            "TARIFF_MISMATCH");
  // Two cheques: the ticks of one call stand under one root.
  const SignedDocument terms = offer_call();
  Payment both = caller(terms).payment();
  const Caller second = caller(terms);
  both.coins.push_back(second.payment().coins[0]);
  both.spends.push_back(second.payment().spends[0]);
  both.spends[1].coin = 1;
  EXPECT_EQ(refused_for(both), "TARIFF_MISMATCH");
  // A tick is asked for first.
  const Caller eager = caller(offer_call());
  Payment shown = eager.payment();
  shown.spends[0].tick = eager.reveal(0);
  EXPECT_EQ(refused_for(shown), "TARIFF_MISMATCH");
  EXPECT_EQ(till_.terminal->running_calls().size(), 0u);
}

TEST_F(TerminalCallTest, TicksPayNothingButACall) {
  // [guard] A spend of ticks has no value of its own.
  EXPECT_EQ(refused_for({kTickValue, kTicks, 0, /*value=*/60}), "BAD_COMBINATION");
  // Nor does it pay a bill.
  const Caller calling = caller(terms_of(offer(kTickValue * kTicks)));
  EXPECT_EQ(refused_for(calling.payment()), "AMOUNT_MISMATCH");
  // [guard] All ticks of it together are at most what the cheque can be written out for.
  const auto dear = *till_.terminal->make_call_offer("EUR", 251, kTicks, "10 s", kWorldNow_ms);
  EXPECT_EQ(refused_for(caller(terms_of(dear), {251, kTicks}).payment()), "BAD_COMBINATION");
  const auto fair = *till_.terminal->make_call_offer("EUR", 250, kTicks, "10 s", kWorldNow_ms);
  EXPECT_EQ(refused_for(caller(terms_of(fair), {250, kTicks}).payment()), "");
}

// [guard] The challenge covers count, value, salt and root: whatever is altered after the
// guardian's answer makes it the answer to something else.
TEST_F(TerminalCallTest, NothingOfTheSpendCanBeAltered) {
  const auto altered = [&](auto change) {
    const Caller calling = caller(offer_call(), {kTickValue, kTicks - 1});
    Payment payment = calling.payment();
    change(payment.spends[0], payment);
    return refused_for(payment);
  };
  EXPECT_EQ(altered([](auto&, auto&) {}), "");
  EXPECT_EQ(altered([](auto& spend, auto&) { ++spend.tick_count; }), "SPEND_INVALID");
  EXPECT_EQ(altered([](auto& spend, auto&) { --spend.tick_count; }), "SPEND_INVALID");
  EXPECT_EQ(altered([](auto& spend, auto&) { spend.salt[7] ^= 1; }), "SPEND_INVALID");
  EXPECT_EQ(altered([](auto& spend, auto&) { spend.tick_root[7] ^= 1; }), "SPEND_INVALID");
  EXPECT_EQ(altered([](auto& spend, auto&) { spend.r2 = spend.r1; }), "SPEND_INVALID");
  EXPECT_EQ(altered([](auto& spend, auto&) { spend.B = protocol::g1(); }), "BAD_PATH");
  EXPECT_EQ(altered([](auto& spend, auto&) { spend.slot = 1; }), "SLOT_OUTSIDE_COIN");
  EXPECT_EQ(altered([](auto& spend, auto&) { spend.salt.clear(); }), "BAD_COMBINATION");
  EXPECT_EQ(altered([](auto& spend, auto&) { spend.tick_root.clear(); }), "BAD_COMBINATION");
  // Answered for a count of 19 and a value of 2, shown with the tariff's.
  const Caller cheap = caller(offer_call(), {kTickValue - 1, kTicks});
  Payment payment = cheap.payment();
  payment.spends[0].tick_value = kTickValue;
  EXPECT_EQ(refused_for(payment), "SPEND_INVALID");
  // Signed terms of another call, the spend of this one.
  payment = caller(offer_call()).payment();
  payment.terms = offer_call();
  EXPECT_EQ(refused_for(payment), "SPEND_INVALID");
}

TEST_F(TerminalCallTest, OneSlotOpensOneCall) {
  testing::WithdrawnCoin& cheque = take(market_.cheque);
  const Caller first(market_, alice_, cheque, offer_call(), {kTickValue, kTicks});
  EXPECT_EQ(refused_for(first.payment()), "");
  const Caller second(market_, alice_, cheque, offer_call(), {kTickValue, kTicks});
  EXPECT_EQ(refused_for(second.payment()), "SLOT_TAKEN");
  // Nor does it pay a bill besides.
  EXPECT_EQ(decide(pay(offer(60), {{&cheque, 0, 60}}).encode()).reason, "SLOT_TAKEN");
  // The same payment is the same call: it goes on.
  talk(first, 2);
  EXPECT_EQ(refused_for(first.payment()), "");
  EXPECT_EQ(*demanded(first), 2u);
}

TEST_F(TerminalCallTest, ACallCannotBeOpenedDaysLater) {
  const Caller calling = caller(offer_call());
  const auto late =
      till_.terminal->on_payment(calling.payment().encode(), kWorldNow_ms + kBillLife_ms + 1);
  ASSERT_TRUE(late.ok());
  EXPECT_EQ(late->reason, "OFFER_EXPIRED");
}

// --- Ticks ---

TEST_F(TerminalCallTest, TakesTicksInTheirOrderOnly) {
  const Caller calling = open();
  EXPECT_EQ(take_tick(calling.tick(1)), "TICK_ORDER");
  talk(calling, 3);
  EXPECT_EQ(take_tick(calling.tick(1)), "TICK_ORDER");
  EXPECT_EQ(take_tick(calling.tick(4)), "TICK_ORDER");
  EXPECT_EQ(take_tick(calling.tick(kTicks - 1)), "TICK_ORDER");
  EXPECT_EQ(take_tick(calling.tick(2)), "") << "the last one again is no harm";
  EXPECT_EQ(held(calling), 3u);
  talk(calling, kTicks - 3);
  EXPECT_EQ(reason_of(demanded(calling).status()), "TICKS_USED_UP");
  EXPECT_EQ(held(calling), kTicks);
}

TEST_F(TerminalCallTest, TakesOnlyTheTicksUnderTheRoot) {
  const Caller calling = open();
  const Caller other = open();
  const auto with = [&](auto change) {
    protocol::TickReveal reveal = calling.reveal(0);
    change(reveal);
    return take_tick(tick_message(digest_of(calling), reveal));
  };
  EXPECT_EQ(with([&](auto& r) { r = other.reveal(0); }), "BAD_TICK") << "of another call";
  EXPECT_EQ(with([&](auto& r) { r.t = calling.unblinded(0); }), "BAD_TICK") << "[guard] unblinded";
  EXPECT_EQ(with([&](auto& r) { r.t = calling.reveal(1).t; }), "BAD_TICK");
  EXPECT_EQ(with([](auto& r) { r.t = protocol::Scalar(); }), "BAD_TICK");
  EXPECT_EQ(with([](auto& r) { r.path.pop_back(); }), "BAD_TICK");
  EXPECT_EQ(with([](auto& r) { r.path.push_back({}); }), "BAD_TICK");
  EXPECT_EQ(with([](auto& r) { r.path[2][9] ^= 1; }), "BAD_TICK");
  EXPECT_EQ(take_tick(tick_message(digest_of(other), calling.reveal(0))), "BAD_TICK");
  EXPECT_EQ(held(calling), 0u);
  EXPECT_EQ(with([](auto&) {}), "");
}

// [guard] A broken guardian's tree of 40 ticks under a count of 20, whose spend is in order.
TEST_F(TerminalCallTest, ATreeOfMoreTicksThanTheCountPaysNothing) {
  const Caller calling = caller(offer_call(), {kTickValue, kTicks, /*leaves=*/2 * kTicks});
  ASSERT_EQ(refused_for(calling.payment()), "");
  EXPECT_EQ(take_tick(calling.tick(0)), "BAD_TICK");
  EXPECT_EQ(held(calling), 0u);
  // A tree of 21 has ticks whose paths are as long as those in one of 20: none behind the count is
  // taken even so.
  const Caller close = caller(offer_call(), {kTickValue, kTicks, kTicks + 1});
  ASSERT_EQ(refused_for(close.payment()), "");
  for (uint32_t i = 0; i <= kTicks; ++i) take_tick(close.tick(i));
  EXPECT_LE(held(close), kTicks);
  EXPECT_NE(take_tick(close.tick(kTicks)), "");
}

TEST_F(TerminalCallTest, EndsInTimeForTheAcquirer) {
  const Caller calling = open();
  const uint64_t last_ms = kWorldNow_ms + kCallLife_ms;
  EXPECT_EQ(take_tick(calling.tick(0), last_ms), "");
  EXPECT_TRUE(demanded(calling, last_ms).ok());
  EXPECT_EQ(reason_of(demanded(calling, last_ms + 1).status()), "CALL_TOO_LONG");
  EXPECT_EQ(take_tick(calling.tick(1), last_ms + 1), "CALL_TOO_LONG");
  EXPECT_EQ(end_of(*till_.terminal->end_call(digest_of(calling), last_ms + 1)).ticks, 1u);
}

TEST_F(TerminalCallTest, SignsNothingForNoise) {
  const Caller calling = open();
  talk(calling, 1);
  protocol::SeededRng rng("noise");
  for (const Bytes& valid : {calling.tick(1), hang_up(calling)}) {
    for (int i = 0; i < 2000; ++i) {
      Bytes bytes = valid;
      if (i % 2 == 0) {
        bytes.resize(rng.below(bytes.size()));
      } else {
        bytes[rng.below(bytes.size())] ^= static_cast<uint8_t>(1 + rng.below(255));
      }
      EXPECT_FALSE(till_.terminal->on_tick(bytes, kWorldNow_ms).ok());
      EXPECT_FALSE(till_.terminal->on_hang_up(bytes, kWorldNow_ms).ok());
    }
  }
  EXPECT_EQ(held(calling), 1u);
}

// --- Interruptions ---

TEST_F(TerminalCallTest, GoesOnAfterTheLastTickHeld) {
  const Caller calling = open();
  const Bytes first = offer_;
  talk(calling, 4);
  ASSERT_TRUE(till_.restart().ok());
  const Bytes again = *till_.terminal->repeat_offer(digest_of(calling), kWorldNow_ms + 5000);
  const auto offered = *firmware::CallOffer::decode(again);
  EXPECT_EQ(offered.terms, calling.payment().terms);
  EXPECT_EQ(offered.tariff, firmware::CallOffer::decode(first)->tariff);
  EXPECT_EQ(refused_for(calling.payment()), "");
  EXPECT_EQ(*demanded(calling), 4u);
  // The answer to the tick was lost, and it comes again.
  EXPECT_EQ(take_tick(calling.tick(3)), "");
  talk(calling, 2);
  EXPECT_EQ(held(calling), 6u);
}

// Power fails at every few bytes that opening, ticking and ending write: each is done or not done,
// and done once more it is done.
TEST_F(TerminalCallTest, APowerCutLosesNoTickThatWasTaken) {
  const Caller calling = caller(offer_call());
  const Bytes32 terms = digest_of(calling);
  const auto at_every_byte = [&](auto step, auto whole) {
    const Bytes before = till_.memory.snapshot();
    const uint64_t start = till_.memory.bytes_written();
    step();
    const uint64_t bytes = till_.memory.bytes_written() - start;
    ASSERT_GT(bytes, 0u);
    const Bytes after = till_.memory.snapshot();
    for (uint64_t cut = 0; cut < bytes; cut += 3) {
      till_.memory.restore(before);
      ASSERT_TRUE(till_.restart().ok());
      till_.memory.cut_power_after(cut);
      EXPECT_THROW(step(), firmware::PowerLost);
      ASSERT_TRUE(till_.restart().ok()) << cut;
      step();
      ASSERT_TRUE(whole()) << cut;
    }
    till_.memory.restore(after);
    ASSERT_TRUE(till_.restart().ok());
  };
  at_every_byte(
      [&] { till_.terminal->on_payment(calling.payment().encode(), kWorldNow_ms).IgnoreError(); },
      [&] { return *demanded(calling) == 0 && till_.terminal->running_calls().size() == 1; });
  for (uint32_t i = 0; i < 3; ++i) {
    at_every_byte([&] { till_.terminal->on_tick(calling.tick(i), kWorldNow_ms).IgnoreError(); },
                  [&] { return held(calling) == i + 1 && *demanded(calling) == i + 1; });
  }
  at_every_byte([&] { till_.terminal->end_call(terms, kWorldNow_ms).IgnoreError(); },
                [&] {
                  return !till_.terminal->call(terms)->running && held(calling) == 3 &&
                         till_.terminal->waiting_payments() == 1;
                });
}

// A tick that cannot be stored is not taken, whatever little room is left.
TEST_F(TerminalCallTest, AFullMemoryTakesNoTick) {
  int full = 0;
  for (size_t more = 0; more < 640; more += 64) {
    testing::Till small(market_, "small", size_t{20} * 1024 + more);
    const Caller calling = caller(
        terms_of(*small.terminal->make_call_offer("EUR", kTickValue, kTicks, "s", kWorldNow_ms)));
    ASSERT_EQ(small.terminal->on_payment(calling.payment().encode(), kWorldNow_ms)->decision,
              Decision::kAccepted);
    while (small.terminal->make_offer("EUR", 1, kWorldNow_ms).ok()) {
    }
    const absl::Status taken = small.terminal->on_tick(calling.tick(0), kWorldNow_ms);
    EXPECT_EQ(small.terminal->call(digest_of(calling))->ticks, taken.ok() ? 1u : 0u);
    if (taken.ok()) continue;
    EXPECT_EQ(reason_of(taken), "STORE_FULL");
    ++full;
  }
  EXPECT_GT(full, 0);
}

}  // namespace
}  // namespace cafe::pos
