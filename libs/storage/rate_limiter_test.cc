#include "libs/storage/rate_limiter.h"

#include <gtest/gtest.h>

#include "libs/protocol/status.h"

namespace cafe::storage {
namespace {

using protocol::reason_of;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::system_clock;

class RateLimiterTest : public ::testing::Test {
 protected:
  system_clock::time_point now_{seconds(1'700'000'000)};
  FakeCache cache_{[this] { return now_; }};
  RateLimiter limiter(Cache* cache) {
    return RateLimiter({.name = "open", .calls = 3, .window = seconds(20)}, cache,
                       [this] { return now_; });
  }
};

TEST_F(RateLimiterTest, AllowsSoManyCallsInAWindowAndThenAgainInTheNext) {
  RateLimiter limit = limiter(&cache_);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(limit.allow("a"));
  EXPECT_FALSE(limit.allow("a"));
  EXPECT_TRUE(limit.allow("b"));
  now_ += seconds(20);
  EXPECT_TRUE(limit.allow("a"));
}

TEST_F(RateLimiterTest, InstancesShareTheirCountThroughTheCache) {
  RateLimiter one = limiter(&cache_), other = limiter(&cache_);
  EXPECT_TRUE(one.allow("a"));
  EXPECT_TRUE(other.allow("a"));
  EXPECT_TRUE(one.allow("a"));
  EXPECT_FALSE(other.allow("a"));
}

TEST_F(RateLimiterTest, CountsForItselfWhenTheCacheIsDown) {
  RateLimiter one = limiter(&cache_), other = limiter(&cache_);
  cache_.set_down(true);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(one.allow("a"));
  EXPECT_FALSE(one.allow("a"));
  EXPECT_TRUE(other.allow("a"));
  RateLimiter alone = limiter(nullptr);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(alone.allow("a"));
  EXPECT_FALSE(alone.allow("a"));
}

TEST_F(RateLimiterTest, StrangersCannotFillTheMemoryWhileTheCacheIsDown) {
  RateLimiter limit = limiter(nullptr);
  for (int i = 0; i < 100'000; ++i) ASSERT_TRUE(limit.allow(std::to_string(i)));
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(limit.allow("one too many"));
}

TEST_F(RateLimiterTest, TheFakeCacheKeepsTimeAndForgets) {
  ASSERT_TRUE(cache_.set("k", "v", milliseconds(100)).ok());
  EXPECT_EQ(cache_.get("k")->value(), "v");
  now_ += milliseconds(100);
  EXPECT_FALSE(cache_.get("k")->has_value());
  ASSERT_TRUE(cache_.set("k", "v", seconds(1)).ok());
  EXPECT_EQ(reason_of(cache_.increment("k", seconds(1)).status()), "CACHE_ANSWER");
  cache_.clear();
  EXPECT_FALSE(cache_.get("k")->has_value());
  cache_.set_down(true);
  EXPECT_EQ(reason_of(cache_.get("k").status()), "CACHE_DOWN");
}

}  // namespace
}  // namespace cafe::storage
