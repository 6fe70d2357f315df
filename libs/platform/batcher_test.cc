#include "libs/platform/batcher.h"

#include <gtest/gtest.h>

#include <future>
#include <memory>

namespace cafe::platform {
namespace {

class BatcherTest : public ::testing::Test {
 protected:
  using IntBatcher = Batcher<std::unique_ptr<int>>;

  // Each batch waits until the gate opens.
  std::unique_ptr<IntBatcher> make(const BatcherOptions& options) {
    return std::make_unique<IntBatcher>(options, clock_, metrics_,
                                        [this](std::vector<std::unique_ptr<int>> batch) {
                                          std::vector<int> numbers;
                                          for (const auto& item : batch) numbers.push_back(*item);
                                          {
                                            const std::lock_guard lock(mutex_);
                                            batches_.push_back(numbers);
                                            taken_.notify_all();
                                          }
                                          opened_.wait();
                                        });
  }
  static absl::Status submit(IntBatcher& batcher, int number) {
    return batcher.submit(absl::InfiniteFuture(), 0, std::make_unique<int>(number));
  }
  void wait_for_batches(size_t count) {
    std::unique_lock lock(mutex_);
    taken_.wait(lock, [&] { return batches_.size() >= count; });
  }

  ManualClock clock_{absl::FromUnixSeconds(1'000)};
  Metrics metrics_{"test"};
  std::promise<void> gate_;
  std::shared_future<void> opened_ = gate_.get_future().share();
  std::mutex mutex_;
  std::condition_variable taken_;
  std::vector<std::vector<int>> batches_;
};

TEST_F(BatcherTest, TakesWhatIsThereWithoutWaitingForMore) {
  const auto batcher = make({.name = "test", .threads = 1});
  ASSERT_TRUE(submit(*batcher, 1).ok());
  wait_for_batches(1);
  for (int i = 2; i <= 5; ++i) ASSERT_TRUE(submit(*batcher, i).ok());
  gate_.set_value();
  batcher->drain();
  EXPECT_EQ(batches_, (std::vector<std::vector<int>>{{1}, {2, 3, 4, 5}}));
}

TEST_F(BatcherTest, WorksOnSeveralBatchesAtATime) {
  const auto batcher = make({.name = "test", .threads = 2});
  ASSERT_TRUE(submit(*batcher, 1).ok());
  wait_for_batches(1);
  ASSERT_TRUE(submit(*batcher, 2).ok());
  wait_for_batches(2);  // while the first one is at work
  gate_.set_value();
}

TEST_F(BatcherTest, KeepsToTheLargestBatch) {
  const auto batcher = make({.name = "test", .threads = 1, .largest = 2});
  ASSERT_TRUE(submit(*batcher, 1).ok());
  wait_for_batches(1);
  for (int i = 2; i <= 4; ++i) ASSERT_TRUE(submit(*batcher, i).ok());
  gate_.set_value();
  batcher->drain();
  EXPECT_EQ(batches_, (std::vector<std::vector<int>>{{1}, {2, 3}, {4}}));
}

TEST_F(BatcherTest, RefusesWhenFullAndLeavesTheItemAlone) {
  const auto batcher = make({.name = "test", .threads = 1, .limits = {.capacity = 1}});
  ASSERT_TRUE(submit(*batcher, 1).ok());
  wait_for_batches(1);
  ASSERT_TRUE(submit(*batcher, 2).ok());
  auto kept = std::make_unique<int>(3);
  const absl::Status refused = batcher->submit(absl::InfiniteFuture(), 0, std::move(kept));
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(reason_of(refused), "QUEUE_FULL");
  ASSERT_NE(kept, nullptr);
  gate_.set_value();
  batcher->drain();
  EXPECT_EQ(batches_, (std::vector<std::vector<int>>{{1}, {2}}));
}

TEST_F(BatcherTest, DrainFinishesWhatWaitsAndTakesNoMore) {
  const auto batcher = make({.name = "test", .threads = 1});
  ASSERT_TRUE(submit(*batcher, 1).ok());
  wait_for_batches(1);
  ASSERT_TRUE(submit(*batcher, 2).ok());
  gate_.set_value();
  batcher->drain();
  EXPECT_EQ(batches_.size(), 2u);
  EXPECT_EQ(reason_of(submit(*batcher, 3)), "SHUTTING_DOWN");
}

TEST_F(BatcherTest, HandsOverApartWhatIsLate) {
  std::promise<void> running;
  std::vector<int> worked, late;
  Batcher<int> batcher(
      {.name = "late", .threads = 1}, clock_, metrics_,
      [&](const std::vector<int>& batch) {
        if (batch.front() == 1) {
          running.set_value();
          opened_.wait();
        }
        worked.insert(worked.end(), batch.begin(), batch.end());
      },
      [&](const std::vector<int>& batch) { late.insert(late.end(), batch.begin(), batch.end()); });
  ASSERT_TRUE(batcher.submit(absl::InfiniteFuture(), 0, 1).ok());
  running.get_future().wait();
  const absl::Time soon = clock_.now() + absl::Seconds(1);
  ASSERT_TRUE(batcher.submit(soon, 0, 2).ok());
  ASSERT_TRUE(batcher.submit(absl::InfiniteFuture(), 0, 3).ok());
  ASSERT_TRUE(batcher.submit(soon + absl::Milliseconds(1), 0, 4).ok());
  clock_.advance(absl::Seconds(1));
  gate_.set_value();
  batcher.drain();
  EXPECT_EQ(worked, (std::vector<int>{1, 3, 4}));
  EXPECT_EQ(late, std::vector<int>{2});
  EXPECT_NE(metrics_.expose().find("cafe_work_rejected_total{service=\"test\",pool=\"late\","
                                   "reason=\"DEADLINE_PASSED\"} 1"),
            std::string::npos);
}

TEST_F(BatcherTest, AnExceptionEndsItsBatchOnly) {
  std::promise<int> second;
  Batcher<int> batcher({.name = "throws", .threads = 1, .largest = 1}, clock_, metrics_,
                       [&](const std::vector<int>& batch) {
                         if (batch.front() == 1) throw std::runtime_error("one");
                         second.set_value(batch.front());
                       });
  EXPECT_TRUE(batcher.submit(absl::InfiniteFuture(), 0, 1).ok());
  EXPECT_TRUE(batcher.submit(absl::InfiniteFuture(), 0, 2).ok());
  EXPECT_EQ(second.get_future().get(), 2);
}

}  // namespace
}  // namespace cafe::platform
