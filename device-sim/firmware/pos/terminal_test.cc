#include "device-sim/firmware/pos/terminal.h"

#include "device-sim/firmware/pos/terminal_fixture.h"

namespace cafe::pos {
namespace {

using protocol::Bytes;
using protocol::Bytes32;
using protocol::Payment;
using protocol::reason_of;
using protocol::SignedDocument;
using protocol::VerdictCode;
using testing::kDay_s;
using testing::kWorldNow_ms;
using testing::kWorldNow_s;
using testing::Market;
using testing::terms_of;
using testing::Till;
using testing::WithdrawnCoin;
using testing::WorldWallet;

TEST_F(TerminalTest, AcceptsAValidPaymentAndSignsForIt) {
  const Bytes payment = pay_coin();
  const PaymentResult result = decide(payment);
  ASSERT_EQ(result.decision, Decision::kAccepted) << result.reason;
  const auto answer = *firmware::PaymentAnswer::decode(result.message);
  EXPECT_TRUE(answer.document.check(market_.terminal_key.public_key()).ok());
  const auto acceptance = *protocol::Acceptance::decode(answer.document.frame);
  EXPECT_EQ(acceptance.payment_digest, protocol::sha256(payment));
}

TEST_F(TerminalTest, GivesTheSameAnswerToTheSamePayment) {
  const Bytes payment = pay_coin();
  const Bytes first = decide(payment).message;
  EXPECT_EQ(till_.terminal->on_payment(payment, kWorldNow_ms + 5000)->message, first);
  ASSERT_TRUE(till_.restart().ok());
  EXPECT_EQ(decide(payment).message, first);
  EXPECT_EQ(till_.terminal->waiting_payments(), 1u);
}

TEST_F(TerminalTest, TakesNoSlotTwice) {
  WithdrawnCoin coin = market_.take(alice_, market_.coin);
  decide(pay(offer(500), {{&coin, 0, 500}}).encode());
  ASSERT_TRUE(till_.restart().ok());
  const PaymentResult second =
      decide(pay(offer(500), {{&coin, 0, 500}}, testing::Guardian::kForgetful).encode());
  EXPECT_EQ(second.decision, Decision::kRefused);
  EXPECT_EQ(second.reason, "SLOT_TAKEN");
  EXPECT_EQ(till_.terminal->waiting_payments(), 1u);
}

TEST_F(TerminalTest, TakesOnePaymentForABill) {
  const Bytes bill = offer(500);
  WithdrawnCoin one = market_.take(alice_, market_.coin);
  WithdrawnCoin two = market_.take(alice_, market_.coin);
  decide(pay(bill, {{&one, 0, 500}}).encode());
  const auto second =
      till_.terminal->on_payment(pay(bill, {{&two, 0, 500}}).encode(), kWorldNow_ms);
  EXPECT_EQ(reason_of(second.status()), "TERMS_SETTLED");
}

// The acquirer would refuse it: the goods must not go out for it.
TEST_F(TerminalTest, ABillCannotBePaidDaysLater) {
  WithdrawnCoin coin = market_.take(alice_, market_.coin);
  const Bytes payment = pay(offer(500), {{&coin, 0, 500}}).encode();
  const auto late = till_.terminal->on_payment(payment, kWorldNow_ms + kBillLife_ms + 1);
  ASSERT_TRUE(late.ok());
  EXPECT_EQ(late->decision, Decision::kRefused);
  EXPECT_EQ(late->reason, "OFFER_EXPIRED");
  EXPECT_EQ(till_.terminal->waiting_payments(), 0u);
}

TEST_F(TerminalTest, RefusesAWrongPaymentForGood) {
  const Bytes bill = offer(500);
  WithdrawnCoin coin = market_.take(alice_, market_.coin);
  const Payment good = pay(bill, {{&coin, 0, 500}});
  Payment bad = good;
  bad.spends[0].r1 = bad.spends[0].r1 + protocol::Scalar::from_u64(1);
  const PaymentResult result = decide(bad.encode());
  EXPECT_EQ(result.decision, Decision::kRefused);
  EXPECT_EQ(result.reason, "SPEND_INVALID");
  const auto answer = *firmware::PaymentAnswer::decode(result.message);
  EXPECT_FALSE(answer.accepted);
  EXPECT_TRUE(answer.document.check(market_.terminal_key.public_key()).ok());
  // The refusal voids the terms: nothing is accepted for them later.
  EXPECT_EQ(reason_of(till_.terminal->on_payment(good.encode(), kWorldNow_ms).status()),
            "TERMS_SETTLED");
  EXPECT_EQ(decide(bad.encode()).message, result.message);
  EXPECT_EQ(till_.terminal->waiting_payments(), 0u);
}

TEST_F(TerminalTest, RefusesAnotherAmount) {
  const Bytes bill = offer(900);
  WithdrawnCoin coin = market_.take(alice_, market_.coin);
  EXPECT_EQ(decide(pay(bill, {{&coin, 0, 500}}).encode()).reason, "AMOUNT_MISMATCH");
}

TEST_F(TerminalTest, SignsNothingForWhatIsNotItsOwn) {
  WithdrawnCoin coin = market_.take(alice_, market_.coin);
  // Terms that this terminal never made.
  const Payment foreign = market_.pay(alice_, {{&coin, 0, 500}});
  EXPECT_EQ(reason_of(till_.terminal->on_payment(foreign.encode(), kWorldNow_ms).status()),
            "UNKNOWN_OFFER");
  protocol::SeededRng rng("garbage");
  const Bytes valid = pay_coin();
  for (int i = 0; i < 2000; ++i) {
    Bytes bytes = valid;
    if (i % 2 == 0) {
      bytes.resize(rng.below(bytes.size()));
    } else {
      bytes[rng.below(bytes.size())] ^= static_cast<uint8_t>(1 + rng.below(255));
    }
    const auto result = till_.terminal->on_payment(bytes, kWorldNow_ms);
    if (result.ok()) {
      EXPECT_EQ(result->decision, Decision::kRefused);
    }
  }
  EXPECT_EQ(till_.terminal->waiting_payments(), 0u);
}

TEST_F(TerminalTest, WithdrawsABill) {
  const Bytes bill = offer(500);
  const Bytes32 terms = terms_of(bill).digest();
  const Bytes refusal = *till_.terminal->cancel_offer(terms, kWorldNow_ms);
  EXPECT_EQ(*till_.terminal->cancel_offer(terms, kWorldNow_ms + 1), refusal);
  WithdrawnCoin coin = market_.take(alice_, market_.coin);
  const PaymentResult late = decide(pay(bill, {{&coin, 0, 500}}).encode());
  EXPECT_EQ(late.decision, Decision::kRefused);
  EXPECT_EQ(late.message, refusal);
  EXPECT_EQ(reason_of(till_.terminal->cancel_offer({}, kWorldNow_ms).status()), "UNKNOWN_OFFER");
  const Bytes paid = pay_coin();
  decide(paid);
  EXPECT_EQ(reason_of(till_.terminal
                          ->cancel_offer(Payment::decode(paid).value().terms.digest(), kWorldNow_ms)
                          .status()),
            "TERMS_SETTLED");
}

TEST_F(TerminalTest, BillsOnlySums) {
  EXPECT_EQ(reason_of(till_.terminal->make_offer("EUR", 0, kWorldNow_ms).status()), "AMOUNT_ZERO");
  EXPECT_EQ(reason_of(till_.terminal->make_offer("euro", 5, kWorldNow_ms).status()),
            "BAD_CURRENCY");
}

TEST_F(TerminalTest, BootsOnlyWithItsOwnCredential) {
  firmware::MemoryImage memory(64 * 1024);
  EXPECT_EQ(reason_of(Terminal::boot(memory, market_.rng,
                                     {testing::make_key(market_.rng), market_.terminal_credential,
                                      market_.anchors})
                          .status()),
            "WRONG_TERMINAL");
}

// --- Above the off-line limit ---

class AuthorizationTest : public TerminalTest {
 protected:
  // 31 coins of 5 EUR: 155 EUR, above the 150 EUR that the issuer allows off line.
  Bytes pay_much() {
    constexpr uint64_t kCoins = 31;
    const Bytes bill = offer(kCoins * 500);
    std::vector<testing::Paying> slots;
    for (uint64_t i = 0; i < kCoins; ++i) {
      slots.push_back({&take(market_.coin), 0, 500});
    }
    return pay(bill, slots).encode();
  }
};

TEST_F(AuthorizationTest, AsksTheAcquirerFirst) {
  const Bytes payment = pay_much();
  const PaymentResult asked = decide(payment);
  ASSERT_EQ(asked.decision, Decision::kAuthorize);
  EXPECT_EQ(asked.payment, payment);
  EXPECT_EQ(till_.terminal->waiting_payments(), 0u);
  ASSERT_TRUE(till_.restart().ok());
  EXPECT_EQ(decide(payment).decision, Decision::kAuthorize);
  EXPECT_EQ(reason_of(authorize(payment, true, market_.coinstore_key).status()), "BAD_SIGNATURE");
  const auto granted = authorize(payment, true, market_.deposit_key);
  ASSERT_TRUE(granted.ok()) << granted.status();
  EXPECT_EQ(granted->decision, Decision::kAccepted);
  EXPECT_EQ(till_.terminal->waiting_payments(), 1u);
  EXPECT_EQ(authorize(payment, true, market_.deposit_key)->message, granted->message);
}

TEST_F(AuthorizationTest, RefusesWhereTheAcquirerDoes) {
  const Bytes payment = pay_much();
  decide(payment);
  const auto denied = authorize(payment, false, market_.deposit_key);
  ASSERT_TRUE(denied.ok()) << denied.status();
  EXPECT_EQ(denied->decision, Decision::kRefused);
  EXPECT_EQ(denied->reason, "SPENT");
  EXPECT_EQ(decide(payment).message, denied->message);
  EXPECT_EQ(till_.terminal->waiting_payments(), 0u);
}

// --- Deposits ---

TEST_F(TerminalTest, DepositsUnderOneKeyUntilTheReceiptComes) {
  EXPECT_FALSE(till_.terminal->next_deposit()->has_value());
  for (int i = 0; i < 3; ++i) decide(pay_coin());
  const DepositBatch first = **till_.terminal->next_deposit(2);
  ASSERT_EQ(first.payments.size(), 2u);
  const auto order =
      *protocol::DepositOrder::decode(SignedDocument::decode(first.order).value().frame);
  EXPECT_EQ(order.payments_digest, protocol::payments_digest(first.payments));
  ASSERT_TRUE(till_.restart().ok());
  decide(pay_coin());
  const DepositBatch again = **till_.terminal->next_deposit(1000);
  EXPECT_EQ(again.order, first.order);
  EXPECT_EQ(again.payments, first.payments);

  const auto receipt = settle(receipt_for(first));
  ASSERT_TRUE(receipt.ok()) << receipt.status();
  EXPECT_EQ(till_.terminal->waiting_payments(), 2u);
  EXPECT_EQ(till_.terminal->receipts().size(), 1u);
  ASSERT_TRUE(till_.restart().ok());
  const DepositBatch second = **till_.terminal->next_deposit();
  EXPECT_EQ(second.payments.size(), 2u);
  EXPECT_NE(second.order, first.order);
  ASSERT_TRUE(settle(receipt_for(second)).ok());
  EXPECT_FALSE(till_.terminal->next_deposit()->has_value());
  EXPECT_EQ(till_.terminal->receipts().size(), 2u);
}

TEST_F(TerminalTest, BelievesOnlyItsAcquirersReceipt) {
  decide(pay_coin());
  const DepositBatch batch = **till_.terminal->next_deposit();
  const Bytes good = receipt_for(batch);
  const auto document = *SignedDocument::decode(good);
  EXPECT_EQ(
      reason_of(
          settle(SignedDocument::sign(document.frame, market_.withdrawal_key).encode()).status()),
      "BAD_SIGNATURE");
  EXPECT_EQ(
      reason_of(till_.terminal->on_receipt(good, market_.withdrawal_certificate.encode()).status()),
      "WRONG_PURPOSE");
  auto other = *protocol::Receipt::decode(document.frame);
  other.order_digest[0] ^= 1;
  EXPECT_EQ(
      reason_of(
          settle(SignedDocument::sign(other.encode(), market_.deposit_key).encode()).status()),
      "RECEIPT_MISMATCH");
  other = *protocol::Receipt::decode(document.frame);
  other.verdicts.clear();
  EXPECT_FALSE(settle(SignedDocument::sign(other.encode(), market_.deposit_key).encode()).ok());
  EXPECT_EQ(till_.terminal->waiting_payments(), 1u);
  EXPECT_TRUE(settle(good).ok());
  EXPECT_EQ(reason_of(settle(good).status()), "RECEIPT_MISMATCH");  // nothing is under way
}

TEST_F(TerminalTest, AnswersASettledPaymentAsBefore) {
  const Bytes payment = pay_coin();
  const Bytes message = decide(payment).message;
  ASSERT_TRUE(settle(receipt_for(**till_.terminal->next_deposit())).ok());
  EXPECT_EQ(decide(payment).message, message);
  EXPECT_EQ(till_.terminal->waiting_payments(), 0u);
}

TEST_F(TerminalTest, ForgetsSlotsOnlyOnceNobodyCanSpendThem) {
  WithdrawnCoin coin = market_.take(alice_, market_.coin);
  decide(pay(offer(500), {{&coin, 0, 500}}).encode());
  ASSERT_TRUE(settle(receipt_for(**till_.terminal->next_deposit())).ok());
  ASSERT_TRUE(till_.terminal->prune(kWorldNow_s + 90 * kDay_s).ok());
  EXPECT_EQ(
      decide(pay(offer(500), {{&coin, 0, 500}}, testing::Guardian::kForgetful).encode()).reason,
      "SLOT_TAKEN");
  // From then on no bill is left that could be paid with the coin, not even one of its last second.
  ASSERT_TRUE(till_.terminal->prune(kWorldNow_s + 91 * kDay_s).ok());
  EXPECT_EQ(
      decide(pay(offer(500), {{&coin, 0, 500}}, testing::Guardian::kForgetful).encode()).decision,
      Decision::kAccepted);
}

TEST_F(TerminalTest, TakesNothingOfAKeyThatIsReportedCompromised) {
  const Bytes before = pay_coin();
  EXPECT_EQ(decide(before).decision, Decision::kAccepted);
  report_compromised(market_.coin);
  const auto coin = [&] { return pay(offer(500), {{&take(market_.coin), 0, 500}}); };
  const auto both = [&] {
    return pay(offer(507), {{&take(market_.coin), 0, 500}, {&take(market_.cheque), 0, 7}});
  };
  EXPECT_EQ(decide(coin().encode()).reason, "DENOMINATION_STOPPED");
  EXPECT_EQ(decide(both().encode()).reason, "DENOMINATION_STOPPED");
  ASSERT_TRUE(till_.restart().ok());
  EXPECT_EQ(decide(coin().encode()).reason, "DENOMINATION_STOPPED");
  // Other money is as good as before, and so is what was accepted before the report.
  EXPECT_EQ(decide(pay(offer(9), {{&take(market_.cheque), 0, 9}}).encode()).decision,
            Decision::kAccepted);
  const DepositBatch batch = **till_.terminal->next_deposit();
  ASSERT_EQ(batch.payments.size(), 2u);
  EXPECT_EQ(batch.payments[0], before);
}

// The acquirer, which judges the terminal at the time in the terms, would refuse the payment.
TEST_F(TerminalTest, MakesBillsOnlyWhileItIsCertified) {
  const auto refused_at = [&](uint64_t now_s) {
    const std::string bill =
        reason_of(till_.terminal->make_offer("EUR", 500, now_s * 1000).status());
    EXPECT_EQ(
        reason_of(till_.terminal->make_call_offer("EUR", 3, 20, "10 s", now_s * 1000).status()),
        bill);
    return bill;
  };
  protocol::KeyCertificate enrolment =
      *protocol::KeyCertificate::decode(market_.enrolment_certificate.frame);
  // The dates of the one certificate or the other, whichever are narrower.
  const auto certify = [&](uint64_t key_from, uint64_t key_until, uint64_t from, uint64_t until) {
    enrolment.valid_from = key_from;
    enrolment.valid_until = key_until;
    market_.terminal.valid_from = from;
    market_.terminal.valid_until = until;
    market_.terminal_credential = {
        SignedDocument::sign(enrolment.encode(), market_.master_key),
        SignedDocument::sign(market_.terminal.encode(), market_.enrolment_key)};
    ASSERT_TRUE(till_.restart().ok());
    EXPECT_EQ(refused_at(kWorldNow_s - kDay_s - 1), "KEY_EXPIRED");
    EXPECT_EQ(refused_at(kWorldNow_s - kDay_s), "");
    EXPECT_EQ(refused_at(kWorldNow_s + kDay_s - 1), "");
    EXPECT_EQ(refused_at(kWorldNow_s + kDay_s), "KEY_EXPIRED");
  };
  const uint64_t from = kWorldNow_s - kDay_s;
  const uint64_t until = kWorldNow_s + kDay_s;
  certify(from - 7, until + 7, from, until);
  certify(from, until, from - 7, until + 7);
  certify(from - 7, until, from, until + 7);
}

// Power fails at every byte that a decision writes: the terminal has accepted, with the slot held
// and the payment queued, or it knows nothing of it.
TEST_F(TerminalTest, APowerCutLeavesTheDecisionWholeOrUnmade) {
  const Bytes bill = offer(500);
  WithdrawnCoin coin = market_.take(alice_, market_.coin);
  const Bytes payment = pay(bill, {{&coin, 0, 500}}).encode();
  const Bytes before = till_.memory.snapshot();
  const uint64_t start = till_.memory.bytes_written();
  const Bytes message = decide(payment).message;
  const uint64_t bytes = till_.memory.bytes_written() - start;
  for (uint64_t cut = 0; cut < bytes; cut += 7) {
    till_.memory.restore(before);
    ASSERT_TRUE(till_.restart().ok());
    till_.memory.cut_power_after(cut);
    EXPECT_THROW(till_.terminal->on_payment(payment, kWorldNow_ms).IgnoreError(),
                 firmware::PowerLost);
    ASSERT_TRUE(till_.restart().ok()) << cut;
    ASSERT_LE(till_.terminal->waiting_payments(), 1u);
    ASSERT_EQ(decide(payment).message, message) << cut;
    ASSERT_EQ(till_.terminal->waiting_payments(), 1u) << cut;
  }
}

TEST_F(TerminalTest, KeepsTwoListsOfOneNumberAsEvidence) {
  auto other = market_.list;
  ++other.issued_at;
  EXPECT_EQ(reason_of(till_.terminal->accept_list(
                SignedDocument::sign(other.encode(), market_.master_key).encode())),
            "LIST_EQUIVOCATION");
  EXPECT_EQ(reason_of(till_.terminal->accept_list(
                SignedDocument::sign(other.encode(), market_.deposit_key).encode())),
            "BAD_SIGNATURE");
}

}  // namespace
}  // namespace cafe::pos
