// What one run at one rate gave, as plain data.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "loadtest/arrivals.h"
#include "loadtest/engine.h"
#include "loadtest/histogram.h"
#include "loadtest/process_watch.h"
#include "loadtest/time_series.h"

namespace cafe::loadtest {

// The requests that were due in a run's measured seconds (after the warm-up), by what became of
// them: due = not_started + ok + refused + failed + unanswered.
struct Tally {
  Count due;
  Count not_started;  // the limit of requests in flight was reached
  Count ok;
  Count refused;
  Count failed;
  Count unanswered;  // when the run gave up waiting
  // Good answers that came within the measured seconds, whenever their requests were due. What a
  // server still works off after the end is no throughput.
  Count done;
  Histogram latency;          // of the good answers, from when the request was due
  Histogram refused_latency;  // of the refusals
  Histogram start_delay;      // from when a request was due to when the pacer started it
  std::map<std::string, uint64_t> reasons;  // of failures, in requests
};

struct RunShape {
  double requests_per_s = 1;
  uint32_t items_per_request = 1;
  double warmup_s = 0;
  double measure_s = 10;  // after the warm-up
  Arrival arrival = Arrival::kUniform;
  uint64_t seed = 1;

  int64_t warmup_ns() const;
  int64_t end_ns() const;  // since the start
};

struct RunResult {
  std::string purpose;  // "rate", "search", "confirm" or "sweep"
  RunShape shape;
  Tally tally;
  std::vector<Second> series;  // from the start, with warm-up and draining
  Facts facts;
  std::vector<ProcessUse> processes;
  bool stopped = false;  // by a signal, before its end

  double offered_per_s() const;  // items that were due
  double done_per_s() const;     // items with a good answer
  double p99_ms() const;
  // Of the requests that were due.
  double refused_share() const;
};

}  // namespace cafe::loadtest
