// What happened in each second of a run.
#pragma once

#include <cstdint>
#include <vector>

#include "loadtest/histogram.h"

namespace cafe::loadtest {

// Requests, and the items in them.
struct Count {
  uint64_t requests = 0;
  uint64_t items = 0;

  void add(uint64_t items_of_request) {
    ++requests;
    items += items_of_request;
  }
};

// A request counts as due in the second in which it was due, and as answered in the second in which
// its answer came. Latencies are those of the good answers that came in this second.
struct Second {
  Count due;
  Count not_started;
  Count ok;
  Count refused;
  Count failed;
  Histogram latency;
  // Due before this second's end and without an answer then.
  uint64_t in_flight = 0;
};

// Grows with the seconds of the run, from 0.
class TimeSeries {
 public:
  // Bounds what one run may use, 12 hours; what comes later is counted in the last second.
  static constexpr size_t kMostSeconds = 43'200;

  // The second that holds `since_start_ns`; negative times count in the first.
  Second& at(int64_t since_start_ns);
  // Seconds so far, with `in_flight` filled in.
  std::vector<Second> seconds() const;
  // One second, without `in_flight`; empty where nothing happened.
  Second second(size_t index) const;

 private:
  std::vector<Second> seconds_;
};

}  // namespace cafe::loadtest
