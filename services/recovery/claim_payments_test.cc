// Claims of payments that came to nothing: refused by their payee, or never deposited.
#include <functional>

#include "libs/protocol/payment_answer.h"
#include "services/recovery/testing/recovery_fixture.h"

namespace cafe::recovery::testing {
namespace {

using protocol::SignedDocument;
using protocol::VoidPayment;
using Total = protocol::ClaimTotal;

class ClaimPaymentsTest : public RecoveryTest {
 protected:
  // By the wallet itself, which works as before.
  SignedDocument claim_payment(const VoidPayment& payment) {
    return claim(lost_, ClaimKind::kPayments,
                 {claimed(plain_, plain_.order), claimed(split_, split_.order, 0b00100),
                  claimed(cheque_, cheque_.order)},
                 {payment});
  }
  VoidPayment refusal() { return market_.void_payment(payment_, /*refused=*/true); }
  VoidPayment undeposited() { return market_.void_payment(payment_, /*refused=*/false); }
  // The payment with a refusal that was altered and signed by `key`.
  VoidPayment altered(const std::function<void(protocol::Refusal&)>& alter,
                      const protocol::SigningKey& key) {
    VoidPayment payment = refusal();
    const auto document = SignedDocument::decode(payment.refusal).value();
    auto opened = protocol::Refusal::decode(document.frame).value();
    alter(opened);
    payment.refusal = SignedDocument::sign(opened.encode(), key).encode();
    return payment;
  }
  uint64_t settled() const { return market_.coin.denomination.deposit_until * 1000 + kWeek_ms; }
  void load_cheque() { load(lost_, 1234); }

  WithdrawnCoin plain_ = take(lost_, market_.coin);
  WithdrawnCoin split_ = take(lost_, market_.split_coin);
  WithdrawnCoin cheque_ = take(lost_, market_.cheque);
  protocol::Payment payment_ = pay({{&plain_, 0, 500}, {&split_, 2, 100}, {&cheque_, 0, 1234}});
};

TEST_F(ClaimPaymentsTest, ARefusedPaymentIsVoidedHeldAndCredited) {
  load_cheque();
  const SignedDocument document = claim_payment(refusal());
  const protocol::ClaimReceipt receipt = filed(document);
  EXPECT_EQ(receipt.claimed, (std::vector<protocol::CurrencyAmount>{{"EUR", 1834}}));
  EXPECT_EQ(receipt.held_until_ms, now_ms() + kWeek_ms);
  EXPECT_TRUE(deposit_.voided.contains(payment_.terms.digest()));
  EXPECT_FALSE(file_of(document, lost_).loss.has_value());
  advance_to(receipt.held_until_ms);
  work();
  EXPECT_EQ(total(document, lost_), (Total{"EUR", 1834, 0, 1834, 0, 0}));
  EXPECT_EQ(customer(lost_), 1834);
  EXPECT_EQ(cheque_advances(), 1234);
  advance_to(receipt.final_at_ms);
  work();
  EXPECT_EQ(judged(document, lost_).state, ClaimState::kFinal);
  EXPECT_EQ(loaded(), 0);
  EXPECT_EQ(outstanding(market_.coin), 0);
  EXPECT_EQ(outstanding(market_.split_coin), 800);
}

// It had reached the issuer before it was voided, and was recorded after.
TEST_F(ClaimPaymentsTest, ARefusedPaymentThatWasDepositedAllTheSameIsNotCredited) {
  load_cheque();
  const SignedDocument document = claim_payment(refusal());
  const protocol::ClaimReceipt receipt = filed(document);
  deposit(payment_);
  advance_to(receipt.held_until_ms);
  work();
  EXPECT_EQ(total(document, lost_), (Total{"EUR", 1834, 1834, 0, 0, 0}));
  EXPECT_EQ(customer(lost_), 0);
  EXPECT_EQ(cheque_advances(), 0);
}

TEST_F(ClaimPaymentsTest, WhatWasDepositedBeforeIsNotClaimed) {
  load_cheque();
  deposit(payment_);
  EXPECT_EQ(refused(claim_payment(refusal())), "ALREADY_DEPOSITED@0");
  advance_to(settled());
  EXPECT_EQ(refused(claim_payment(undeposited())), "ALREADY_DEPOSITED@0");
  EXPECT_EQ(number("SELECT count(*) FROM recovery.claim"), 0);
}

TEST_F(ClaimPaymentsTest, ANeverDepositedPaymentIsDueWhenNobodyCanDepositItAnyMore) {
  load_cheque();
  EXPECT_EQ(refused(claim_payment(undeposited())), "NOT_DUE@0");
  advance_to(settled() - 1000);
  EXPECT_EQ(refused(claim_payment(undeposited())), "NOT_DUE@0");
  advance_to(settled());
  const SignedDocument document = claim_payment(undeposited());
  const protocol::ClaimReceipt receipt = filed(document);
  EXPECT_EQ(receipt.held_until_ms, now_ms());
  EXPECT_EQ(receipt.final_at_ms, now_ms());
  EXPECT_TRUE(deposit_.voided.empty());
  work();
  advance_to(now_ms() + 1000);
  work();
  EXPECT_EQ(total(document, lost_), (Total{"EUR", 1834, 0, 1834, 0, 0}));
  EXPECT_EQ(judged(document, lost_).state, ClaimState::kFinal);
  EXPECT_EQ(customer(lost_), 1834);
}

TEST_F(ClaimPaymentsTest, AVoidCallGivesBackTheTicksThatWereShown) {
  load(lost_, 1000);
  WithdrawnCoin cheque = take(lost_, market_.cheque);
  const cafe::testing::TickCall call = market_.open_call(lost_, cheque, 10, 8);
  const SignedDocument document =
      claim(lost_, ClaimKind::kPayments, {claimed(cheque, cheque.order)},
            {market_.void_payment(call.shown(3), /*refused=*/true)});
  advance_to(filed(document).held_until_ms);
  work();
  EXPECT_EQ(total(document, lost_), (Total{"EUR", 30, 0, 30, 0, 0}));
  EXPECT_EQ(refused(claim(lost_, ClaimKind::kPayments, {claimed(cheque, cheque.order)},
                          {market_.void_payment(call.opening, /*refused=*/true)})),
            "NOTHING_CLAIMED");
}

TEST_F(ClaimPaymentsTest, ThePaymentsOfALostWalletAreItsSuccessors) {
  lose_and_replace();
  const SignedDocument document =
      claim(next_, ClaimKind::kPayments,
            {claimed(plain_, plain_.order), claimed(split_, split_.order, 0b00100),
             claimed(cheque_, cheque_.order)},
            {refusal()});
  load_cheque();
  advance_to(filed(document).held_until_ms);
  work();
  EXPECT_EQ(customer(next_), 1834);
}

TEST_F(ClaimPaymentsTest, WrongOnesAreRefused) {
  const auto reason = [&](const VoidPayment& payment) { return refused(claim_payment(payment)); };
  const auto same = [](protocol::Refusal&) {};
  EXPECT_EQ(reason(altered(same, market_.enrolment_key)), "BAD_SIGNATURE@0");
  EXPECT_EQ(reason(altered([](auto& r) { r.terms_digest[0] ^= 1; }, market_.terminal_key)),
            "REFUSAL_MISMATCH@0");
  EXPECT_EQ(reason(altered([](auto& r) { r.payee_id.bytes[0] ^= 1; }, market_.terminal_key)),
            "REFUSAL_MISMATCH@0");
  VoidPayment garbage = refusal();
  garbage.payment = {1, 2, 3};
  EXPECT_EQ(reason(garbage), "TRUNCATED@0");
  // Spends that do not hold.
  protocol::Payment forged = payment_;
  forged.spends[1].r1 = forged.spends[1].r1 + forged.spends[1].r2;
  EXPECT_EQ(reason(market_.void_payment(forged, true)), "SPEND_INVALID@0");
  // Another coin's slot, one slot too many, one too few.
  EXPECT_EQ(
      refused(claim(lost_, ClaimKind::kPayments, {claimed(plain_, plain_.order)}, {refusal()})),
      "PAYMENT_MISMATCH");
  EXPECT_EQ(refused(claim(lost_, ClaimKind::kPayments,
                          {claimed(plain_, plain_.order), claimed(split_, split_.order, 0b01100),
                           claimed(cheque_, cheque_.order)},
                          {refusal()})),
            "PAYMENT_MISMATCH");
  // The same payment twice.
  EXPECT_EQ(refused(claim(lost_, ClaimKind::kPayments,
                          {claimed(plain_, plain_.order), claimed(split_, split_.order, 0b00100),
                           claimed(cheque_, cheque_.order)},
                          {refusal(), refusal()})),
            "PAYMENT_MISMATCH");
  // Deposit knows of a terminal that was revoked.
  deposit_.refuses = protocol::refused("TERMINAL_REVOKED", "The terminal was revoked before.");
  EXPECT_EQ(reason(refusal()), "TERMINAL_REVOKED@0");
  deposit_.refuses.reset();
  deposit_.down = true;
  EXPECT_TRUE(absl::IsUnavailable(
      file_claim(parts_, claim_payment(refusal()).encode(), absl::InfiniteFuture()).status()));
  EXPECT_EQ(number("SELECT count(*) FROM recovery.claim"), 0);
}

}  // namespace
}  // namespace cafe::recovery::testing
