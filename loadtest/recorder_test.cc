#include "loadtest/recorder.h"

#include <gtest/gtest.h>

#include <thread>

#include "loadtest/pace_clock.h"

namespace cafe::loadtest {
namespace {

TEST(RecorderTest, CountsExactlyUnderManyThreads) {
  constexpr int kThreads = 4;
  constexpr int kEach = 20'000;
  Recorder recorder({.items_per_request = 3, .measure_s = 100}, 0);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&recorder, t] {
      for (int i = 0; i < kEach; ++i) {
        const int64_t due_ns = int64_t{i} * 1'000'000;
        recorder.started(due_ns, due_ns);
        recorder.answered(due_ns, due_ns + 1'000'000 * (t + 1),
                          {i % 2 == 0 ? Fate::kOk : Fate::kRefused, 3, ""});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  recorder.close(100 * kNsPerSecond);
  const RunResult result = recorder.result();
  EXPECT_EQ(recorder.in_flight(), 0u);
  EXPECT_EQ(result.tally.due.requests, uint64_t{kThreads} * kEach);
  EXPECT_EQ(result.tally.ok.items, uint64_t{kThreads} * kEach / 2 * 3);
  EXPECT_EQ(result.tally.refused.requests, uint64_t{kThreads} * kEach / 2);
  EXPECT_EQ(result.tally.unanswered.requests, 0u);
  EXPECT_EQ(result.tally.latency.count(), uint64_t{kThreads} * kEach / 2);
  EXPECT_EQ(result.tally.latency.max_us(), 4'000u);
}

TEST(RecorderTest, AnAnswerCountsAsDoneWhereItCameAndAsOkWhereItWasDue) {
  Recorder recorder({.warmup_s = 1, .measure_s = 1}, 0);
  const auto request = [&](double due_s, double answered_s) {
    const auto due_ns = static_cast<int64_t>(due_s * 1e9);
    recorder.started(due_ns, due_ns);
    recorder.answered(due_ns, static_cast<int64_t>(answered_s * 1e9), {Fate::kOk, 1, ""});
  };
  request(0.5, 0.6);  // warm-up
  request(0.9, 1.5);  // due in the warm-up, done in the measured second
  request(1.1, 1.2);
  request(1.9, 2.5);  // due in the measured second, done after it
  recorder.close(2 * kNsPerSecond);
  const Tally tally = recorder.result().tally;
  EXPECT_EQ(tally.due.requests, 2u);
  EXPECT_EQ(tally.ok.requests, 2u);
  EXPECT_EQ(tally.done.requests, 2u);
  EXPECT_EQ(tally.latency.max_us(), 600'000u);
}

TEST(RecorderTest, ReasonsAreBounded) {
  Recorder recorder({.measure_s = 10}, 0);
  for (int i = 0; i < 1'000; ++i) {
    recorder.started(0, 0);
    recorder.answered(0, 1, {Fate::kFailed, 1, std::to_string(i)});
  }
  const RunResult result = recorder.result();
  EXPECT_EQ(result.tally.reasons.size(), Recorder::kMostReasons + 1);
  EXPECT_EQ(result.tally.reasons.at("OTHER"), 1'000 - Recorder::kMostReasons);
}

}  // namespace
}  // namespace cafe::loadtest
