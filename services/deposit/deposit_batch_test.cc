// Batches, their keys, and who may deposit them.
#include <thread>

#include "absl/time/clock.h"
#include "services/deposit/testing/deposit_fixture.h"

namespace cafe::deposit {
namespace {

using protocol::Bytes;
using protocol::Bytes16;
using protocol::PaymentVerdict;
using protocol::reason_of;
using protocol::Receipt;
using protocol::VerdictCode;
using testing::DepositTest;
using testing::kDay_s;
using testing::kNow_s;
using testing::Shop;
using testing::TestCoin;
using testing::Till;

TEST_F(DepositTest, CreditsOnePayment) {
  const TestCoin coin = shop.mint(shop.five);
  const Bytes16 key = new_key();
  const std::vector<Bytes> payments = {shop.pay(till, {{&coin, 0}})};
  const auto response = payee->deposit(shop, till, key, payments);
  ASSERT_TRUE(response.ok()) << response.status();
  const Receipt receipt = back_end.receipt(*response);

  EXPECT_EQ(receipt.acquirer_id, Shop::kIssuer);
  EXPECT_EQ(receipt.payee_id, till.payee_id);
  EXPECT_EQ(receipt.idempotency_key, key);
  EXPECT_EQ(receipt.time_ms, kNow_s * 1000);
  EXPECT_EQ(receipt.order_digest,
            protocol::SignedDocument::decode(shop.order(till, key, payments))->digest());
  ASSERT_EQ(receipt.verdicts.size(), 1u);
  EXPECT_EQ(
      receipt.verdicts[0],
      (PaymentVerdict{VerdictCode::kAccepted, "", 500, "EUR", {{VerdictCode::kAccepted, 500, 0}}}));
  EXPECT_EQ(back_end.credited(till), 500);
  EXPECT_EQ(back_end.outstanding(shop.five), 1'000'000 - 500);
  EXPECT_EQ(back_end.peers.coin_store.spent(), 1u);
}

TEST_F(DepositTest, CreditsAThousandPayments) {
  std::vector<TestCoin> coins;
  for (int i = 0; i < 200; ++i) coins.push_back(shop.mint(shop.split));
  std::vector<Bytes> payments;
  for (const TestCoin& coin : coins) {
    for (uint32_t slot = 0; slot < 5; ++slot) payments.push_back(shop.pay(till, {{&coin, slot}}));
  }
  const absl::Time began = absl::Now();
  const Receipt receipt = deposit(till, payments);
  RecordProperty("batch_of_1000_ms", absl::ToInt64Milliseconds(absl::Now() - began));
  ASSERT_EQ(receipt.verdicts.size(), 1000u);
  for (const PaymentVerdict& verdict : receipt.verdicts) {
    EXPECT_EQ(verdict.code, VerdictCode::kAccepted);
  }
  EXPECT_EQ(back_end.credited(till), 200 * 900);
  EXPECT_EQ(back_end.outstanding(shop.split), 1'000'000 - 200 * 900);
}

TEST_F(DepositTest, TakesOneToAThousandPayments) {
  const std::string before = back_end.fingerprint();
  EXPECT_EQ(reason(shop.order(till, new_key(), {}), {}), "BATCH_EMPTY");
  const std::vector<Bytes> many(1001, Bytes{1});
  EXPECT_EQ(reason(shop.order(till, new_key(), many), many), "BATCH_TOO_LARGE");
  EXPECT_EQ(back_end.fingerprint(), before);
}

TEST_F(DepositTest, AnswersARetryWithTheSameBytesHoweverLate) {
  const TestCoin a = shop.mint(shop.five), b = shop.mint(shop.five);
  const Till other = shop.make_till();
  back_end.enrol(other);
  deposit(other, {shop.pay(other, {{&a, 0}})});  // so that there is evidence to repeat
  const std::vector<Bytes> payments = {shop.pay(till, {{&a, 0}}), shop.pay(till, {{&b, 0}}), {}};
  const Bytes order = shop.order(till, new_key(), payments);
  const auto first = payee->deposit(order, payments);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->evidence_size(), 1);
  const std::string books = back_end.fingerprint();

  clock.advance(absl::Hours(24 * 400));  // everything has run out, also the terminal's certificate
  const auto second = payee->deposit(order, payments);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->SerializeAsString(), first->SerializeAsString());
  EXPECT_EQ(back_end.fingerprint(), books);
}

TEST_F(DepositTest, OwesAReceiptStillToARevokedTerminalOfAClosedPayee) {
  const TestCoin coin = shop.mint(shop.five);
  const std::vector<Bytes> payments = {shop.pay(till, {{&coin, 0}})};
  const Bytes order = shop.order(till, new_key(), payments);
  const auto first = payee->deposit(order, payments);
  ASSERT_TRUE(first.ok()) << first.status();
  const std::string id = till.payee_id.hex();
  back_end.run_sql("SELECT deposit.revoke_terminal('\\x" + id + "', '\\x" + till.terminal_id.hex() +
                   "'); SELECT deposit.close_payee('\\x" + id + "')");
  const auto second = payee->deposit(order, payments);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->SerializeAsString(), first->SerializeAsString());
}

TEST_F(DepositTest, RefusesAKeyThatWasUsedForAnotherOrder) {
  const TestCoin a = shop.mint(shop.five), b = shop.mint(shop.five);
  const Bytes16 key = new_key();
  const std::vector<Bytes> with_a = {shop.pay(till, {{&a, 0}})};
  const std::vector<Bytes> with_b = {shop.pay(till, {{&b, 0}})};
  ASSERT_TRUE(payee->deposit(shop, till, key, with_a).ok());
  const std::string before = back_end.fingerprint();
  const auto second = payee->deposit(shop, till, key, with_b);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(reason_of(second.status()), "IDEMPOTENCY_KEY_REUSED");
  EXPECT_EQ(back_end.fingerprint(), before);
  // Another payee's keys are its own.
  const Till other = shop.make_till();
  back_end.enrol(other);
  const std::vector<Bytes> elsewhere = {shop.pay(other, {{&b, 0}})};
  EXPECT_TRUE(payee->deposit(shop, other, key, elsewhere).ok());
}

TEST_F(DepositTest, GivesConcurrentRetriesOneReceipt) {
  std::vector<TestCoin> coins;
  std::vector<Bytes> payments;
  for (int i = 0; i < 20; ++i) coins.push_back(shop.mint(shop.five));
  for (const TestCoin& coin : coins) payments.push_back(shop.pay(till, {{&coin, 0}}));
  const Bytes order = shop.order(till, new_key(), payments);
  std::vector<std::string> answers(8);
  {
    std::vector<std::jthread> clients;
    for (std::string& answer : answers) {
      clients.emplace_back([&] {
        const auto response = payee->deposit(order, payments);
        EXPECT_TRUE(response.ok()) << response.status();
        if (response.ok()) answer = response->SerializeAsString();
      });
    }
  }
  for (const std::string& answer : answers) EXPECT_EQ(answer, answers[0]);
  EXPECT_EQ(back_end.credited(till), 20 * 500);
  EXPECT_EQ(back_end.number("SELECT count(*) FROM deposit.batch"), 1);
}

// Two orders of one payee that race for one idempotency key.
TEST_F(DepositTest, GivesAnIdempotencyKeyToOneOfTwoOrders) {
  const TestCoin coins[] = {shop.mint(shop.five), shop.mint(shop.five)};
  const Bytes16 key = new_key();
  std::vector<Bytes> payments, orders;
  for (const TestCoin& coin : coins) {
    payments.push_back(shop.pay(till, {{&coin, 0}}));
    orders.push_back(shop.order(till, key, {&payments.back(), 1}));
  }
  std::string outcomes[2];
  {
    std::vector<std::jthread> clients;
    for (int i = 0; i < 2; ++i) {
      clients.emplace_back([&, i] { outcomes[i] = reason(orders[i], {payments[i]}); });
    }
  }
  std::sort(std::begin(outcomes), std::end(outcomes));
  EXPECT_EQ(outcomes[0], "");
  EXPECT_EQ(outcomes[1], "IDEMPOTENCY_KEY_REUSED");
  EXPECT_EQ(back_end.credited(till), 500);
}

TEST_F(DepositTest, TakesOrdersOfEnrolledTerminalsOnly) {
  const TestCoin coin = shop.mint(shop.five);
  const std::vector<Bytes> payments = {shop.pay(till, {{&coin, 0}})};
  const Till other = shop.make_till();
  back_end.enrol(other);
  const std::string before = back_end.fingerprint();

  Bytes forged = shop.order(till, new_key(), payments);
  forged.back() ^= 1;
  EXPECT_EQ(reason(forged, payments), "BAD_SIGNATURE");
  EXPECT_EQ(reason(shop.order(shop.make_till(), new_key(), payments), payments), "UNKNOWN_PAYEE");
  EXPECT_EQ(reason(shop.order(shop.make_till(till.payee_id), new_key(), payments), payments),
            "UNKNOWN_TERMINAL");
  Till impostor = till;  // names another payee's terminal
  impostor.terminal_id = other.terminal_id;
  EXPECT_EQ(reason(shop.order(impostor, new_key(), payments), payments), "UNKNOWN_TERMINAL");
  Till stolen = till;  // signs with another key
  stolen.key = other.key;
  EXPECT_EQ(reason(shop.order(stolen, new_key(), payments), payments), "BAD_SIGNATURE");
  EXPECT_EQ(back_end.fingerprint(), before);
}

// A terminal that stands in the database without a chain up to the master key.
TEST_F(DepositTest, TakesNothingFromATerminalThatNobodyCertified) {
  const TestCoin coin = shop.mint(shop.five);
  Till smuggled = shop.make_till(till.payee_id);
  smuggled.credential.terminal =
      protocol::SignedDocument::sign(smuggled.certificate.encode(), smuggled.key);
  back_end.enrol(smuggled);
  const std::vector<Bytes> payments = {shop.pay(till, {{&coin, 0}})};
  EXPECT_EQ(reason(shop.order(smuggled, new_key(), payments), payments), "UNKNOWN_TERMINAL");
}

TEST_F(DepositTest, TakesNothingNewFromARevokedTerminal) {
  const Till second = shop.make_till(till.payee_id);
  back_end.enrol(second);
  const TestCoin coin = shop.mint(shop.five);
  const std::vector<Bytes> payments = {shop.pay(till, {{&coin, 0}})};
  back_end.run_sql("UPDATE deposit.terminal SET revoked_at = to_timestamp(" +
                   std::to_string(kNow_s) + ") WHERE terminal_id = '\\x" + till.terminal_id.hex() +
                   "'");
  const auto refused = payee->deposit(shop, till, new_key(), payments);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(reason_of(refused.status()), "TERMINAL_REVOKED");
  // Another terminal of the payee deposits what the revoked one took; terms that it signed after
  // it was revoked (its clock says so) do not count.
  protocol::Terms earlier = shop.terms(till, 500);
  earlier.time_ms -= 1;
  const Bytes taken_before = shop.make_payment(till, {{&coin, 0}}, earlier).encode();
  const Receipt receipt = deposit(second, {payments[0], taken_before});
  EXPECT_EQ(receipt.verdicts[0].reason, "TERMINAL_REVOKED");
  EXPECT_EQ(receipt.verdicts[1].code, VerdictCode::kAccepted);
}

TEST_F(DepositTest, TakesNothingNewFromAnExpiredTerminalOrAClosedPayee) {
  const TestCoin coin = shop.mint(shop.five);
  const std::vector<Bytes> payments = {shop.pay(till, {{&coin, 0}})};
  clock.set(absl::FromUnixSeconds(kNow_s + 180 * kDay_s));
  EXPECT_EQ(reason(shop.order(till, new_key(), payments), payments), "KEY_EXPIRED");
  clock.set(absl::FromUnixSeconds(kNow_s));
  back_end.run_sql("SELECT deposit.close_payee('\\x" + till.payee_id.hex() + "')");
  EXPECT_EQ(reason(shop.order(till, new_key(), payments), payments), "PAYEE_CLOSED");
}

}  // namespace
}  // namespace cafe::deposit
