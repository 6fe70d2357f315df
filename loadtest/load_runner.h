// Carries out one run after the other against a live system: prepares it, starts the pacer, and
// beside it samples processes and tells the progress.
#pragma once

#include <atomic>
#include <utility>
#include <vector>

#include "loadtest/campaign.h"
#include "loadtest/pacer.h"
#include "loadtest/process_watch.h"

namespace cafe::loadtest {

struct LoadRunnerOptions {
  Arrival arrival = Arrival::kUniform;
  uint64_t seed = 1;
  uint32_t max_in_flight = 20'000;
  double drain_s = 30;
  double pause_s = 1;  // between two runs, so that one does not pay for the other
  int progress_every_s = 1;
};

class LoadRunner {
 public:
  // All must outlive this; `clock` must outlive the scenario. Lines of progress go to `progress`,
  // from a thread of their own while a run is under way.
  LoadRunner(Scenario& scenario, LoadRunnerOptions options, ProcessWatch& watch, PaceClock& clock,
             Progress progress, const std::atomic<bool>& stop)
      : scenario_(scenario),
        options_(options),
        watch_(watch),
        clock_(clock),
        progress_(std::move(progress)),
        stop_(stop) {}

  // Errors: those of the scenario's preparation.
  absl::StatusOr<RunResult> run(const RunRequest& request);

 private:
  RunShape shape_of(const RunRequest& request) const;

  Scenario& scenario_;
  LoadRunnerOptions options_;
  ProcessWatch& watch_;
  PaceClock& clock_;
  Progress progress_;
  const std::atomic<bool>& stop_;
  uint64_t next_sequence_ = 0;
  uint64_t runs_ = 0;
};

}  // namespace cafe::loadtest
