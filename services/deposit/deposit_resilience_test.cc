// Peers that are down, the archive, the guards in the database, malformed input.
#include <gmock/gmock.h>

#include <random>

#include "libs/protocol/loadtest_key.h"
#include "services/deposit/testing/deposit_fixture.h"

namespace cafe::deposit {
namespace {

using protocol::Bytes;
using protocol::reason_of;
using protocol::Receipt;
using protocol::VerdictCode;
using storage::Transaction;
using testing::DepositTest;
using ::testing::HasSubstr;
using testing::kNow_s;
using testing::TestCoin;

TEST_F(DepositTest, GoesOnWhereTheCoinStoreWasDown) {
  const TestCoin coin = shop.mint(shop.five);
  const std::vector<Bytes> payments = {shop.pay(till, {{&coin, 0}})};
  const Bytes order = shop.order(till, new_key(), payments);
  back_end.peers.coin_store.down = true;
  EXPECT_EQ(reason(order, payments), "COIN_STORE_UNAVAILABLE");
  EXPECT_EQ(back_end.number("SELECT count(*) FROM deposit.batch WHERE state = 'stored'"), 1);
  EXPECT_EQ(back_end.credited(till), 0);
  back_end.peers.coin_store.down = false;
  clock.advance(absl::Hours(24 * 200));  // it is judged by when it was received
  const auto response = payee->deposit(order, payments);
  ASSERT_TRUE(response.ok()) << response.status();
  const Receipt receipt = back_end.receipt(*response);
  EXPECT_EQ(receipt.verdicts[0].code, VerdictCode::kAccepted);
  EXPECT_EQ(receipt.time_ms, kNow_s * 1000);
}

TEST_F(DepositTest, FinishesBatchesAroundOneThatCannotBe) {
  DepositOptions options = back_end.options();
  options.sweep_interval_ms = 20;
  options.sweep_after_ms = 1;
  service.reset();
  back_end.peers.coin_store.down = true;
  start(options);
  std::vector<TestCoin> coins;
  for (int i = 0; i < 3; ++i) {
    coins.push_back(shop.mint(shop.five));
    const std::vector<Bytes> payments = {shop.pay(till, {{&coins.back(), 0}})};
    EXPECT_EQ(reason(shop.order(till, new_key(), payments), payments), "COIN_STORE_UNAVAILABLE");
  }
  back_end.run_sql(
      "UPDATE deposit.batch SET payments = '\\x00' WHERE batch ="
      " (SELECT min(batch) FROM deposit.batch)");
  back_end.peers.coin_store.down = false;
  clock.advance(absl::Seconds(1));
  EXPECT_TRUE(cafe::testing::eventually(std::chrono::seconds(20),
                                        [&] { return back_end.credited(till) == 1000; }));
  EXPECT_EQ(back_end.number("SELECT count(*) FROM deposit.batch WHERE state = 'stored'"), 1);
}

TEST_F(DepositTest, StartsAndTakesDepositsWithWithdrawalDown) {
  service.reset();
  back_end.peers.withdrawal.down = true;
  start(back_end.options());
  const TestCoin coin = shop.mint(shop.five);
  EXPECT_EQ(deposit_one(till, shop.pay(till, {{&coin, 0}})).code, VerdictCode::kAccepted);
}

TEST_F(DepositTest, RefusesNothingForGoodBeforeItKnowsTheDenominations) {
  service.reset();
  back_end.run_sql("DELETE FROM deposit.denomination_list");
  back_end.peers.withdrawal.down = true;
  service.emplace(back_end, clock);
  payee.emplace(service->payee());
  const TestCoin coin = shop.mint(shop.five);
  const std::vector<Bytes> payments = {shop.pay(till, {{&coin, 0}})};
  const Bytes order = shop.order(till, new_key(), payments);
  const std::string before = back_end.fingerprint();
  EXPECT_EQ(reason(order, payments), "DENOMINATIONS_UNKNOWN");
  EXPECT_EQ(back_end.fingerprint(), before);
}

TEST_F(DepositTest, FetchesTheNewestListForACoinItDoesNotKnow) {
  back_end.issue(shop.unlisted, 300);
  const TestCoin coin = shop.mint(shop.unlisted);
  EXPECT_EQ(deposit_one(till, shop.pay(till, {{&coin, 0}})).reason, "UNKNOWN_DENOMINATION");
  back_end.peers.withdrawal.set_list(protocol::to_string(shop.next_list(shop.unlisted).encode()));
  clock.advance(absl::Seconds(2));
  EXPECT_EQ(deposit_one(till, shop.pay(till, {{&coin, 0}})).code, VerdictCode::kAccepted);
}

TEST_F(DepositTest, KeepsTheListItKnowsAgainstAnotherOfTheSameNumber) {
  shop.list.number = 0;  // so that the next list is another number 1
  back_end.peers.withdrawal.set_list(protocol::to_string(shop.next_list(shop.unlisted).encode()));
  clock.advance(absl::Seconds(2));
  const TestCoin coin = shop.mint(shop.unlisted), good = shop.mint(shop.five);
  EXPECT_EQ(deposit_one(till, shop.pay(till, {{&coin, 0}})).reason, "UNKNOWN_DENOMINATION");
  EXPECT_THAT(service->metrics(),
              HasSubstr("cafe_deposit_list_equivocations_total{service=\"deposit\"} 1"));
  EXPECT_EQ(deposit_one(till, shop.pay(till, {{&good, 0}})).code, VerdictCode::kAccepted);
}

// Anyone can make coins of a load-test denomination.
TEST_F(DepositTest, InProductionTakesNoListWithALoadtestDenomination) {
  service.reset();
  protocol::Denomination denomination = shop.unlisted.denomination;
  const protocol::Scalar x = protocol::loadtest_key(denomination);
  denomination.H = *protocol::multiply(x, protocol::g());
  const auto forgeable = protocol::DenominationKey::create(denomination, x).value();
  const auto document = shop.next_list(forgeable);
  platform::ServiceOptions service_options = back_end.service_options();
  service_options.production = true;
  service_options.tls.insecure = true;
  {
    // One that is fetched while it runs stays out, and what it knows stays in use.
    back_end.peers.withdrawal.set_list(protocol::to_string(document.encode()));
    platform::ServiceHost host(service_options, clock);
    ASSERT_TRUE(set_up(host, back_end.options()).ok());
    EXPECT_TRUE(cafe::testing::eventually(std::chrono::seconds(10), [&] {
      return log_so_far().find("LOADTEST_DENOMINATION") != std::string::npos;
    })) << log_so_far();
    EXPECT_THAT(host.metrics().expose(),
                HasSubstr("cafe_deposit_denomination_list{service=\"deposit\"} 1"));
  }
  back_end.run_sql("UPDATE deposit.denomination_list SET document = '\\x" +
                   protocol::to_hex(document.encode()) + "'");
  {
    platform::ServiceHost host(service_options, clock);
    EXPECT_EQ(reason_of(set_up(host, back_end.options())), "LOADTEST_DENOMINATION");
  }
  service_options.production = false;
  platform::ServiceHost host(service_options, clock);
  EXPECT_TRUE(set_up(host, back_end.options()).ok()) << "outside of production it is for that";
}

TEST_F(DepositTest, DoesNotStartOnAListThatTheIssuerDidNotSign) {
  service.reset();
  const auto forged = protocol::SignedDocument::sign(shop.list.encode(), shop.enrolment_key);
  back_end.run_sql("UPDATE deposit.denomination_list SET document = '\\x" +
                   protocol::to_hex(forged.encode()) + "'");
  const platform::ServiceOptions service_options = back_end.service_options();
  platform::ServiceHost host(service_options, clock);
  EXPECT_EQ(reason_of(set_up(host, back_end.options())), "BAD_SIGNATURE");
}

TEST_F(DepositTest, GivesPaymentsOutOfTheArchive) {
  const TestCoin a = shop.mint(shop.five), b = shop.mint(shop.five);
  const std::vector<Bytes> payments = {shop.pay(till, {{&a, 0}}), shop.pay(till, {{&b, 0}}), {}};
  const uint64_t batch = deposit(till, payments).batch;
  const auto response = payee->get_payment(batch, 1);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->payment(), protocol::to_string(payments[1]));
  EXPECT_EQ(response->terminal_credential(), protocol::to_string(till.credential.encode()));
  EXPECT_EQ(response->payee_id(), protocol::to_string(till.payee_id));
  EXPECT_EQ(response->received_ms(), kNow_s * 1000);
  EXPECT_EQ(reason_of(payee->get_payment(batch, 2).status()), "UNKNOWN_PAYMENT");
  EXPECT_EQ(reason_of(payee->get_payment(batch, 3).status()), "UNKNOWN_PAYMENT");
  EXPECT_EQ(reason_of(payee->get_payment(batch + 1, 0).status()), "UNKNOWN_BATCH");
  EXPECT_EQ(reason_of(payee->get_payment(UINT64_MAX, 0).status()), "BAD_BATCH");
}

TEST_F(DepositTest, ServiceCanNeitherEnrolNorReopenNorDelete) {
  const TestCoin coin = shop.mint(shop.five);
  deposit(till, {shop.pay(till, {{&coin, 0}})});
  const auto as_service = storage::Database::open(
      {.url = testing::shared_postgres().url("cafe_deposit", back_end.database_name),
       .pool_size = 1});
  ASSERT_TRUE(as_service.ok()) << as_service.status();
  const auto reason_for = [&](const char* sql) {
    return reason_of(
        (*as_service)->transaction({}, [&](Transaction& tx) { return tx.run_script(sql); }));
  };
  for (const char* forbidden :
       {"INSERT INTO deposit.payee VALUES ('\\x00', 'x', 1, 'EUR')",
        "UPDATE deposit.payee SET cover = 1000000", "DELETE FROM deposit.batch",
        "UPDATE deposit.batch SET payee_id = payee_id", "UPDATE deposit.batch SET received_ms = 1",
        "DELETE FROM deposit.spent_before", "UPDATE deposit.spent_before SET credited = 0",
        "DELETE FROM deposit.denomination_stop",
        "SELECT deposit.enrol_payee('\\x00', 'x', 1, 'EUR')",
        "UPDATE deposit.terminal SET revoked_at = NULL", "SELECT * FROM ledger.balance",
        "SELECT * FROM withdrawal.account"}) {
    EXPECT_EQ(reason_for(forbidden), "ROLE_FORBIDDEN") << forbidden;
  }
  EXPECT_EQ(reason_for("UPDATE deposit.batch SET evidence = '\\x00'"), "BATCH_DONE");
}

TEST_F(DepositTest, EnrolmentIsIdempotentAndReplacesNothing) {
  const auto sql = [&](const std::string& text) {
    return reason_of(
        back_end.database->transaction({}, [&](Transaction& tx) { return tx.run_script(text); }));
  };
  const std::string id = "'\\x" + till.payee_id.hex() + "'";
  EXPECT_EQ(sql("SELECT deposit.enrol_payee(" + id + ", 'Corner Shop', 1000, 'EUR')"), "");
  EXPECT_EQ(sql("SELECT deposit.enrol_payee(" + id + ", 'Corner Shop', 1001, 'EUR')"),
            "PAYEE_EXISTS");
  EXPECT_EQ(sql("SELECT deposit.enrol_terminal(" + id + ", '\\x" + till.terminal_id.hex() +
                "', '\\x04" + std::string(128, '0') + "', '\\x00')"),
            "TERMINAL_EXISTS");
  EXPECT_EQ(sql("SELECT deposit.enrol_terminal('\\x" + std::string(32, '0') +
                "', '\\x00', '\\x00', '\\x00')"),
            "UNKNOWN_PAYEE");
  EXPECT_EQ(sql("SELECT deposit.set_cover(" + id + ", 5, 'EUR')"), "");
  EXPECT_EQ(back_end.number("SELECT cover FROM deposit.payee"), 5);
}

// Truncated, altered, lengthened or random bytes in place of good ones.
class Damage {
 public:
  Bytes damaged(const Bytes& good) {
    Bytes bytes = good;
    switch (count_++ % 4) {
      case 0:
        bytes.resize(random_() % good.size());
        break;
      case 1:
        bytes[random_() % bytes.size()] ^= static_cast<uint8_t>(1 + random_() % 255);
        break;
      case 2:
        bytes.push_back(static_cast<uint8_t>(random_()));
        break;
      default:
        bytes.resize(random_() % 600);
        for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random_());
    }
    return bytes;
  }
  uint32_t number() { return random_(); }

 private:
  std::mt19937 random_{1};
  int count_ = 0;
};

TEST_F(DepositTest, MalformedRequestsChangeNothing) {
  constexpr int kEach = 10'000;
  const TestCoin coin = shop.mint(shop.five);
  const Bytes payment = shop.make_payment(till, {{&coin, 0}}, terms_now(till, 500)).encode();
  const std::vector<Bytes> payments = {payment};
  const Bytes order = shop.order(till, new_key(), payments);
  const std::string before = back_end.fingerprint();
  Damage damage;
  for (int i = 0; i < kEach; ++i) {
    ASSERT_FALSE(payee->deposit(damage.damaged(order), payments).ok());
    const std::vector<Bytes> damaged = {damage.damaged(payment)};
    ASSERT_FALSE(payee->deposit(order, damaged).ok());
    ASSERT_FALSE(payee->get_payment(damage.number(), damage.number()).ok());
    const auto authorization = payee->authorize(damage.damaged(payment));
    if (authorization.ok()) {  // where only the terms are whole
      const auto document =
          protocol::SignedDocument::decode(protocol::view_of(authorization->authorization()));
      ASSERT_FALSE(protocol::Authorization::decode(document->frame)->granted);
    }
  }
  EXPECT_EQ(back_end.fingerprint(), before);
  EXPECT_EQ(back_end.peers.coin_store.spent(), 0u);
  // The undamaged one is taken.
  EXPECT_TRUE(payee->deposit(order, payments).ok());
}

}  // namespace
}  // namespace cafe::deposit
