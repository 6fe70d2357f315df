// What the engine itself costs a request, beside the scenario: it is taken from the machine under
// load.
#include <benchmark/benchmark.h>

#include "loadtest/pacer.h"

namespace cafe::loadtest {
namespace {

// Answers at once, so that nothing but the engine is measured.
class Nothing final : public Scenario {
 public:
  std::string_view item_name() const override { return "requests"; }
  uint32_t items_per_request() const override { return 1; }
  absl::Status prepare(const Progress&) override { return absl::OkStatus(); }
  void start(uint64_t, Done done) override { done({Fate::kOk, 1, {}}); }
};

// A rate that no machine reaches: the pacer is always late and never waits.
void BM_Requests(benchmark::State& state) {
  Nothing nothing;
  MonotonicClock clock;
  const std::atomic<bool> stop = false;
  constexpr double kRequests = 100'000;
  for (auto _ : state) {
    const RunShape shape{.requests_per_s = kRequests * 1'000, .measure_s = 0.001};
    const auto recorder = std::make_shared<Recorder>(shape, clock.now_ns());
    run_load(nothing, {}, clock, recorder, stop);
    benchmark::DoNotOptimize(recorder->result().tally.ok.requests);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kRequests));
}
BENCHMARK(BM_Requests)->Unit(benchmark::kMillisecond);

// How late the pacer starts requests on an idle machine, at 2,000/s.
void BM_StartDelay(benchmark::State& state) {
  Nothing nothing;
  MonotonicClock clock;
  const std::atomic<bool> stop = false;
  Histogram delay;
  for (auto _ : state) {
    const RunShape shape{.requests_per_s = 2'000, .measure_s = 0.2};
    const auto recorder = std::make_shared<Recorder>(shape, clock.now_ns());
    run_load(nothing, {}, clock, recorder, stop);
    delay.merge(recorder->result().tally.start_delay);
  }
  state.counters["p50_us"] = static_cast<double>(delay.quantile_us(0.5));
  state.counters["p99_us"] = static_cast<double>(delay.quantile_us(0.99));
}
BENCHMARK(BM_StartDelay)->Unit(benchmark::kMillisecond);

void BM_HistogramAdd(benchmark::State& state) {
  Histogram histogram;
  uint64_t value = 1;
  for (auto _ : state) {
    histogram.add(value);
    value = value * 6'364'136'223'846'793'005u % 10'000'019;
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_HistogramAdd);

}  // namespace
}  // namespace cafe::loadtest
