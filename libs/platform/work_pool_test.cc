#include "libs/platform/work_pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <set>
#include <vector>

#include "libs/platform/error.h"

namespace cafe::platform {
namespace {

class WorkPoolTest : public ::testing::Test {
 protected:
  // Occupies the only worker of `pool` until `gate_` opens.
  void block(WorkPool& pool) {
    std::promise<void> running;
    ASSERT_TRUE(pool.submit(absl::InfiniteFuture(),
                            [&, gate = gate_.get_future().share()](const absl::Status&) {
                              running.set_value();
                              gate.wait();
                            })
                    .ok());
    running.get_future().wait();
  }

  ManualClock clock_{absl::FromUnixSeconds(1'000)};
  Metrics metrics_{"test"};
  std::promise<void> gate_;
};

TEST_F(WorkPoolTest, RunsEachJobOnce) {
  std::atomic<int> sum{0};
  {
    WorkPool pool({.workers = 4, .queue_capacity = 1000}, clock_, metrics_);
    for (int i = 1; i <= 1000; ++i) {
      ASSERT_TRUE(
          pool.submit(absl::InfiniteFuture(),
                      [&sum, i](const absl::Status& admission) { sum += admission.ok() ? i : 0; })
              .ok());
    }
  }
  EXPECT_EQ(sum, 500'500);
}

TEST_F(WorkPoolTest, RefusesWhenFullAndLeavesTheJobAlone) {
  WorkPool pool({.workers = 1, .queue_capacity = 2}, clock_, metrics_);
  block(pool);
  std::atomic<int> ran{0};
  const auto job = [&ran](const absl::Status&) { ++ran; };
  EXPECT_TRUE(pool.submit(absl::InfiniteFuture(), job).ok());
  EXPECT_TRUE(pool.submit(absl::InfiniteFuture(), job).ok());
  WorkPool::Job kept = job;
  const absl::Status refused = pool.submit(absl::InfiniteFuture(), std::move(kept));
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(reason_of(refused), "QUEUE_FULL");
  EXPECT_TRUE(static_cast<bool>(kept));
  EXPECT_THAT(metrics_.expose(),
              ::testing::HasSubstr("cafe_work_queue_depth{service=\"test\",pool=\"rpc\"} 2"));
  gate_.set_value();
  pool.drain();
  EXPECT_EQ(ran, 2);
}

TEST_F(WorkPoolTest, RefusesWhatWouldHoldTooMuchMemory) {
  WorkPool pool({.workers = 1, .queue_bytes = 1000}, clock_, metrics_);
  block(pool);
  std::atomic<int> ran{0};
  const auto job = [&ran](const absl::Status&) { ++ran; };
  EXPECT_TRUE(pool.submit(absl::InfiniteFuture(), job, 1000).ok());
  EXPECT_EQ(reason_of(pool.submit(absl::InfiniteFuture(), job, 1)), "QUEUE_FULL");
  gate_.set_value();
  pool.drain();
  EXPECT_EQ(ran, 1);
}

TEST_F(WorkPoolTest, RefusesWhatWouldWaitTooLong) {
  WorkPool pool({.workers = 1, .queue_wait = absl::Seconds(1)}, clock_, metrics_);
  std::promise<void> served;
  ASSERT_TRUE(pool.submit(absl::InfiniteFuture(),
                          [&](const absl::Status&) { clock_.advance(absl::Milliseconds(700)); })
                  .ok());
  ASSERT_TRUE(
      pool.submit(absl::InfiniteFuture(), [&](const absl::Status&) { served.set_value(); }).ok());
  served.get_future().wait();  // the second one began, so the first one's time is known
  block(pool);
  const auto job = [](const absl::Status&) {};
  EXPECT_TRUE(pool.submit(absl::InfiniteFuture(), job).ok());
  // Of two jobs one took 700 ms: each that waits counts for 350 ms or so.
  absl::Status status;
  int waiting = 1;
  for (; status.ok() && waiting < 100; ++waiting) status = pool.submit(absl::InfiniteFuture(), job);
  EXPECT_EQ(reason_of(status), "QUEUE_FULL");
  EXPECT_LT(waiting, 10);
  gate_.set_value();
}

TEST_F(WorkPoolTest, AnswersWhatNobodyWaitsForWithoutRunningIt) {
  WorkPool pool({.workers = 1, .queue_capacity = 8}, clock_, metrics_);
  block(pool);
  std::vector<absl::Status> admissions;
  for (const int seconds : {1, 10}) {
    ASSERT_TRUE(pool.submit(clock_.now() + absl::Seconds(seconds),
                            [&](const absl::Status& admission) { admissions.push_back(admission); })
                    .ok());
  }
  clock_.advance(absl::Seconds(1));
  gate_.set_value();
  pool.drain();
  ASSERT_EQ(admissions.size(), 2U);
  EXPECT_EQ(admissions[0].code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(reason_of(admissions[0]), "DEADLINE_PASSED");
  EXPECT_TRUE(admissions[1].ok());
}

TEST_F(WorkPoolTest, DrainFinishesWhatIsQueuedAndTakesNoMore) {
  WorkPool pool({.workers = 1, .queue_capacity = 8}, clock_, metrics_);
  block(pool);
  std::atomic<int> ran{0};
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(pool.submit(absl::InfiniteFuture(), [&](const absl::Status&) { ++ran; }).ok());
  }
  std::thread drainer([&] { pool.drain(); });
  absl::Status refused;
  do {  // until the drain has begun
    refused = pool.submit(absl::InfiniteFuture(), [](const absl::Status&) {});
  } while (refused.ok() || absl::IsResourceExhausted(refused));
  EXPECT_EQ(reason_of(refused), "SHUTTING_DOWN");
  EXPECT_EQ(ran, 0);
  gate_.set_value();
  drainer.join();
  EXPECT_EQ(ran, 5);
}

}  // namespace
}  // namespace cafe::platform
