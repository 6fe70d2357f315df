#include "libs/storage/redis.h"

#include <gtest/gtest.h>

#include <thread>

#include "libs/protocol/status.h"
#include "libs/storage/rate_limiter.h"
#include "tests/support/private_redis.h"

namespace cafe::storage {
namespace {

using protocol::reason_of;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using testing::eventually;
using testing::PrivateRedis;

class RedisTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto redis = PrivateRedis::start();
    ASSERT_TRUE(redis.ok()) << redis.status();
    redis_ = *std::move(redis);
    cache_ = std::make_unique<RedisCache>(RedisOptions{.address = redis_->address()},
                                          [this] { return now_; });
  }

  /// How long a call takes that must fail.
  milliseconds time_of_failure() {
    const auto start = steady_clock::now();
    EXPECT_EQ(reason_of(cache_->get("k").status()), "CACHE_DOWN");
    return std::chrono::duration_cast<milliseconds>(steady_clock::now() - start);
  }

  steady_clock::time_point now_{seconds(1)};
  std::unique_ptr<PrivateRedis> redis_;
  std::unique_ptr<RedisCache> cache_;
};

TEST_F(RedisTest, KeepsBytesUntilTheyExpire) {
  const std::string key("k\0ey", 4), value("\0\xff\r\n", 4);
  ASSERT_TRUE(cache_->set(key, value, seconds(100)).ok());
  EXPECT_EQ(cache_->get(key)->value(), value);
  EXPECT_FALSE(cache_->get("k")->has_value());
  ASSERT_TRUE(cache_->set("short", "", milliseconds(20)).ok());
  EXPECT_TRUE(eventually(seconds(5), [&] { return !cache_->get("short")->has_value(); }));
}

TEST_F(RedisTest, SetsAndGetsManyInOrder) {
  std::vector<std::pair<std::string, std::string>> items;
  std::vector<std::string> keys{"absent"};
  for (int i = 0; i < 1000; ++i) {
    items.emplace_back(std::to_string(i) + "th", std::to_string(i));
    keys.push_back(items.back().first);
  }
  ASSERT_TRUE(cache_->set_many(items, seconds(100)).ok());
  const auto values = cache_->get_many(keys);
  ASSERT_TRUE(values.ok());
  ASSERT_EQ(values->size(), keys.size());
  EXPECT_FALSE((*values)[0].has_value());
  for (int i = 0; i < 1000; ++i) ASSERT_EQ((*values)[i + 1].value(), std::to_string(i));
  EXPECT_TRUE(cache_->get_many({})->empty());
}

TEST_F(RedisTest, CountsUntilTheFirstCountExpires) {
  EXPECT_EQ(*cache_->increment("n", milliseconds(50)), 1);
  EXPECT_EQ(*cache_->increment("m", seconds(100)), 1);
  EXPECT_EQ(*cache_->increment("m", seconds(100)), 2);
  EXPECT_TRUE(eventually(seconds(5), [&] { return !cache_->get("n")->has_value(); }));
  EXPECT_EQ(*cache_->increment("n", seconds(100)), 1);
  EXPECT_TRUE(cache_->publish("hotlist", "changed").ok());
}

TEST_F(RedisTest, ARefusedCommandIsNoReasonToStopAsking) {
  ASSERT_TRUE(cache_->set("k", "text", seconds(100)).ok());
  EXPECT_EQ(reason_of(cache_->increment("k", seconds(1)).status()), "CACHE_ANSWER");
  EXPECT_EQ(cache_->get("k")->value(), "text");
}

TEST_F(RedisTest, FailsAtOnceWhenRedisIsDownAndComesBackAfterTheBreak) {
  ASSERT_TRUE(cache_->set("k", "v", seconds(100)).ok());
  redis_->kill();
  EXPECT_LT(time_of_failure(), seconds(1));
  ASSERT_TRUE(redis_->start_again().ok());
  // Nothing is attempted during the break, although Redis is there again.
  EXPECT_EQ(reason_of(cache_->set("k", "w", seconds(100))), "CACHE_DOWN");
  now_ += seconds(1);
  EXPECT_TRUE(cache_->set("k", "w", seconds(100)).ok());
}

TEST_F(RedisTest, AServerThatDoesNotAnswerCostsOneTimeout) {
  ASSERT_TRUE(cache_->set("k", "v", seconds(100)).ok());
  redis_->freeze();
  EXPECT_LT(time_of_failure(), seconds(2));
  EXPECT_LT(time_of_failure(), milliseconds(50));
  redis_->thaw();
  now_ += seconds(1);
  EXPECT_EQ(cache_->get("k")->value(), "v");
}

TEST_F(RedisTest, NobodyListensAtABadAddress) {
  RedisCache nowhere({.address = "127.0.0.1:1"});
  EXPECT_EQ(reason_of(nowhere.get("k").status()), "CACHE_DOWN");
  RedisCache nonsense({.address = "/nonexistent/socket"});
  EXPECT_EQ(reason_of(nonsense.get("k").status()), "CACHE_DOWN");
}

TEST_F(RedisTest, ManyThreadsShareThePool) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([this] {
      for (int i = 0; i < 200; ++i) EXPECT_TRUE(cache_->increment("n", seconds(100)).ok());
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(cache_->get("n")->value(), "1600");
}

TEST_F(RedisTest, RateLimitsGoOnWhenRedisStops) {
  std::chrono::system_clock::time_point now{seconds(1'700'000'000)};
  RateLimiter limit({.name = "open", .calls = 2, .window = seconds(60)}, cache_.get(),
                    [&] { return now; });
  EXPECT_TRUE(limit.allow("a"));
  EXPECT_TRUE(limit.allow("a"));
  EXPECT_FALSE(limit.allow("a"));
  redis_->kill();
  EXPECT_TRUE(limit.allow("a"));
  EXPECT_TRUE(limit.allow("a"));
  EXPECT_FALSE(limit.allow("a"));
}

TEST(RedisAddress, TakesUrlsAndSocketsAndNamesWhatIsWrong) {
  EXPECT_EQ(*redis_address("redis://127.0.0.1:6379"), "127.0.0.1:6379");
  EXPECT_EQ(*redis_address("redis://cache:6379/0"), "cache:6379");
  EXPECT_EQ(*redis_address("/run/redis/redis.sock"), "/run/redis/redis.sock");
  for (const char* wrong : {"redis://cache:6379/1", "redis://", "", "unix:///run/redis.sock"}) {
    EXPECT_EQ(protocol::reason_of(redis_address(wrong).status()), "BAD_REDIS_URL") << wrong;
  }
}

}  // namespace
}  // namespace cafe::storage
