// Runs a scenario at one rate, open loop.
//
//   auto recorder = std::make_shared<Recorder>(shape, clock.now_ns());
//   run_load(scenario, {.first_sequence = 0}, clock, recorder, stop);
//   RunResult result = recorder->result();
#pragma once

#include <atomic>
#include <memory>

#include "loadtest/engine.h"
#include "loadtest/pace_clock.h"
#include "loadtest/recorder.h"

namespace cafe::loadtest {

struct PacerOptions {
  uint64_t first_sequence = 0;
  // Requests in flight above which those that are due are not started, but counted so. Bounds what
  // the generator may use; well above anything that a server takes in.
  uint32_t max_in_flight = 20'000;
  // How long to wait for answers after the last request was due.
  double drain_s = 30;
};

// Starts each request of `recorder`'s shape when it is due, or, where the pacer comes late, at
// once; latency counts from when it was due in any case. Then waits for the answers. Returns early
// once `stop` is set. The recorder is closed afterwards; answers may still come to it later, so
// `clock` must outlive the scenario. Returns whether the run went to its end.
bool run_load(Scenario& scenario, const PacerOptions& options, PaceClock& clock,
              const std::shared_ptr<Recorder>& recorder, const std::atomic<bool>& stop);

}  // namespace cafe::loadtest
