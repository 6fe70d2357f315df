// Whether a run's rate was sustained.
#pragma once

#include <string>
#include <vector>

#include "loadtest/results.h"

namespace cafe::loadtest {

struct Limits {
  double p99_ms = 0;             // 0: no limit
  double refused_share = 0.001;  // of the requests that were due
  // Good answers within the run, as a share of what was due in it. Below 1 for the requests under
  // way at the edges; a rate that is not sustained falls far below, or breaks another limit.
  double done_share = 0.9;
};

// What kept the rate from being sustained, a sentence each; none where it was.
std::vector<std::string> shortfalls(const RunResult& run, const Limits& limits);

// What no run at a chosen rate may show, whatever its latency: failures (in its warm-up, too),
// requests without an answer, requests that the generator could not start. A sentence each.
std::vector<std::string> faults(const RunResult& run);

}  // namespace cafe::loadtest
