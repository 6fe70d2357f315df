// The engine against servers whose behaviour is known, on a clock that jumps: its figures must be
// those that can be worked out by hand.
#include "loadtest/pacer.h"

#include <gtest/gtest.h>

#include "loadtest/testing/fake_server.h"

namespace cafe::loadtest {
namespace {

constexpr int64_t kMs = 1'000'000;

struct Load {
  FakeServerOptions server{};
  RunShape shape{};
  PacerOptions pacer{};
};

struct Measured {
  RunResult result;
  std::vector<uint64_t> sequences;
  bool complete;
};

Measured measure(const Load& load) {
  FakeClock clock;
  FakeServer server(load.server, clock);
  const auto recorder = std::make_shared<Recorder>(load.shape, clock.now_ns());
  const std::atomic<bool> stop = false;
  const bool complete = run_load(server, load.pacer, clock, recorder, stop);
  return {recorder->result(), server.sequences(), complete};
}

// Within what the histogram may be off.
void expect_ms(uint64_t measured_us, double expected_ms) {
  EXPECT_GE(static_cast<double>(measured_us) / 1000, expected_ms * 0.999);
  EXPECT_LE(static_cast<double>(measured_us) / 1000, expected_ms * (1 + 1.0 / 128) + 0.001);
}

TEST(PacerTest, BelowCapacityEachRequestTakesItsServiceTime) {
  const Measured run = measure({.server = {.service_ns = kMs, .items_per_request = 5},
                                .shape = {.requests_per_s = 500, .items_per_request = 5}});
  EXPECT_TRUE(run.complete);
  EXPECT_EQ(run.result.tally.due.requests, 5'000u);
  EXPECT_EQ(run.result.tally.ok.items, 25'000u);
  EXPECT_DOUBLE_EQ(run.result.offered_per_s(), 2'500);
  EXPECT_DOUBLE_EQ(run.result.done_per_s(), 2'500);
  expect_ms(run.result.tally.latency.quantile_us(0), 1);
  expect_ms(run.result.tally.latency.max_us(), 1);
}

TEST(PacerTest, AboveCapacityLatencyGrowsWithTheQueueAndThroughputStays) {
  // 1,000/s can be served, 2,000/s are due: request k is due at k/2 ms and served at k + 1 ms.
  const Measured run =
      measure({.server = {.service_ns = kMs}, .shape = {.requests_per_s = 2'000, .measure_s = 10}});
  const Tally& tally = run.result.tally;
  EXPECT_EQ(tally.due.requests, 20'000u);
  EXPECT_EQ(tally.ok.requests, 20'000u);  // the others while draining
  EXPECT_NEAR(run.result.done_per_s(), 1'000, 1);
  expect_ms(tally.latency.quantile_us(0.5), 9'999 * 0.5 + 1);
  expect_ms(tally.latency.quantile_us(0.99), 19'799 * 0.5 + 1);
  expect_ms(tally.latency.max_us(), 19'999 * 0.5 + 1);
  // Second by second.
  for (size_t s = 1; s < 10; ++s)
    EXPECT_NEAR(static_cast<double>(run.result.series[s].in_flight),
                1'000 * static_cast<double>(s + 1), 2);
  expect_ms(run.result.series[9].latency.max_us(), 5'000);
}

TEST(PacerTest, APauseOfTheServerIsFeltByAllThatWereDueInIt) {
  // 0.1 ms of service, but nothing is begun from second 5 to second 6.
  const FakeServerOptions server = {
      .service_ns = kMs / 10, .pause_from_ns = 5'000 * kMs, .pause_to_ns = 6'000 * kMs};
  const Measured run = measure({.server = server, .shape = {.requests_per_s = 1'000}});
  // A tenth of all requests waited, evenly from 1,000 ms down to 0, the last ones behind the queue.
  EXPECT_EQ(run.result.tally.ok.requests, 10'000u);
  EXPECT_GT(run.result.tally.latency.quantile_us(0.99), 900'000u);
  EXPECT_GT(run.result.tally.latency.quantile_us(0.95), 450'000u);
  EXPECT_LT(run.result.tally.latency.quantile_us(0.85), 1'000u);

  // A client that waits for each answer before it sends the next would have seen one slow request.
  FakeClock clock;
  FakeServer same(server, clock);
  Histogram closed_loop;
  const int64_t begin = clock.now_ns();
  for (uint64_t k = 0; clock.now_ns() < begin + 10'000 * kMs; ++k) {
    const int64_t sent = clock.now_ns();
    int64_t answered = 0;
    same.start(k, [&](const Outcome&) { answered = clock.now_ns(); });
    while (answered == 0) clock.wait_until(clock.now_ns() + kMs);
    closed_loop.add(static_cast<uint64_t>(answered - sent) / 1000);
  }
  EXPECT_LT(closed_loop.quantile_us(0.999), 1'000u);
}

TEST(PacerTest, AStartThatTakesLongCountsAgainstAllRequestsBehindIt) {
  // Each start holds the pacer up for 10 ms, but one is due every 5 ms.
  const Measured run =
      measure({.server = {.workers = 1'000, .service_ns = kMs, .start_takes_ns = 10 * kMs},
               .shape = {.requests_per_s = 200, .measure_s = 1}});
  const Tally& tally = run.result.tally;
  EXPECT_EQ(tally.due.requests, 200u);
  EXPECT_EQ(tally.ok.requests, 200u);
  // Request k is started at 10 k ms instead of 5 k ms.
  expect_ms(tally.start_delay.max_us(), 199 * 5);
  EXPECT_GE(tally.latency.max_us(), 199u * 5 * 1000 + 11'000);
}

TEST(PacerTest, PoissonArrivalsQueueAsTheoryHasIt) {
  // M/D/1 at half its capacity: the mean wait is half of the service time.
  const Measured run = measure(
      {.server = {.service_ns = kMs},
       .shape = {
           .requests_per_s = 500, .measure_s = 600, .arrival = Arrival::kPoisson, .seed = 5}});
  EXPECT_NEAR(run.result.tally.latency.mean_us(), 1'500, 30);
}

TEST(PacerTest, WhatCannotBeStartedIsCounted) {
  const Measured run = measure({.server = {.answers = false},
                                .shape = {.requests_per_s = 100, .measure_s = 10},
                                .pacer = {.max_in_flight = 300, .drain_s = 2}});
  const Tally& tally = run.result.tally;
  EXPECT_EQ(tally.due.requests, 1'000u);
  EXPECT_EQ(tally.not_started.requests, 700u);
  EXPECT_EQ(tally.unanswered.requests, 300u);
  EXPECT_EQ(run.sequences.size(), 300u);
  EXPECT_EQ(run.result.series[9].not_started.requests, 100u);
}

TEST(PacerTest, TheWarmUpIsShownButNotCounted) {
  // The first second is spent in a pause; its queue is worked off long before the warm-up ends.
  const Measured run = measure({.server = {.service_ns = kMs / 10, .pause_to_ns = 1'000 * kMs},
                                .shape = {.requests_per_s = 100, .warmup_s = 3, .measure_s = 4}});
  EXPECT_EQ(run.sequences.size(), 700u);
  EXPECT_EQ(run.result.tally.due.requests, 400u);
  EXPECT_EQ(run.result.tally.done.requests, 400u);
  EXPECT_LT(run.result.tally.latency.max_us(), 200u);
  EXPECT_GT(run.result.series[1].latency.max_us(), 900'000u);
}

TEST(PacerTest, RefusalsAreCountedApartAndDoNotFlatterTheLatency) {
  const Measured run = measure({.server = {.service_ns = 10 * kMs, .most_waiting = 50},
                                .shape = {.requests_per_s = 200, .measure_s = 20}});
  const Tally& tally = run.result.tally;
  // 100/s are served; the queue of 50 fills within the first second.
  EXPECT_NEAR(run.result.done_per_s(), 100, 1);
  EXPECT_NEAR(run.result.refused_share(), 0.5, 0.02);
  EXPECT_EQ(tally.failed.requests, 0u);
  EXPECT_EQ(tally.latency.count() + tally.refused_latency.count(), tally.due.requests);
  expect_ms(tally.latency.quantile_us(0.9), 500);
  EXPECT_EQ(tally.refused_latency.max_us(), 0u);
}

TEST(PacerTest, FailuresAreCountedByReason) {
  const Measured run = measure({.server = {.fail_every = 10}, .shape = {.requests_per_s = 100}});
  EXPECT_EQ(run.result.tally.failed.requests, 100u);
  EXPECT_EQ(run.result.tally.ok.requests, 900u);
  EXPECT_EQ(run.result.tally.reasons.at("FAKE"), 100u);
  EXPECT_EQ(run.result.tally.latency.count(), 900u);
}

TEST(PacerTest, SequenceNumbersGoOnWhereTheyAreToldTo) {
  const Measured run = measure({.server = {.answers = true},
                                .shape = {.requests_per_s = 10, .measure_s = 1},
                                .pacer = {.first_sequence = 70}});
  EXPECT_EQ(run.sequences, (std::vector<uint64_t>{70, 71, 72, 73, 74, 75, 76, 77, 78, 79}));
}

TEST(PacerTest, AnswersAfterTheEndAreIgnored) {
  FakeClock clock;
  FakeServer server({.answers = false}, clock);
  const RunShape shape{.requests_per_s = 10, .measure_s = 1};
  const auto recorder = std::make_shared<Recorder>(shape, clock.now_ns());
  const std::atomic<bool> stop = false;
  run_load(server, {.drain_s = 1}, clock, recorder, stop);
  for (const Done& done : server.unanswered()) done({Fate::kOk, 1, ""});
  EXPECT_EQ(recorder->result().tally.ok.requests, 0u);
  EXPECT_EQ(recorder->result().tally.unanswered.requests, 10u);
  EXPECT_EQ(recorder->in_flight(), 0u);
}

TEST(PacerTest, StopsWhenTold) {
  FakeClock clock;
  FakeServer server({}, clock);
  std::atomic<bool> stop = false;
  clock.at(clock.now_ns() + 4'000 * kMs, [&] { stop = true; });
  const RunShape shape{.requests_per_s = 100, .measure_s = 3'600};
  const auto recorder = std::make_shared<Recorder>(shape, clock.now_ns());
  EXPECT_FALSE(run_load(server, {}, clock, recorder, stop));
  EXPECT_NEAR(recorder->result().shape.measure_s, 4, 0.2);
  EXPECT_NEAR(recorder->result().done_per_s(), 100, 5);
}

}  // namespace
}  // namespace cafe::loadtest
