#include "services/doublespend/group_commit.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <future>

#include "libs/protocol/status.h"
#include "services/doublespend/testing/rows.h"

namespace cafe::doublespend {
namespace {

using protocol::make_error;
using protocol::reason_of;
using Result = absl::StatusOr<std::vector<RecordVerdict>>;

// A store whose commits wait until the test lets them through.
class GatedStore : public RecordStore {
 public:
  Result record(std::span<const SpendRow> rows) override {
    std::unique_lock lock(mutex_);
    commits_.emplace_back(rows.begin(), rows.end());
    changed_.notify_all();
    const size_t own = commits_.size();
    changed_.wait(lock, [&] { return own <= let_through_; });
    if (answer_) return answer_(rows);
    return same_places(rows);
  }

  // A verdict that names its row, so that a mix-up shows.
  static std::vector<RecordVerdict> same_places(std::span<const SpendRow> rows) {
    std::vector<RecordVerdict> verdicts;
    for (const SpendRow& row : rows) {
      verdicts.push_back({.outcome = Outcome::kRepeat, .other = row.place});
    }
    return verdicts;
  }

  void answer_with(std::function<Result(std::span<const SpendRow>)> answer) {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(answer);
  }
  void wait_for_commits(size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return commits_.size() >= count; });
  }
  void let_through(size_t count) {
    const std::lock_guard lock(mutex_);
    let_through_ = count;
    changed_.notify_all();
  }
  void open() { let_through(SIZE_MAX); }
  std::vector<size_t> commit_sizes() {
    const std::lock_guard lock(mutex_);
    std::vector<size_t> sizes;
    for (const auto& rows : commits_) sizes.push_back(rows.size());
    return sizes;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::vector<SpendRow>> commits_;
  size_t let_through_ = 0;
  std::function<Result(std::span<const SpendRow>)> answer_;
};

class GroupCommitTest : public ::testing::Test {
 protected:
  void start(GroupCommitOptions options) { commits_.emplace(options, store_, clock_, metrics_); }

  std::future<Result> record(size_t rows) {
    const uint64_t batch = ++batches_;
    return std::async(std::launch::async, [this, rows, batch] {
      return commits_->record(testing::RowMaker("rows", 1, 1).spends(rows, batch));
    });
  }
  // Starts a request that occupies the only writer, and waits until it does.
  std::future<Result> occupy_writer() {
    auto first = record(1);
    store_.wait_for_commits(1);
    return first;
  }
  void wait_for_queued_rows(double rows) {
    platform::Gauge& gauge = metrics_.gauge("cafe_coinstore_queued_rows", "");
    while (gauge.Value() != rows) std::this_thread::yield();
  }
  double counted(const char* outcome) {
    return metrics_.counter("cafe_coinstore_rows_total", "", {{"outcome", outcome}}).Value();
  }

  platform::ManualClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  platform::Metrics metrics_{"test"};
  GatedStore store_;
  std::optional<GroupCommit> commits_;
  std::atomic<uint64_t> batches_ = 0;
};

TEST_F(GroupCommitTest, RequestsThatWaitShareOneCommit) {
  start({.writers = 1});
  auto first = occupy_writer();
  std::vector<std::future<Result>> waiting;
  for (size_t i = 1; i <= 5; ++i) waiting.push_back(record(i));
  wait_for_queued_rows(15);
  store_.open();
  EXPECT_TRUE(first.get().ok());
  for (size_t i = 0; i < waiting.size(); ++i) {
    const Result result = waiting[i].get();
    ASSERT_TRUE(result.ok());
    ASSERT_EQ(result->size(), i + 1);
    const uint64_t batch = result->front().other.batch;
    for (uint32_t k = 0; k < result->size(); ++k) {
      EXPECT_EQ((*result)[k].other, (Place{batch, k})) << "each request gets its own verdicts";
    }
  }
  EXPECT_EQ(store_.commit_sizes(), (std::vector<size_t>{1, 15}));
  EXPECT_EQ(counted("repeat"), 16);
}

TEST_F(GroupCommitTest, ACommitHasItsMostRowsButNeverSplitsARequest) {
  start({.writers = 1, .max_rows_per_commit = 10});
  auto first = occupy_writer();
  std::vector<std::future<Result>> waiting;
  double queued = 0;
  for (const size_t rows : {4, 6, 7, 25, 3}) {
    waiting.push_back(record(rows));
    wait_for_queued_rows(queued += static_cast<double>(rows));
  }
  store_.open();
  for (auto& request : waiting) EXPECT_TRUE(request.get().ok());
  EXPECT_EQ(store_.commit_sizes(), (std::vector<size_t>{1, 10, 7, 25, 3}));
}

TEST_F(GroupCommitTest, NobodyIsAnsweredBeforeTheCommit) {
  start({.writers = 1});
  auto first = occupy_writer();
  auto second = record(1);
  wait_for_queued_rows(1);
  EXPECT_EQ(first.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  store_.let_through(1);
  EXPECT_TRUE(first.get().ok());
  store_.wait_for_commits(2);
  EXPECT_EQ(second.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  store_.open();
  EXPECT_TRUE(second.get().ok());
}

TEST_F(GroupCommitTest, AFullQueueRefusesAtOnce) {
  start({.writers = 1, .max_queued_rows = 10});
  auto first = occupy_writer();
  auto second = record(8);
  wait_for_queued_rows(8);
  const Result refused = record(3).get();
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(reason_of(refused.status()), "QUEUE_FULL");
  auto third = record(2);
  wait_for_queued_rows(10);
  store_.open();
  EXPECT_TRUE(first.get().ok() && second.get().ok() && third.get().ok());
  EXPECT_TRUE(record(10).get().ok()) << "room again";
}

TEST_F(GroupCommitTest, WhatWouldWaitTooLongIsRefusedAtOnce) {
  start({.writers = 1, .max_rows_per_commit = 1, .queue_wait = absl::Seconds(1)});
  auto first = occupy_writer();
  clock_.advance(absl::Milliseconds(400));  // how long a commit takes of late
  store_.let_through(1);
  EXPECT_TRUE(first.get().ok());
  auto second = record(1);
  store_.wait_for_commits(2);
  std::vector<std::future<Result>> waiting;
  for (int i = 1; i <= 3; ++i) {
    waiting.push_back(record(1));
    wait_for_queued_rows(i);
  }
  // 400 ms each, so that what comes now would wait for 1.2 s.
  EXPECT_EQ(reason_of(record(1).get().status()), "QUEUE_FULL");
  store_.open();
  EXPECT_TRUE(second.get().ok());
  for (auto& request : waiting) EXPECT_TRUE(request.get().ok());
}

TEST_F(GroupCommitTest, ACallerThatWillNotWaitSoLongIsRefusedAtOnce) {
  start({.writers = 1, .max_rows_per_commit = 1});
  auto first = occupy_writer();
  clock_.advance(absl::Milliseconds(400));
  store_.let_through(1);
  EXPECT_TRUE(first.get().ok());
  auto second = record(1);
  store_.wait_for_commits(2);
  auto third = record(1);
  wait_for_queued_rows(1);
  const auto submit = [&](absl::Duration patience) {
    return commits_->submit(testing::RowMaker("rows", 1, 1).spends(1, 9), clock_.now() + patience,
                            [](Result) {});
  };
  EXPECT_EQ(reason_of(submit(absl::Milliseconds(300))), "QUEUE_FULL");
  EXPECT_TRUE(submit(absl::Milliseconds(500)).ok());
  store_.open();
  EXPECT_TRUE(second.get().ok() && third.get().ok());
}

TEST_F(GroupCommitTest, AFailedCommitAnswersEveryWaiter) {
  start({.writers = 1});
  auto first = occupy_writer();
  std::vector<std::future<Result>> waiting;
  for (int i = 0; i < 4; ++i) waiting.push_back(record(2));
  wait_for_queued_rows(8);
  store_.answer_with([](auto) {
    return make_error(absl::StatusCode::kUnavailable, "DATABASE_DOWN", "It is down.");
  });
  store_.open();
  EXPECT_EQ(reason_of(first.get().status()), "DATABASE_DOWN");
  for (auto& request : waiting) EXPECT_EQ(reason_of(request.get().status()), "DATABASE_DOWN");
  EXPECT_EQ(counted("fresh") + counted("repeat") + counted("double"), 0);
}

TEST_F(GroupCommitTest, OneRequestsBadRowsDoNotFailTheOthers) {
  start({.writers = 1});
  auto first = occupy_writer();
  auto good = record(2);
  wait_for_queued_rows(2);
  auto bad = record(3);
  wait_for_queued_rows(5);
  auto good_too = record(4);
  wait_for_queued_rows(9);
  store_.answer_with([](std::span<const SpendRow> rows) -> Result {
    if (std::any_of(rows.begin(), rows.end(), [](auto& row) { return row.place.batch == 3; })) {
      return make_error(absl::StatusCode::kFailedPrecondition, "RETENTION_OVER", "Too late.");
    }
    return GatedStore::same_places(rows);
  });
  store_.open();
  EXPECT_TRUE(first.get().ok());
  EXPECT_TRUE(good.get().ok());
  EXPECT_TRUE(good_too.get().ok());
  EXPECT_EQ(reason_of(bad.get().status()), "RETENTION_OVER");
}

TEST_F(GroupCommitTest, ACommitInDoubtIsDoneAgain) {
  start({.writers = 1, .max_attempts = 4});
  std::atomic<int> calls = 0;
  const auto in_doubt_until = [&](int attempt) {
    calls = 0;
    store_.answer_with([&calls, attempt](std::span<const SpendRow> rows) -> Result {
      if (++calls < attempt) {
        return make_error(absl::StatusCode::kUnavailable, "COMMIT_IN_DOUBT", "Who knows.");
      }
      return GatedStore::same_places(rows);
    });
  };
  store_.open();
  in_doubt_until(4);
  EXPECT_TRUE(record(1).get().ok());
  EXPECT_EQ(calls, 4);
  in_doubt_until(5);
  EXPECT_EQ(reason_of(record(1).get().status()), "COMMIT_IN_DOUBT") << "not for ever";
  EXPECT_EQ(calls, 4);
}

TEST_F(GroupCommitTest, TheEndFinishesWhatIsQueued) {
  start({.writers = 1});
  auto first = occupy_writer();
  auto second = record(2);
  wait_for_queued_rows(2);
  auto end = std::async(std::launch::async, [&] { commits_.reset(); });
  store_.open();
  end.get();
  EXPECT_TRUE(first.get().ok());
  EXPECT_TRUE(second.get().ok());
}

TEST_F(GroupCommitTest, WritersCommitSideBySide) {
  start({.writers = 2});
  auto first = record(1);
  store_.wait_for_commits(1);
  auto second = record(1);
  store_.wait_for_commits(2);  // though the first has not ended
  store_.open();
  EXPECT_TRUE(first.get().ok() && second.get().ok());
}

}  // namespace
}  // namespace cafe::doublespend
