#include "loadtest/pacer.h"

#include <algorithm>

namespace cafe::loadtest {

namespace {

// The longest wait, so that `stop` is seen soon.
constexpr int64_t kSliceNs = 100'000'000;
constexpr int64_t kDrainPollNs = 2'000'000;

// Returns false when stopped.
bool wait_until(PaceClock& clock, int64_t time_ns, const std::atomic<bool>& stop) {
  for (int64_t now = clock.now_ns(); now < time_ns && !stop; now = clock.now_ns())
    clock.wait_until(std::min(time_ns, now + kSliceNs));
  return !stop;
}

bool start_all(Scenario& scenario, const PacerOptions& options, PaceClock& clock,
               const std::shared_ptr<Recorder>& recorder, const std::atomic<bool>& stop) {
  const RunShape& shape = recorder->shape();
  Arrivals arrivals(shape.arrival, shape.requests_per_s, shape.seed);
  uint64_t sequence = options.first_sequence;
  for (int64_t offset = arrivals.next_ns(); offset < shape.end_ns(); offset = arrivals.next_ns()) {
    const int64_t due_ns = recorder->start_ns() + offset;
    if (!wait_until(clock, due_ns, stop)) return false;
    const uint64_t number = sequence++;
    if (recorder->in_flight() >= options.max_in_flight) {
      recorder->not_started(due_ns);
      continue;
    }
    recorder->started(due_ns, clock.now_ns());
    scenario.start(number, [recorder, due_ns, &clock](const Outcome& outcome) {
      recorder->answered(due_ns, clock.now_ns(), outcome);
    });
  }
  return wait_until(clock, recorder->start_ns() + shape.end_ns(), stop);
}

}  // namespace

bool run_load(Scenario& scenario, const PacerOptions& options, PaceClock& clock,
              const std::shared_ptr<Recorder>& recorder, const std::atomic<bool>& stop) {
  const bool complete = start_all(scenario, options, clock, recorder, stop);
  const int64_t end_ns = clock.now_ns();
  const auto drain_ns = static_cast<int64_t>(options.drain_s * static_cast<double>(kNsPerSecond));
  while (recorder->in_flight() > 0 && clock.now_ns() < end_ns + drain_ns && !stop)
    clock.wait_until(clock.now_ns() + kDrainPollNs);
  recorder->close(end_ns);
  return complete;
}

}  // namespace cafe::loadtest
