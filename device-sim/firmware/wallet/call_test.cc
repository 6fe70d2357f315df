// Calls: ticks of a cheque, real wallet, guardian and terminal firmware, and the attacks of section
// 6 on them. Over the link they are in the tests of the contacts.
#include <gtest/gtest.h>

#include <set>

#include "device-sim/firmware/wallet/money_fixture.h"
#include "libs/protocol/frame.h"
#include "libs/protocol/ticks.h"

namespace cafe::wallet {
namespace {

using guardian::Ins;
using protocol::Bytes;
using protocol::Bytes32;
using protocol::ByteView;
using protocol::Kind;
using protocol::Payment;
using protocol::reason_of;
using protocol::SignedDocument;
using testing::kDay_s;
using testing::kLoadedCents;
using testing::kWorldNow_ms;
using testing::kWorldNow_s;

constexpr uint64_t kTick = 20;
constexpr uint32_t kMost = 40;

class CallTest : public testing::MoneyTest {
 protected:
  Bytes call_offer(uint64_t tick_value = kTick, uint32_t count = kMost) {
    return *till_.terminal->make_call_offer("EUR", tick_value, count, "10 s", kWorldNow_ms);
  }
  static Bytes32 terms_of(const Bytes& offer) {
    return firmware::CallOffer::decode(offer)->terms.digest();
  }
  absl::StatusOr<Bytes> open(const Bytes& offer) {
    auto outgoing = wallet().on_call_offer(offer, kWorldNow_ms);
    if (!outgoing.ok()) return outgoing.status();
    return std::move(outgoing->payment);
  }
  // Opened and accepted.
  Bytes32 talk(const Bytes& offer) {
    const auto payment = open(offer);
    EXPECT_TRUE(payment.ok()) << payment.status();
    EXPECT_EQ(till_refuses(*payment), "");
    return terms_of(offer);
  }
  static Bytes demand(const Bytes32& terms, uint32_t index) {
    return firmware::TickDemand{terms, index}.encode();
  }
  absl::StatusOr<Bytes> tick(const Bytes32& terms, uint32_t index) {
    auto outgoing = wallet().on_tick_demand(demand(terms, index), kWorldNow_ms);
    if (!outgoing.ok()) return outgoing.status();
    return std::move(outgoing->tick);
  }
  std::string tick_refused(const Bytes32& terms, uint32_t index) {
    return reason_of(tick(terms, index).status());
  }
  // Pays the ticks that the terminal asks for.
  void pay_ticks(const Bytes32& terms, uint32_t count) {
    for (uint32_t n = 0; n < count; ++n) {
      const Bytes asked = *till_.terminal->next_tick_demand(terms, kWorldNow_ms);
      const auto paid = wallet().on_tick_demand(asked, kWorldNow_ms);
      ASSERT_TRUE(paid.ok()) << paid.status();
      ASSERT_TRUE(till_.terminal->on_tick(paid->tick, kWorldNow_ms).ok());
    }
  }
  PastPayment past() { return wallet().payments().back(); }
};

TEST_F(CallTest, PaysByTheTick) {
  const Bytes offer = call_offer();
  const Bytes32 terms = talk(offer);
  EXPECT_EQ(device_.owner.last_call.payee_name, "Corner Shop");
  EXPECT_EQ(device_.owner.last_call.tick_value, kTick);
  EXPECT_EQ(device_.owner.last_call.most_ticks, kMost);
  EXPECT_EQ(device_.owner.last_call.unit, "10 s");
  EXPECT_EQ(past().state, PaymentState::kAccepted);
  EXPECT_EQ(past().kind, PaymentKind::kCall);
  // What it may come to is put aside, and nothing is taken yet.
  EXPECT_EQ(balance().counter, kLoadedCents - kMost * kTick);
  EXPECT_EQ(device_.counter(), kLoadedCents);
  pay_ticks(terms, 7);
  EXPECT_EQ(device_.counter(), kLoadedCents - 7 * kTick);
  const Bytes end = *till_.terminal->end_call(terms, kWorldNow_ms);
  ASSERT_TRUE(wallet().on_call_end(end).ok());
  ASSERT_TRUE(wallet().on_call_end(end).ok());  // came twice
  EXPECT_EQ(*wallet().call_end(terms), end);
  EXPECT_EQ(balance().counter, kLoadedCents - 7 * kTick);
  EXPECT_EQ(balance().cheques, 2u);
  EXPECT_EQ(guardian_slots(), 4u);
  EXPECT_EQ(tick_refused(terms, 7), "CALL_ENDED");
  ASSERT_TRUE(device_.restart().ok());
  EXPECT_EQ(past().state, PaymentState::kEnded);
  EXPECT_EQ(past().ticks, 7u);
  EXPECT_EQ(past().amount, 7 * kTick);
  EXPECT_EQ(past().most_ticks, kMost);
  EXPECT_EQ(balance().counter, kLoadedCents - 7 * kTick);
  EXPECT_EQ(till_.terminal->call(terms)->ticks, 7u);
}

TEST_F(CallTest, TakesAsManyTicksAsItCanPay) {
  // The counter holds 6,000, a cheque 5,000.
  ASSERT_TRUE(open(call_offer(100, 1000)).ok());
  EXPECT_EQ(device_.owner.last_call.most_ticks, 50u);
  ASSERT_TRUE(open(call_offer(100, 1000)).ok());
  EXPECT_EQ(device_.owner.last_call.most_ticks, 10u);
  EXPECT_EQ(reason_of(open(call_offer(100, 1000)).status()), "AMOUNT_NOT_PAYABLE");
  EXPECT_EQ(device_.owner.calls_asked, 2);
}

TEST_F(CallTest, KeepsBelowTheLimitsOfTheIssuer) {
  auto limited = world_.list;
  limited.number = 2;
  limited.limits = {{"EUR", 1000, 800}};
  ASSERT_TRUE(wallet().accept_list(sign_list(limited)).ok());
  const Bytes payment = *open(call_offer(100, 1000));
  EXPECT_EQ(device_.owner.last_call.most_ticks, 8u);
  EXPECT_FALSE(Payment::decode(payment)->identification.has_value());
  EXPECT_EQ(device_.owner.identifications_asked, 0);
}

TEST_F(CallTest, BindsNothingWhereTheOwnerDeclines) {
  device_.owner.willing = false;
  EXPECT_EQ(reason_of(open(call_offer()).status()), "OWNER_DECLINED");
  EXPECT_TRUE(wallet().payments().empty());
  EXPECT_EQ(balance().cheques, 3u);
  EXPECT_EQ(balance().counter, kLoadedCents);
}

TEST_F(CallTest, RefusesOffersThatAreNotWhatTheySay) {
  const auto good = *firmware::CallOffer::decode(call_offer());
  const auto tariff = *firmware::Tariff::decode(good.tariff.frame);
  const auto refused = [&](const firmware::CallOffer& offer) {
    const std::string reason = reason_of(open(offer.encode()).status());
    EXPECT_TRUE(wallet().payments().empty());
    return reason;
  };
  firmware::CallOffer bad = good;
  firmware::Tariff cheaper = tariff;
  cheaper.tick_value = 1;
  bad.tariff.frame = cheaper.encode();
  EXPECT_EQ(refused(bad), "BAD_SIGNATURE");
  bad.tariff = SignedDocument::sign(tariff.encode(), testing::make_key(world_.rng));
  EXPECT_EQ(refused(bad), "BAD_SIGNATURE");
  firmware::Tariff other = tariff;
  other.terms_digest[0] ^= 1;
  bad.tariff = SignedDocument::sign(other.encode(), world_.terminal_key);
  EXPECT_EQ(refused(bad), "TARIFF_MISMATCH");
  bad = good;
  auto terms = *protocol::Terms::decode(good.terms.frame);
  terms.amount = 5;
  bad.terms = SignedDocument::sign(terms.encode(), world_.terminal_key);
  EXPECT_EQ(refused(bad), "AMOUNT_NOT_ZERO");
  EXPECT_EQ(reason_of(wallet().on_call_offer(good.encode(), kWorldNow_ms + 3'600'000).status()),
            "TERMS_STALE");
}

TEST_F(CallTest, PaysTicksInTheirOrderAndReleasedOnesAgainForNothing) {
  const Bytes offer = call_offer(kTick, 3);
  const Bytes payment = *open(offer);
  const Bytes32 terms = terms_of(offer);
  EXPECT_EQ(tick_refused(terms, 0), "CALL_NOT_OPEN");  // the terminal has not signed for it
  EXPECT_EQ(till_refuses(payment), "");
  EXPECT_EQ(tick_refused(terms, 1), "TICK_ORDER");
  const Bytes first = *tick(terms, 0);
  const Bytes second = *tick(terms, 1);
  EXPECT_EQ(tick_refused(terms, 3), "TICK_ORDER");
  EXPECT_EQ(*tick(terms, 0), first);
  EXPECT_EQ(*tick(terms, 1), second);
  EXPECT_EQ(device_.counter(), kLoadedCents - 2 * kTick);
  ASSERT_TRUE(tick(terms, 2).ok());
  EXPECT_EQ(tick_refused(terms, 3), "TICKS_USED_UP");
  Bytes32 unknown = terms;
  unknown[0] ^= 1;
  EXPECT_EQ(tick_refused(unknown, 0), "UNKNOWN_TERMS");
  // Each is what the payment's root promised.
  const auto spend = Payment::decode(payment)->spends[0];
  const Bytes32 root = *protocol::to_array<32>(spend.tick_root);
  for (const Bytes& bytes : {first, second}) {
    EXPECT_TRUE(protocol::check_tick(root, 3, firmware::Tick::decode(bytes)->reveal).ok());
  }
}

// [guard] The guardian's points are out, and the whole request with the root over them is durable,
// before it learns y_seed.
TEST_F(CallTest, GivesTheSeedLast) {
  std::vector<Command> log;
  listen(log, true);
  const Bytes offer = call_offer();
  const Bytes payment = *open(offer);
  std::vector<Ins> order;
  for (const Command& command : log) order.push_back(command.ins);
  // 40 points, 15 at a time.
  EXPECT_EQ(order, (std::vector<Ins>{Ins::kDrawTicks, Ins::kTickPoints, Ins::kTickPoints,
                                     Ins::kTickPoints, Ins::kAnswerTicks}));
  const Command asked = log.back();
  const auto request = *protocol::TickRequest::decode(ByteView(asked.data).subspan(4));
  for (const Command& command : log) {
    const bool has_seed =
        std::search(command.data.begin(), command.data.end(), request.y_seed.begin(),
                    request.y_seed.end()) != command.data.end();
    EXPECT_EQ(has_seed, command.ins == Ins::kAnswerTicks);
  }
  // The power fails as the guardian is asked: afterwards it is asked with the same request, draws
  // nothing anew, and the payment is the same.
  log.clear();
  go_back_to(asked);
  EXPECT_EQ(past().state, PaymentState::kPromised);
  EXPECT_EQ(balance().counter, kLoadedCents - kMost * kTick);
  EXPECT_EQ(*open(offer), payment);
  EXPECT_EQ(count(log, Ins::kDrawTicks), 0u);
  ASSERT_EQ(count(log, Ins::kAnswerTicks), 1u);
  for (const Command& command : log) {
    if (command.ins == Ins::kAnswerTicks) {
      EXPECT_EQ(command.data, asked.data);
    }
  }
}

// [guard] A guardian that chooses its ticks after it has seen y_seed could hide a message in the
// root and in every t'. It is the real guardian of this wallet that does so, with an answer that
// fits its root.
TEST_F(CallTest, RefusesTicksThatWereChosenAfterTheSeed) {
  const auto secrets = guardian_secrets({Kind::kCoin, Kind::kCheque, Kind::kCheque, Kind::kCheque});
  int lies = 0;
  device_.chip.tamper = [&](ByteView bytes, protocol::MutableByteView response) {
    firmware::Command command{};
    ASSERT_TRUE(firmware::parse_command(bytes, command));
    if (command.ins != static_cast<uint8_t>(Ins::kAnswerTicks)) return;
    ASSERT_EQ(response.size(), 98u);
    const auto request = *protocol::TickRequest::decode(command.data.subspan(4));
    const auto slot = std::find_if(secrets.slots.begin(), secrets.slots.end(), [&](const auto& s) {
      return std::equal(s.rho.begin(), s.rho.end(), response.begin());
    });
    ASSERT_NE(slot, secrets.slots.end());
    std::vector<protocol::Point> P;
    for (uint32_t i = 0; i < request.tick_count; ++i) {
      P.push_back(*protocol::multiply(protocol::Scalar::from_u64(1000 + i), protocol::g1()));
    }
    const Bytes32 root = protocol::tick_root(*protocol::blind_tick_points(P, request.y_seed));
    const auto d = protocol::spend_challenge(request.issuer_id, request.currency, 0, request.spend,
                                             request.tick_value, request.tick_count, root,
                                             protocol::xor32(slot->rho, request.y));
    const auto answer = protocol::guardian_answer(secrets.keys.o_cheque, slot->o2, d).bytes();
    std::copy(root.begin(), root.end(), response.begin() + 32);
    std::copy(answer.begin(), answer.end(), response.begin() + 64);
    ++lies;
  };
  const Bytes offer = call_offer();
  EXPECT_EQ(reason_of(open(offer).status()), "GUARDIAN_WRONG");
  EXPECT_EQ(lies, 1);
  EXPECT_FALSE(wallet().payment_bytes(terms_of(offer)).ok());
  device_.chip.tamper = nullptr;
  EXPECT_TRUE(open(offer).ok());
}

TEST_F(CallTest, SendsNothingOfAWrongAnswerToTheOpening) {
  for (size_t byte : {5u, 40u, 70u}) {  // of ρ, of the root, of the answer
    device_.chip.tamper = [byte](ByteView command, protocol::MutableByteView response) {
      if (command[1] == static_cast<uint8_t>(Ins::kAnswerTicks)) response[byte] ^= 1;
    };
    const Bytes offer = call_offer(1, 10);
    EXPECT_EQ(reason_of(open(offer).status()), "GUARDIAN_WRONG") << byte;
    EXPECT_FALSE(wallet().payment_bytes(terms_of(offer)).ok());
  }
}

TEST_F(CallTest, SendsNoWrongTick) {
  const Bytes32 terms = talk(call_offer());
  ASSERT_TRUE(tick(terms, 0).ok());
  device_.chip.tamper = [](ByteView command, protocol::MutableByteView response) {
    if (command[1] == static_cast<uint8_t>(Ins::kReleaseTick)) response[31] ^= 1;
  };
  EXPECT_EQ(tick_refused(terms, 1), "GUARDIAN_WRONG");
  EXPECT_EQ(past().ticks, 1u);
  device_.chip.tamper = nullptr;
  // The guardian has taken it from its counter; it is released again for nothing.
  EXPECT_EQ(device_.counter(), kLoadedCents - 2 * kTick);
  ASSERT_TRUE(tick(terms, 1).ok());
  EXPECT_EQ(device_.counter(), kLoadedCents - 2 * kTick);
  ASSERT_TRUE(wallet().hang_up(terms).ok());
  EXPECT_EQ(balance().counter, device_.counter());
}

// The books never show more than the guardian's counter holds: a tick that it may have taken
// without its being sent counts as taken once the call is over.
TEST_F(CallTest, CountsATickInDoubtAsTaken) {
  const Bytes32 terms = talk(call_offer());
  ASSERT_TRUE(tick(terms, 0).ok());
  device_.chip.tamper = [](ByteView command, protocol::MutableByteView response) {
    if (command[1] == static_cast<uint8_t>(Ins::kReleaseTick)) response[31] ^= 1;
  };
  EXPECT_EQ(tick_refused(terms, 1), "GUARDIAN_WRONG");
  device_.chip.tamper = nullptr;
  ASSERT_TRUE(wallet().hang_up(terms).ok());
  EXPECT_EQ(balance().counter, device_.counter());
}

// After a start the points come from the guardian again: others than before would be its choice.
TEST_F(CallTest, RefusesOtherPointsAfterARestart) {
  const Bytes offer = call_offer();
  const Bytes32 terms = talk(offer);
  ASSERT_TRUE(tick(terms, 0).ok());
  ASSERT_TRUE(device_.restart().ok());
  const Bytes other = protocol::to_bytes(
      protocol::multiply(protocol::Scalar::from_u64(77), protocol::g1())->bytes());
  device_.chip.tamper = [&](ByteView command, protocol::MutableByteView response) {
    if (command[1] != static_cast<uint8_t>(Ins::kTickPoints)) return;
    std::copy(other.begin(), other.end(), response.begin());
  };
  EXPECT_EQ(tick_refused(terms, 1), "GUARDIAN_WRONG");
  EXPECT_EQ(reason_of(open(offer).status()), "GUARDIAN_WRONG");
  device_.chip.tamper = nullptr;
  EXPECT_TRUE(tick(terms, 1).ok());
}

TEST_F(CallTest, GoesOnAfterAnInterruption) {
  const Bytes offer = call_offer();
  const Bytes payment = *open(offer);
  const Bytes32 terms = terms_of(offer);
  EXPECT_EQ(till_refuses(payment), "");
  pay_ticks(terms, 3);
  // The fourth is released and lost.
  const Bytes lost = *tick(terms, 3);
  ASSERT_TRUE(device_.restart().ok());
  ASSERT_TRUE(till_.restart().ok());
  const Bytes again = *till_.terminal->repeat_offer(terms, kWorldNow_ms);
  EXPECT_EQ(*open(again), payment);
  EXPECT_EQ(till_refuses(payment), "");
  EXPECT_EQ(device_.owner.calls_asked, 1);
  EXPECT_EQ(*till_.terminal->next_tick_demand(terms, kWorldNow_ms), demand(terms, 3));
  EXPECT_EQ(*tick(terms, 3), lost);
  pay_ticks(terms, 4);
  EXPECT_EQ(till_.terminal->call(terms)->ticks, 7u);
  EXPECT_EQ(device_.counter(), kLoadedCents - 7 * kTick);
}

TEST_F(CallTest, HangsUpForGood) {
  const Bytes offer = call_offer();
  const Bytes32 terms = talk(offer);
  pay_ticks(terms, 2);
  const Bytes last = *tick(terms, 2);  // lost on the line
  const Bytes hung_up = *wallet().hang_up(terms);
  EXPECT_EQ(firmware::HangUp::decode(hung_up)->terms_digest, terms);
  ASSERT_TRUE(device_.restart().ok());
  EXPECT_EQ(*wallet().hang_up(terms), hung_up);
  EXPECT_EQ(guardian_slots(), 4u);  // its slot is freed
  EXPECT_EQ(tick_refused(terms, 3), "CALL_ENDED");
  EXPECT_EQ(tick_refused(terms, 0), "CALL_ENDED");
  EXPECT_EQ(*tick(terms, 2), last);  // is owed
  EXPECT_EQ(reason_of(open(offer).status()), "CALL_ENDED");
  EXPECT_EQ(balance().counter, kLoadedCents - 3 * kTick);
  EXPECT_EQ(device_.counter(), kLoadedCents - 3 * kTick);
  ASSERT_TRUE(till_.terminal->on_tick(last, kWorldNow_ms).ok());
  ASSERT_TRUE(wallet().on_call_end(*till_.terminal->on_hang_up(hung_up, kWorldNow_ms)).ok());
  EXPECT_EQ(past().state, PaymentState::kEnded);
  Bytes32 unknown = terms;
  unknown[0] ^= 1;
  EXPECT_EQ(reason_of(wallet().hang_up(unknown).status()), "UNKNOWN_TERMS");
}

// Hung up before the terminal has said anything.
TEST_F(CallTest, HangsUpBeforeItBegan) {
  const Bytes offer = call_offer();
  ASSERT_TRUE(open(offer).ok());
  ASSERT_TRUE(wallet().hang_up(terms_of(offer)).ok());
  EXPECT_EQ(balance().counter, kLoadedCents);
  EXPECT_EQ(guardian_slots(), 4u);
}

TEST_F(CallTest, BelievesOnlyTheTerminalsOwnEnd) {
  const Bytes32 terms = talk(call_offer());
  pay_ticks(terms, 2);
  const firmware::CallEnd right{world_.terminal.acquirer_id,
                                world_.terminal.payee_id,
                                world_.terminal.terminal_id,
                                terms,
                                2,
                                kWorldNow_ms};
  const auto reason = [&](const firmware::CallEnd& end, const protocol::SigningKey& key) {
    return reason_of(wallet().on_call_end(SignedDocument::sign(end.encode(), key).encode()));
  };
  EXPECT_EQ(reason(right, testing::make_key(world_.rng)), "BAD_SIGNATURE");
  firmware::CallEnd wrong = right;
  wrong.ticks = 3;
  EXPECT_EQ(reason(wrong, world_.terminal_key), "WRONG_TICKS");
  wrong = right;
  wrong.payee_id.bytes[0] ^= 1;
  EXPECT_EQ(reason(wrong, world_.terminal_key), "WRONG_PAYEE");
  wrong = right;
  wrong.terms_digest[0] ^= 1;
  EXPECT_EQ(reason(wrong, world_.terminal_key), "UNKNOWN_TERMS");
  EXPECT_EQ(past().state, PaymentState::kAccepted);
  EXPECT_EQ(reason(right, world_.terminal_key), "");
  wrong = right;
  wrong.ticks = 1;
  EXPECT_EQ(reason(wrong, world_.terminal_key), "ANSWERED");
}

TEST_F(CallTest, ARefusedCallCostsNothing) {
  const Bytes offer = call_offer();
  const Bytes payment = *open(offer);
  ASSERT_TRUE(till_.terminal->cancel_offer(terms_of(offer), kWorldNow_ms).ok());
  EXPECT_NE(till_refuses(payment), "");
  EXPECT_EQ(past().state, PaymentState::kRefused);
  EXPECT_EQ(balance().counter, kLoadedCents);
  EXPECT_EQ(tick_refused(terms_of(offer), 0), "CALL_ENDED");
  ASSERT_TRUE(device_.restart().ok());
  EXPECT_EQ(guardian_slots(), 4u);
}

TEST_F(CallTest, OpensNoMoreCallsThanTheGuardianHasRoomFor) {
  device_.withdraw(issuer_, {{world_.cheque.id, 7}});
  for (size_t n = 0; n < guardian::kCalls; ++n) ASSERT_TRUE(open(call_offer(1, 5)).ok());
  EXPECT_EQ(reason_of(open(call_offer(1, 5)).status()), "GUARDIAN_FULL");
  EXPECT_EQ(balance().cheques, 2u);  // none is bound to it
  ASSERT_TRUE(wallet().hang_up(past().terms_digest).ok());
  EXPECT_TRUE(open(call_offer(1, 5)).ok());
}

// [guard] A guardian that forgets the opening cannot make the wallet open it a second time.
TEST_F(CallTest, AForgetfulGuardianConvictsNobody) {
  const Bytes chip_before = device_.chip.memory().snapshot();
  const Bytes offer = call_offer();
  const Bytes payment = *open(offer);
  EXPECT_EQ(till_refuses(payment), "");
  device_.chip.memory().restore(chip_before);
  ASSERT_TRUE(device_.restart().ok());
  std::vector<Command> log;
  listen(log);
  EXPECT_FALSE(tick(terms_of(offer), 0).ok());
  EXPECT_FALSE(open(offer).ok());
  EXPECT_EQ(*wallet().payment_bytes(terms_of(offer)), payment);
  EXPECT_EQ(count(log, Ins::kAnswerTicks), 0u);
  EXPECT_EQ(count(log, Ins::kDrawTicks), 0u);
}

// [guard] The same where the request is stored and its answer never came: there is one root only.
TEST_F(CallTest, DrawsNoTicksAnewForAStoredRequest) {
  const Bytes chip_before = device_.chip.memory().snapshot();
  device_.chip.tamper = [](ByteView command, protocol::MutableByteView response) {
    if (command[1] == static_cast<uint8_t>(Ins::kAnswerTicks)) response[70] ^= 1;
  };
  const Bytes offer = call_offer();
  ASSERT_FALSE(open(offer).ok());
  device_.chip.tamper = nullptr;
  device_.chip.memory().restore(chip_before);
  ASSERT_TRUE(device_.restart().ok());
  std::vector<Command> log;
  listen(log);
  EXPECT_EQ(reason_of(open(offer).status()), "GUARDIAN_REFUSED");
  EXPECT_EQ(count(log, Ins::kDrawTicks), 0u);
}

TEST_F(CallTest, SendsAtTimesThatDependOnTheWorkAlone) {
  const Bytes offer = call_offer();
  EXPECT_EQ(wallet().on_call_offer(offer, kWorldNow_ms)->send_at_ms,
            kWorldNow_ms + kAnswerTime_ms + kMost / kOpenedTicksPer_ms);
  EXPECT_EQ(till_refuses(*wallet().payment_bytes(terms_of(offer))), "");
  const auto at = [&](uint32_t index) {
    return wallet().on_tick_demand(demand(terms_of(offer), index), kWorldNow_ms)->send_at_ms;
  };
  EXPECT_EQ(at(0), kWorldNow_ms + kAnswerTime_ms);
  EXPECT_EQ(at(1), kWorldNow_ms + kAnswerTime_ms);
  EXPECT_EQ(at(0), kWorldNow_ms + kAnswerTime_ms);
}

}  // namespace
}  // namespace cafe::wallet
