// One issuer for all tests of a suite: real PostgreSQL and Redis, the service at a clock of the
// test's.
#pragma once

#include <gmock/gmock.h>

#include "services/withdrawal/wallet_fixture.h"

namespace cafe::withdrawal {

using protocol::OrderLine;
using protocol::reason_of;
using protocol::view_of;
using testing::kDay_s;
using testing::kWorldNow_s;

class Withdrawal : public ::testing::Test {
 protected:
  // One database for all tests of this suite; each brings wallets of its own.
  static void SetUpTestSuite() { issuer_ = new TestIssuer(); }
  static void TearDownTestSuite() {
    EXPECT_EQ(issuer_->audit(), "");
    delete issuer_;
    issuer_ = nullptr;
  }

  TestIssuer& issuer() { return *issuer_; }
  Stub& stub() { return service_.stub(); }
  uint64_t slot() const { return protocol::time_slot_of(platform::unix_seconds(clock_)); }

  // The call is refused for `reason`, and no row of the database is another than before.
  template <typename F>
  void expect_refused(const std::string& reason, F&& call) {
    const std::string before = issuer().rows();
    const auto result = call();
    EXPECT_EQ(reason_of(result.status()), reason) << result.status();
    EXPECT_EQ(issuer().rows(), before) << reason << " changed rows";
  }

  static inline TestIssuer* issuer_ = nullptr;
  platform::ManualClock clock_{absl::FromUnixSeconds(kWorldNow_s)};
  InProcess service_{*issuer_, clock_};
};

}  // namespace cafe::withdrawal
