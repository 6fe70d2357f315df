#include "libs/platform/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "absl/time/clock.h"
#include "libs/platform/error.h"

namespace cafe::platform {
namespace {

using ::testing::AllOf;
using ::testing::Ge;
using ::testing::Le;

class CallUnaryTest : public ::testing::Test {
 protected:
  CallOptions options(bool idempotent) {
    return {.timeout = absl::Seconds(60),
            .idempotent = idempotent,
            .sleep = [this](absl::Duration wait) { waits_.push_back(wait); }};
  }

  // Fails `failures` times with `code`, then succeeds.
  absl::Status call(const CallOptions& options, int failures, grpc::StatusCode code) {
    return call_unary(options, [&](grpc::ClientContext*) {
      return ++attempts_ <= failures ? grpc::Status(code, "no") : grpc::Status::OK;
    });
  }

  int attempts_ = 0;
  std::vector<absl::Duration> waits_;
};

TEST_F(CallUnaryTest, RetriesUnavailableWithGrowingWaits) {
  EXPECT_TRUE(call(options(true), 3, grpc::StatusCode::UNAVAILABLE).ok());
  EXPECT_EQ(attempts_, 4);
  ASSERT_EQ(waits_.size(), 3U);
  EXPECT_THAT(waits_[0], AllOf(Ge(absl::Milliseconds(40)), Le(absl::Milliseconds(60))));
  EXPECT_THAT(waits_[1], AllOf(Ge(absl::Milliseconds(80)), Le(absl::Milliseconds(120))));
  EXPECT_THAT(waits_[2], AllOf(Ge(absl::Milliseconds(160)), Le(absl::Milliseconds(240))));
}

TEST_F(CallUnaryTest, GivesUpAfterItsAttempts) {
  EXPECT_TRUE(absl::IsUnavailable(call(options(true), 99, grpc::StatusCode::UNAVAILABLE)));
  EXPECT_EQ(attempts_, 5);
}

TEST_F(CallUnaryTest, RetriesNothingElse) {
  EXPECT_TRUE(absl::IsUnavailable(call(options(false), 1, grpc::StatusCode::UNAVAILABLE)));
  EXPECT_EQ(attempts_, 1) << "not idempotent";
  EXPECT_TRUE(absl::IsAborted(call(options(true), 2, grpc::StatusCode::ABORTED)));
  EXPECT_EQ(attempts_, 2) << "not UNAVAILABLE";
  EXPECT_TRUE(waits_.empty());
}

TEST_F(CallUnaryTest, NeverWaitsBeyondTheDeadline) {
  CallOptions tight = options(true);
  tight.timeout = absl::Seconds(20);
  tight.initial_backoff = absl::Seconds(60);
  EXPECT_TRUE(absl::IsUnavailable(call(tight, 99, grpc::StatusCode::UNAVAILABLE)));
  EXPECT_EQ(attempts_, 1);
}

TEST_F(CallUnaryTest, DeadlineIsTheEarlierOfTimeoutAndCaller) {
  const absl::Time caller = absl::Now() + absl::Seconds(5);
  for (const absl::Time no_later_than : {absl::InfiniteFuture(), caller}) {
    CallOptions bounded = options(false);
    bounded.no_later_than = no_later_than;
    absl::Time deadline;
    EXPECT_TRUE(call_unary(bounded, [&](grpc::ClientContext* context) {
                  deadline = absl::FromChrono(context->deadline());
                  return grpc::Status::OK;
                }).ok());
    const absl::Time expected = std::min(absl::Now() + absl::Seconds(60), no_later_than);
    EXPECT_LE(deadline, expected);
    EXPECT_GE(deadline, expected - absl::Seconds(4));
  }
}

TEST_F(CallUnaryTest, MakesNoCallWithoutTime) {
  EXPECT_EQ(reason_of(call({}, 0, grpc::StatusCode::OK)), "TIMEOUT_MISSING");
  CallOptions late = options(true);
  late.no_later_than = absl::Now() - absl::Seconds(1);
  EXPECT_TRUE(absl::IsDeadlineExceeded(call(late, 0, grpc::StatusCode::OK)));
  EXPECT_EQ(attempts_, 0);
}

}  // namespace
}  // namespace cafe::platform
