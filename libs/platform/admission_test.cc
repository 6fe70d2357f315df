#include "libs/platform/admission.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/platform/error.h"

namespace cafe::platform {
namespace {

constexpr absl::Duration kPatient = absl::InfiniteDuration();

class AdmissionTest : public ::testing::Test {
 protected:
  Admission make(const QueueLimits& limits, size_t workers = 1) {
    return Admission("test", limits, workers, metrics_);
  }
  double rejected(const std::string& reason) {
    return metrics_
        .counter("cafe_work_rejected_total", "Jobs that were not run.",
                 {{"pool", "test"}, {"reason", reason}})
        .Value();
  }
  static void expect_refused(const absl::Status& status) {
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
    EXPECT_EQ(reason_of(status), "QUEUE_FULL");
  }

  Metrics metrics_{"test"};
};

TEST_F(AdmissionTest, BoundsTheirNumber) {
  Admission admission = make({.capacity = 2});
  EXPECT_TRUE(admission.admit(0, kPatient).ok());
  EXPECT_TRUE(admission.admit(0, kPatient).ok());
  expect_refused(admission.admit(0, kPatient));
  EXPECT_EQ(rejected("QUEUE_FULL"), 1);
  admission.start(0, absl::ZeroDuration());
  EXPECT_TRUE(admission.admit(0, kPatient).ok());
}

TEST_F(AdmissionTest, BoundsTheirMemory) {
  Admission admission = make({.bytes = 1000});
  EXPECT_TRUE(admission.admit(600, kPatient).ok());
  expect_refused(admission.admit(401, kPatient));
  EXPECT_EQ(rejected("QUEUE_BYTES"), 1);
  EXPECT_TRUE(admission.admit(400, kPatient).ok());
  EXPECT_THAT(metrics_.expose(),
              ::testing::HasSubstr("cafe_work_queue_bytes{service=\"test\",pool=\"test\"} 1000"));
}

TEST_F(AdmissionTest, TakesAnItemThatIsLargerThanTheLimitWhenNothingElseWaits) {
  Admission admission = make({.bytes = 1000});
  EXPECT_TRUE(admission.admit(5000, kPatient).ok());
  expect_refused(admission.admit(0, kPatient));
}

TEST_F(AdmissionTest, RefusesWhatWouldWaitTooLong) {
  Admission admission = make({.wait = absl::Seconds(1)}, /*workers=*/2);
  // Two workers that each take 400 ms an item serve five a second.
  EXPECT_TRUE(admission.admit(100, kPatient).ok());
  admission.start(100, absl::ZeroDuration());
  admission.finish(1, 100, absl::Milliseconds(400));
  for (int i = 0; i < 6; ++i) EXPECT_TRUE(admission.admit(100, kPatient).ok()) << i;
  EXPECT_NEAR(absl::ToDoubleSeconds(admission.expected_wait()), 1.2, 0.001);
  expect_refused(admission.admit(100, kPatient));
  EXPECT_EQ(rejected("QUEUE_WAIT"), 1);
}

TEST_F(AdmissionTest, RefusesWhatItsCallerWouldNotWaitFor) {
  Admission admission = make({.wait = absl::Seconds(10)});
  EXPECT_TRUE(admission.admit(0, kPatient).ok());
  admission.start(0, absl::ZeroDuration());
  admission.finish(1, 0, absl::Milliseconds(300));
  EXPECT_TRUE(admission.admit(0, absl::Milliseconds(200)).ok());  // at once
  expect_refused(admission.admit(0, absl::Milliseconds(200)));
  EXPECT_TRUE(admission.admit(0, absl::Milliseconds(400)).ok());
}

TEST_F(AdmissionTest, TakesLargeItemsForMoreWorkThanSmallOnes) {
  Admission admission = make({.wait = absl::Seconds(1)});
  EXPECT_TRUE(admission.admit(1 << 20, kPatient).ok());
  admission.start(1 << 20, absl::ZeroDuration());
  admission.finish(1, 1 << 20, absl::Seconds(2));
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(admission.admit(1000, kPatient).ok()) << i;
  EXPECT_TRUE(admission.admit(1 << 20, kPatient).ok());
  expect_refused(admission.admit(0, kPatient));
}

TEST_F(AdmissionTest, ForgetsABadTime) {
  Admission admission = make({.wait = absl::Seconds(1)});
  // The database was away: every call took its time-out.
  EXPECT_TRUE(admission.admit(0, kPatient).ok());
  admission.start(0, absl::ZeroDuration());
  admission.finish(1, 0, absl::Seconds(10));
  EXPECT_TRUE(admission.admit(0, kPatient).ok());
  expect_refused(admission.admit(0, kPatient));
  admission.start(0, absl::ZeroDuration());
  for (int i = 0; i < 200; ++i) admission.finish(1, 0, absl::Milliseconds(1));
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(admission.admit(0, kPatient).ok()) << i;
}

}  // namespace
}  // namespace cafe::platform
