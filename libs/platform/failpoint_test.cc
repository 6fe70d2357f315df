#include "libs/platform/failpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <string>
#include <vector>

#include "libs/platform/error.h"
#include "libs/platform/log.h"

namespace cafe::platform {
namespace {

class FailpointTest : public ::testing::Test {
 protected:
  ~FailpointTest() override { EXPECT_TRUE(arm_failpoints("").ok()); }

  std::vector<std::string> lines_;
  LogCapture capture_{[this](const std::string& line) { lines_.push_back(line); }};
};

TEST_F(FailpointTest, DoesNothingUnlessArmed) {
  EXPECT_TRUE(failpoint("a").ok());
  ASSERT_TRUE(arm_failpoints("b=error").ok());
  EXPECT_TRUE(failpoint("a").ok());
  ASSERT_TRUE(arm_failpoints("").ok());
  EXPECT_TRUE(failpoint("b").ok());
}

TEST_F(FailpointTest, FailsAtEachPassingOrAtTheKth) {
  ASSERT_TRUE(arm_failpoints("each=error; third=error@3").ok());
  EXPECT_EQ(lines_.size(), 2U) << "arming is logged";
  std::vector<bool> each;
  std::vector<bool> third;
  for (int i = 0; i < 5; ++i) {
    each.push_back(failpoint("each").ok());
    third.push_back(failpoint("third").ok());
  }
  EXPECT_THAT(each, ::testing::Each(false));
  EXPECT_THAT(third, ::testing::ElementsAre(true, true, false, true, true));
  const absl::Status status = failpoint("each");
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_EQ(reason_of(status), "FAILPOINT");
}

TEST_F(FailpointTest, CrashKillsTheProcessAtTheKthPassing) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        (void)arm_failpoints("deposit/after-store=crash@2");
        if (failpoint("deposit/after-store").ok()) {
          (void)failpoint("deposit/after-store");
        }
        std::_Exit(0);
      },
      ::testing::KilledBySignal(SIGKILL), "");
}

TEST_F(FailpointTest, RefusesWhatItCannotRead) {
  ASSERT_TRUE(arm_failpoints("kept=error").ok());
  for (const char* wrong : {"a", "a=", "=crash", "a=boom", "a=crash@0", "a=crash@x", "a=crash@",
                            "a=error@-1", "a=crash@1;a=error", "a=crash@1@2"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(arm_failpoints(wrong))) << wrong;
  }
  EXPECT_FALSE(failpoint("kept").ok()) << "a refused text changes nothing";
}

}  // namespace
}  // namespace cafe::platform
