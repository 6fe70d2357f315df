// Calls: ticks of a cheque, real wallet, guardian and terminal firmware. Attacks on them are in
// call_attack_test.cc, the link between both in call_link_test.cc.
#include <gtest/gtest.h>

#include "device-sim/firmware/wallet/call_fixture.h"
#include "libs/protocol/ticks.h"

namespace cafe::wallet {
namespace {

using protocol::Bytes;
using protocol::Bytes32;
using protocol::Payment;
using protocol::reason_of;
using protocol::SignedDocument;
using testing::kLoadedCents;
using testing::kMost;
using testing::kTick;
using testing::kWorldNow_ms;

using CallTest = testing::CallTest;

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

TEST_F(CallTest, OpensNoneWithAChequeWhoseKeyIsReportedCompromised) {
  auto reported = world_.list;
  reported.number = 2;
  reported.compromised = {world_.cheque.id};
  ASSERT_TRUE(wallet().accept_list(sign_list(reported)).ok());
  EXPECT_EQ(reason_of(open(call_offer()).status()), "AMOUNT_NOT_PAYABLE");
  EXPECT_EQ(device_.owner.calls_asked, 0);
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

}  // namespace
}  // namespace cafe::wallet
