// Money that goes back into the own account, and who says who she is when.
#include <gtest/gtest.h>

#include "device-sim/firmware/wallet/money_fixture.h"
#include "libs/protocol/hash.h"

namespace cafe::wallet {
namespace {

using protocol::Bytes;
using protocol::Payment;
using protocol::reason_of;
using protocol::Receipt;
using protocol::SignedDocument;
using testing::kLoadedCents;
using testing::kWorldNow_ms;
using testing::kWorldNow_s;
using testing::terms_of;
using testing::World;

// --- Paying back ---

class PayBackTest : public testing::MoneyTest {
 protected:
  absl::StatusOr<Receipt> settle(const Bytes& receipt) {
    return wallet().on_pay_back_receipt(receipt, world_.deposit_certificate.encode());
  }
  static bool same(const PayBack& a, const PayBack& b) {
    return a.deposit_order == b.deposit_order && a.payments == b.payments &&
           a.holder_credential == b.holder_credential;
  }
};

TEST_F(PayBackTest, TakesCoinsAndChequesBackIntoTheAccount) {
  const auto back = wallet().pay_back("EUR", 6600, kWorldNow_ms);
  ASSERT_TRUE(back.ok()) << back.status();
  const auto receipt = issuer_.deposit(*back);
  ASSERT_TRUE(receipt.ok()) << receipt.status();
  EXPECT_EQ(wallet().payments().at(0).state, PaymentState::kReady);
  const auto settled = settle(*receipt);
  ASSERT_TRUE(settled.ok()) << settled.status();
  EXPECT_EQ(settled->verdicts.at(0).credited, 6600u);
  EXPECT_EQ(balance().amount + balance().counter, kLoadedCents + 1000 - 6600);
  ASSERT_TRUE(device_.restart().ok());
  EXPECT_EQ(wallet().payments().at(0).kind, PaymentKind::kPayBack);
  EXPECT_EQ(wallet().payments().at(0).state, PaymentState::kAccepted);
  EXPECT_EQ(wallet().payments().at(0).amount, 6600u);
  EXPECT_EQ(reason_of(wallet().pending_pay_back(kWorldNow_ms).status()), "NO_PAY_BACK");
  EXPECT_TRUE(wallet().pay_back("EUR", 100, kWorldNow_ms).ok());
}

TEST_F(PayBackTest, GivesTheSameBytesUntilTheReceiptHasCome) {
  const PayBack back = *wallet().pay_back("EUR", 1321, kWorldNow_ms);
  EXPECT_EQ(reason_of(wallet().pay_back("EUR", 1, kWorldNow_ms).status()), "PAY_BACK_PENDING");
  ASSERT_TRUE(device_.restart().ok());
  EXPECT_TRUE(same(*wallet().pending_pay_back(kWorldNow_ms), back));
  EXPECT_TRUE(settle(*issuer_.deposit(back)).ok());
}

// No terminal takes them, but the issuer takes them back.
TEST_F(PayBackTest, TakesBackCoinsWhoseKeyIsReportedCompromised) {
  auto reported = world_.list;
  reported.number = 2;
  reported.compromised = {world_.coin.id};
  ASSERT_TRUE(wallet().accept_list(sign_list(reported)).ok());
  ASSERT_TRUE(till_.terminal->accept_list(sign_list(reported)).ok());
  // The coins would fit; a cheque pays.
  const auto payment = pay(offer(500));
  ASSERT_TRUE(payment.ok()) << payment.status();
  const auto decoded = Payment::decode(*payment);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  for (const protocol::Coin& coin : decoded->coins) {
    EXPECT_EQ(coin.denom_id, world_.cheque.id);
  }
  EXPECT_EQ(till_refuses(*payment), "");
  const uint64_t all = kLoadedCents - 500 + 1000;
  EXPECT_EQ(reason_of(pay(offer(all)).status()), "AMOUNT_NOT_PAYABLE");
  const auto back = wallet().pay_back("EUR", all, kWorldNow_ms);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_TRUE(settle(*issuer_.deposit(*back)).ok());
  EXPECT_EQ(balance().amount + balance().counter, 0u);
}

// More slots than a payment may have.
TEST_F(PayBackTest, SplitsWhatOnePaymentDoesNotHold) {
  for (int n = 0; n < 4; ++n) device_.withdraw(issuer_, {{world_.split_coin.id, 7}});
  // All the coins, and the counter: 28 · 5 slots, 2 coins, 2 cheques.
  const uint64_t all = 28 * 900 + 1000 + kLoadedCents;
  const auto back = wallet().pay_back("EUR", all, kWorldNow_ms);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->payments.size(), 2u);
  const auto settled = settle(*issuer_.deposit(*back));
  ASSERT_TRUE(settled.ok()) << settled.status();
  uint64_t credited = 0;
  for (const auto& verdict : settled->verdicts) credited += verdict.credited;
  EXPECT_EQ(credited, all);
  EXPECT_EQ(balance().amount, 0u);
  EXPECT_EQ(balance().counter, 0u);
}

TEST_F(PayBackTest, BindsNothingThatItCannotPay) {
  EXPECT_EQ(reason_of(wallet().pay_back("EUR", 0, kWorldNow_ms).status()), "AMOUNT_ZERO");
  EXPECT_EQ(reason_of(wallet().pay_back("EUR", 7001, kWorldNow_ms).status()), "AMOUNT_NOT_PAYABLE");
  EXPECT_EQ(reason_of(wallet().pay_back("USD", 1, kWorldNow_ms).status()), "AMOUNT_NOT_PAYABLE");
  EXPECT_TRUE(wallet().payments().empty());
  EXPECT_EQ(balance().counter, kLoadedCents);
  testing::Device fresh(world_, "fresh");
  ASSERT_TRUE(fresh.restart().ok());
  EXPECT_EQ(reason_of(fresh.wallet->pay_back("EUR", 1, kWorldNow_ms).status()), "NOT_REGISTERED");
}

// [guard] The issuer must not learn how long the guardian took.
TEST_F(PayBackTest, IsSentAtATimeThatDependsOnTheSlotsAlone) {
  const PayBack back = *wallet().pay_back("EUR", 6600, kWorldNow_ms);
  const size_t slots = Payment::decode(back.payments.at(0))->spends.size();
  EXPECT_GT(slots, 1u);
  EXPECT_EQ(back.send_at_ms, kWorldNow_ms + slots * kAnswerTime_ms);
  ASSERT_TRUE(device_.restart().ok());
  EXPECT_EQ(wallet().pending_pay_back(kWorldNow_ms + 5000)->send_at_ms,
            kWorldNow_ms + 5000 + slots * kAnswerTime_ms);
}

TEST_F(PayBackTest, BelievesOnlyTheAcquirersReceiptForItsOwnDeposit) {
  const PayBack back = *wallet().pay_back("EUR", 1321, kWorldNow_ms);
  const Bytes right = *issuer_.deposit(back);
  const Receipt receipt = *Receipt::decode(SignedDocument::decode(right)->frame);
  const auto reason = [&](const Receipt& content, const protocol::SigningKey& key,
                          const SignedDocument& certificate) {
    return reason_of(wallet()
                         .on_pay_back_receipt(SignedDocument::sign(content.encode(), key).encode(),
                                              certificate.encode())
                         .status());
  };
  const auto& key = world_.deposit_key;
  const auto& certificate = world_.deposit_certificate;
  EXPECT_EQ(reason(receipt, testing::make_key(world_.rng), certificate), "BAD_SIGNATURE");
  EXPECT_EQ(reason(receipt, world_.withdrawal_key, world_.withdrawal_certificate), "WRONG_PURPOSE");
  Receipt wrong = receipt;
  wrong.order_digest[0] ^= 1;
  EXPECT_EQ(reason(wrong, key, certificate), "RECEIPT_MISMATCH");
  wrong = receipt;
  wrong.idempotency_key[0] ^= 1;
  EXPECT_EQ(reason(wrong, key, certificate), "RECEIPT_MISMATCH");
  wrong = receipt;
  wrong.verdicts.push_back(wrong.verdicts[0]);
  EXPECT_EQ(reason(wrong, key, certificate), "RECEIPT_MISMATCH");
  wrong = receipt;
  wrong.payee_id.bytes[0] ^= 1;
  EXPECT_EQ(reason(wrong, key, certificate), "RECEIPT_MISMATCH");
  wrong = receipt;
  wrong.time_ms += 400 * testing::kDay_s * 1000;
  EXPECT_EQ(reason(wrong, key, certificate), "KEY_EXPIRED");
  EXPECT_TRUE(wallet().pending_pay_back(kWorldNow_ms).ok());
  EXPECT_EQ(reason(receipt, key, certificate), "");
  EXPECT_EQ(reason_of(settle(right).status()), "NO_PAY_BACK");
}

TEST_F(PayBackTest, KeepsWhatWasRefused) {
  const PayBack back = *wallet().pay_back("EUR", 1321, kWorldNow_ms);
  Receipt receipt = *Receipt::decode(SignedDocument::decode(*issuer_.deposit(back))->frame);
  receipt.verdicts[0] = {protocol::VerdictCode::kRefused, "DENOMINATION_STOPPED", 0, "EUR", {}};
  ASSERT_TRUE(settle(SignedDocument::sign(receipt.encode(), world_.deposit_key).encode()).ok());
  const PastPayment past = wallet().payments().at(0);
  EXPECT_EQ(past.state, PaymentState::kRefused);
  EXPECT_EQ(*wallet().payment_bytes(past.terms_digest), back.payments[0]);
}

// --- Identification ---

// Limits of 8 and 10 euros.
class IdentificationTest : public testing::MoneyTest {
 protected:
  void SetUp() override {
    MoneyTest::SetUp();
    auto limited = world_.list;
    limited.number = 2;
    limited.limits = {{"EUR", 800, 1000}};
    ASSERT_TRUE(wallet().accept_list(sign_list(limited)).ok());
    ASSERT_TRUE(till_.terminal->accept_list(sign_list(limited)).ok());
    table_.add(limited);
  }
  protocol::DenominationTable table_;
};

TEST_F(IdentificationTest, NamesThePayerAboveTheLimitAfterAskingHer) {
  const Bytes bill = offer(1001);
  const Bytes payment = *pay(bill);
  EXPECT_EQ(device_.owner.identifications_asked, 1);
  EXPECT_EQ(device_.owner.payments_asked, 1);
  EXPECT_EQ(device_.owner.last_bill.amount, 1001u);
  const auto prepared = check(payment, table_);
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  EXPECT_EQ(prepared->payer, *wallet().account());
  EXPECT_TRUE(wallet().payments()[0].identified);
  ASSERT_TRUE(device_.restart().ok());
  EXPECT_EQ(*pay(bill), payment);
  EXPECT_EQ(device_.owner.identifications_asked, 1);
  EXPECT_EQ(Payment::decode(payment)->identification->credential.encode(),
            *wallet().holder_credential());
}

TEST_F(IdentificationTest, BindsNothingWhereSheDoesNotSayWhoSheIs) {
  device_.owner.identifies = false;
  EXPECT_EQ(reason_of(pay(offer(1001)).status()), "IDENTIFICATION_DECLINED");
  EXPECT_EQ(device_.owner.payments_asked, 0);
  EXPECT_TRUE(wallet().payments().empty());
  EXPECT_EQ(balance().counter, kLoadedCents);
  device_.owner.identifies = true;
  device_.owner.willing = false;
  EXPECT_EQ(reason_of(pay(offer(1001)).status()), "OWNER_DECLINED");
  EXPECT_TRUE(wallet().payments().empty());
}

// Above the off-line limit and up to the other one, nothing names her.
TEST_F(IdentificationTest, NamesNobodyUpToTheLimit) {
  const auto credential = *wallet().holder_credential();
  const auto account = *wallet().account();
  for (uint64_t amount : {1u, 800u, 900u, 1000u}) {
    const Bytes payment = *pay(offer(amount));
    const auto prepared = check(payment, table_);
    ASSERT_TRUE(prepared.ok()) << amount << prepared.status();
    EXPECT_FALSE(prepared->payer.has_value()) << amount;
    for (protocol::ByteView named :
         {protocol::ByteView(account), protocol::ByteView(credential).last(64)}) {
      EXPECT_EQ(std::search(payment.begin(), payment.end(), named.begin(), named.end()),
                payment.end());
    }
  }
  EXPECT_EQ(device_.owner.identifications_asked, 0);
}

TEST_F(IdentificationTest, AsksNobodyWhereMoneyGoesBack) {
  const PayBack back = *wallet().pay_back("EUR", 1001, kWorldNow_ms);
  EXPECT_EQ(device_.owner.identifications_asked, 0);
  EXPECT_TRUE(Payment::decode(back.payments[0])->identification.has_value());
}

}  // namespace
}  // namespace cafe::wallet
