#include "loadtest/load_runner.h"

#include <memory>

#include "libs/protocol/status.h"
#include "loadtest/progress.h"

namespace cafe::loadtest {

namespace {

// Time for the ticker's thread to be there when the run begins.
constexpr int64_t kHeadStartNs = 20'000'000;

}  // namespace

RunShape LoadRunner::shape_of(const RunRequest& request) const {
  const uint32_t items = scenario_.items_per_request();
  return {.requests_per_s = request.items_per_s / items,
          .items_per_request = items,
          .warmup_s = request.warmup_s,
          .measure_s = request.measure_s,
          .arrival = options_.arrival,
          .seed = options_.seed + runs_};
}

absl::StatusOr<RunResult> LoadRunner::run(const RunRequest& request) {
  const RunShape shape = shape_of(request);
  const uint64_t first = next_sequence_;
  const uint64_t count =
      count_arrivals(shape.arrival, shape.requests_per_s, shape.seed, shape.end_ns());
  CAFE_RETURN_IF_ERROR(scenario_.prepare_run(first, count, progress_));
  const Facts facts = scenario_.facts();
  if (runs_ > 0)
    clock_.wait_until(clock_.now_ns() + static_cast<int64_t>(options_.pause_s * kNsPerSecond));
  next_sequence_ += count;
  ++runs_;

  progress_(run_line(request, scenario_.item_name()));
  const auto recorder = std::make_shared<Recorder>(shape, clock_.now_ns() + kHeadStartNs);
  bool complete = false;
  {
    const Ticker ticker(recorder->start_ns(), [&](size_t n) {
      watch_.sample(static_cast<double>(clock_.now_ns() - recorder->start_ns()) / kNsPerSecond);
      if (n == 0 || n % static_cast<size_t>(options_.progress_every_s) != 0) return;
      const bool is_warmup = static_cast<double>(n) <= shape.warmup_s;
      progress_(second_line(n - 1, is_warmup, recorder->second(n - 1), recorder->in_flight()));
    });
    complete = run_load(scenario_,
                        {.first_sequence = first,
                         .max_in_flight = options_.max_in_flight,
                         .drain_s = options_.drain_s},
                        clock_, recorder, stop_);
  }
  watch_.sample(static_cast<double>(clock_.now_ns() - recorder->start_ns()) / kNsPerSecond);
  RunResult result = recorder->result();
  result.purpose = request.purpose;
  result.facts = facts;
  result.processes = watch_.take();
  result.stopped = !complete;
  return result;
}

}  // namespace cafe::loadtest
