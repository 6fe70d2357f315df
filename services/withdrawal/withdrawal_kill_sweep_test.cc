// The service is killed on either side of every commit that it makes, of one after the other:
// whoever asked sends the same bytes again, and everything has happened once.
#include <gmock/gmock.h>

#include "libs/platform/failpoint.h"
#include "services/withdrawal/loss_fixture.h"

namespace cafe::withdrawal {
namespace {

using protocol::reason_of;

const absl::Status& status_of(const absl::Status& status) { return status; }
template <typename T>
const absl::Status& status_of(const absl::StatusOr<T>& answer) {
  return answer.status();
}

class KillSweep : public ::testing::TestWithParam<const char*> {
 protected:
  // One that dies at its n-th commit, counted from its start on.
  void start_dying(int n) {
    died_ = false;
    service_ =
        ChildProcess::try_start(issuer_, std::string(GetParam()) + "=crash@" + std::to_string(n));
    if (service_ == nullptr) revive();
  }
  void revive() {
    died_ = true;
    service_ = std::make_unique<ChildProcess>(issuer_);
  }
  // What the service answers, if need be to the same question once more.
  template <typename Call>
  auto ask(Call call) -> decltype(call(std::declval<Stub&>())) {
    auto answer = call(service_->stub());
    if (status_of(answer).code() != absl::StatusCode::kUnavailable) return answer;
    EXPECT_FALSE(died_) << status_of(answer);
    service_->expect_crash();
    revive();
    return call(service_->stub());
  }
  int64_t count(const std::string& table, const Wallet& wallet,
                const std::string& column = "account_id") {
    return issuer_.count("withdrawal." + table + " WHERE " + column + " = " +
                         sql_id(wallet.account()));
  }

  // Registers; sent again, the same receipt.
  void join(Wallet& wallet) {
    const absl::Status prepared =
        ask([&](Stub& stub) { return wallet.prepare_registration(stub); });
    ASSERT_TRUE(prepared.ok()) << prepared;
    const auto receipt = ask([&](Stub& stub) { return wallet.send_registration(stub); });
    ASSERT_TRUE(receipt.ok()) << receipt.status();
    EXPECT_EQ(*ask([&](Stub& stub) { return wallet.send_registration(stub); }), *receipt);
    EXPECT_EQ(count("account", wallet), 1);
  }
  // An order that completes, and one that is voided.
  void order(Wallet& wallet) {
    const auto opened = ask([&](Stub& stub) { return wallet.open(stub, {{issuer_.coin.id, 2}}); });
    ASSERT_TRUE(opened.ok()) << opened.status();
    const PreparedOrder order = wallet.prepare(*opened);
    const auto completion = ask([&](Stub& stub) { return wallet.complete(stub, order); });
    ASSERT_TRUE(completion.ok()) << completion.status();
    EXPECT_TRUE(wallet.unblind(order, *completion).ok());
    EXPECT_EQ(*ask([&](Stub& stub) { return wallet.complete(stub, order); }), *completion);
    ++wallet.next_order;

    const auto second = ask([&](Stub& stub) { return wallet.open(stub, {{issuer_.coin.id, 1}}); });
    ASSERT_TRUE(second.ok()) << second.status();
    const PreparedOrder dead = wallet.prepare(*second);
    const auto settled =
        ask([&](Stub& stub) { return wallet.ask_void(stub, 2, second->time_slot); });
    ASSERT_TRUE(settled.ok()) << settled.status();
    EXPECT_TRUE(wallet.is_void_statement(settled->void_statement(), 2, second->time_slot));
    EXPECT_EQ(reason_of(ask([&](Stub& stub) { return wallet.complete(stub, dead); }).status()),
              "ORDER_VOID");
    EXPECT_EQ(count("completed_order", wallet), 1);
  }
  void load(Wallet& wallet) {
    const protocol::LoadOrder order = wallet.load_order(2'500, 1);
    const auto loaded = ask([&](Stub& stub) { return wallet.load(stub, order); });
    ASSERT_TRUE(loaded.ok()) << loaded.status();
    EXPECT_EQ(*ask([&](Stub& stub) { return wallet.find_load(stub, 1); }), *loaded);
    EXPECT_EQ(count("load", wallet), 1);
  }
  // Lost, and replaced.
  void lose(Wallet& wallet, Wallet& successor) {
    const auto report = loss_report(issuer_, wallet, issuer_.start_s() * 1000);
    const auto recorded = ask([&](Stub& stub) { return call_report(stub, report); });
    ASSERT_TRUE(recorded.ok()) << recorded.status();
    EXPECT_EQ(*ask([&](Stub& stub) { return call_report(stub, report); }), *recorded);
    const auto names = replacement(issuer_, wallet, successor, issuer_.start_s() * 1000);
    const auto replaced = ask([&](Stub& stub) { return call_replace(stub, names); });
    ASSERT_TRUE(replaced.ok()) << replaced.status();
    EXPECT_EQ(*ask([&](Stub& stub) { return call_replace(stub, names); }), *replaced);
  }
  void stop_denomination() {
    v1::StopDenominationRequest request;
    request.set_denom_id(protocol::to_string(issuer_.split_coin.id));
    request.set_reason("overdrawn");
    v1::StopDenominationResponse response;
    const absl::Status stopped = ask([&](Stub& stub) {
      return call(
          [&](grpc::ClientContext* c) { return stub.StopDenomination(c, request, &response); });
    });
    EXPECT_TRUE(stopped.ok()) << stopped;
    EXPECT_EQ(issuer_.count("withdrawal.denomination_stop"), 1);
  }
  void live() {
    Wallet wallet(issuer_), successor(issuer_);
    ASSERT_NO_FATAL_FAILURE(join(wallet));
    issuer_.fund(wallet.account(), 100'000);
    ASSERT_NO_FATAL_FAILURE(order(wallet));
    ASSERT_NO_FATAL_FAILURE(load(wallet));
    EXPECT_EQ(issuer_.balance(wallet.account()), 100'000 - 1'000 - 2'500);
    ASSERT_NO_FATAL_FAILURE(join(successor));
    ASSERT_NO_FATAL_FAILURE(lose(wallet, successor));
    EXPECT_EQ(issuer_.balance(wallet.account()), 0);
    EXPECT_EQ(issuer_.balance(successor.account()), 100'000 - 1'000 - 2'500);
    ASSERT_NO_FATAL_FAILURE(stop_denomination());
    EXPECT_EQ(issuer_.audit(), "");
  }

  TestIssuer issuer_{platform::unix_seconds(platform::SystemClock())};
  std::unique_ptr<ChildProcess> service_;
  bool died_ = false;
};

TEST_P(KillSweep, EverythingHappensOnce) {
  int n = 1;
  for (;; ++n) {
    SCOPED_TRACE(n);
    // So that the next order draws the lineage again.
    run_sql(issuer_,
            "SET session_replication_role = replica; DELETE FROM withdrawal.lineage_epoch;");
    start_dying(n);
    live();
    if (HasFailure()) return;
    service_->terminate();
    if (!died_) break;
    ASSERT_LT(n, 50) << "it never gets through";
  }
  // Two registrations, the lineage, an order, a void, a load, a loss, a replacement, a denomination
  // stopped.
  EXPECT_GE(n - 1, 9);
  std::printf("killed at %d commits\n", n - 1);
}

INSTANTIATE_TEST_SUITE_P(Boundaries, KillSweep,
                         ::testing::Values("storage/before-commit", "storage/after-commit"),
                         [](const auto& test) {
                           return std::string(test.param) == "storage/before-commit" ? "Before"
                                                                                     : "After";
                         });

// The same for a case that closes its account. Its documents hold at the world's time, so nothing
// is killed: the commit fails, or nobody hears that it did not.
TEST(KilledClosing, IsToldAgain) {
  TestIssuer issuer;
  platform::ManualClock clock(absl::FromUnixSeconds(testing::kWorldNow_s));
  InProcess service(issuer, clock);
  Wallet wallet(issuer);
  wallet.join(service.stub());
  auto coins = wallet.withdraw(service.stub(), {{issuer.coin.id, 1}});
  ASSERT_TRUE(coins.ok()) << coins.status();
  testing::Market& market = issuer.market;
  const auto first = market.pay(wallet.world, {{&coins->at(0), 0, 500}});
  const auto second =
      market.pay(wallet.world, {{&coins->at(0), 0, 500}}, testing::Guardian::kForgetful);
  v1::CloseAccountRequest request;
  request.set_signed_case(protocol::to_string(
      market.sign_case(market.open_case(wallet.world, first, 0, second, 0)).encode()));
  v1::CloseAccountResponse response;
  const auto close = [&](const char* failpoints) {
    must(platform::arm_failpoints(failpoints));
    const absl::Status status = call(
        [&](grpc::ClientContext* c) { return service.stub().CloseAccount(c, request, &response); });
    must(platform::arm_failpoints(""));
    return status;
  };
  const std::string closed = "withdrawal.account WHERE closed_at IS NOT NULL";
  EXPECT_FALSE(close("storage/before-commit=error").ok());
  EXPECT_EQ(issuer.count(closed), 0);
  EXPECT_FALSE(close("storage/after-commit=error@1").ok());
  EXPECT_EQ(issuer.count(closed), 1);
  EXPECT_TRUE(close("").ok());
  EXPECT_TRUE(response.was_closed_already());
  EXPECT_EQ(issuer.audit(), "");
}

}  // namespace
}  // namespace cafe::withdrawal
