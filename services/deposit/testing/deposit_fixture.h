// What the tests of the running service stand on: a service under the test's clock, one payee,
// coins issued. Every test ends with an audit of the ledger.
#pragma once

#include <mutex>

#include "libs/platform/log.h"
#include "services/deposit/testing/back_end.h"

namespace cafe::deposit::testing {

inline constexpr uint64_t kNow_s = 1'800'000'000;

class DepositTest : public ::testing::Test {
 protected:
  DepositTest() {
    back_end.enrol(till, /*cover=*/1000);
    back_end.issue(shop.five, 1'000'000);
    back_end.issue(shop.split, 1'000'000);
    back_end.issue(shop.dollar, 1'000'000);
    start(back_end.options());
  }
  ~DepositTest() override { EXPECT_EQ(back_end.audit(), ""); }

  void start(const DepositOptions& options) {
    service.emplace(back_end, clock, options);
    payee.emplace(service->payee());
    // The first list is fetched in the background.
    EXPECT_TRUE(cafe::testing::eventually(std::chrono::seconds(10), [&] {
      return service->metrics().find("cafe_deposit_denomination_list{service=\"deposit\"} 0") ==
             std::string::npos;
    }));
  }
  protocol::Bytes16 new_key() { return shop.rng.array<16>(); }
  protocol::Receipt deposit(const Till& from, const std::vector<protocol::Bytes>& payments) {
    const auto response = payee->deposit(shop, from, new_key(), payments);
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() ? back_end.receipt(*response) : protocol::Receipt{};
  }
  protocol::PaymentVerdict deposit_one(const Till& from, const protocol::Bytes& payment) {
    return deposit(from, {payment}).verdicts.at(0);
  }
  std::string reason(const protocol::Bytes& order, const std::vector<protocol::Bytes>& payments) {
    return protocol::reason_of(payee->deposit(order, payments).status());
  }
  // Authorizations need terms of just now.
  protocol::Terms terms_now(const Till& from, uint64_t amount) {
    protocol::Terms terms = shop.terms(from, amount);
    terms.time_ms = unix_ms(clock);
    return terms;
  }

  std::string log_so_far() {
    const std::lock_guard lock(log_mutex);
    return log;
  }

  std::mutex log_mutex;
  std::string log;
  platform::LogCapture capture{[this](const std::string& line) {
    const std::lock_guard lock(log_mutex);
    log += line + "\n";
  }};
  platform::ManualClock clock{absl::FromUnixSeconds(kNow_s)};
  BackEnd back_end{kNow_s};
  Shop& shop = back_end.shop;
  Till till = shop.make_till();
  std::optional<InProcess> service;
  std::optional<Payee> payee;
};

}  // namespace cafe::deposit::testing
