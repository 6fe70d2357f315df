// Counts what becomes of the requests of one run. Thread-safe: the pacer tells what was due, the
// scenario's threads what came back, and a third thread may look on.
#pragma once

#include <atomic>
#include <mutex>

#include "loadtest/results.h"

namespace cafe::loadtest {

class Recorder {
 public:
  // Different reasons that are counted apart; all others together are OTHER.
  static constexpr size_t kMostReasons = 50;

  Recorder(const RunShape& shape, int64_t start_ns) : shape_(shape), start_ns_(start_ns) {}

  // Times are those of the run's clock.
  void started(int64_t due_ns, int64_t now_ns);
  void not_started(int64_t due_ns);
  void answered(int64_t due_ns, int64_t now_ns, const Outcome& outcome);
  // The run is over at `now_ns`: what has no answer yet never gets one, and late answers are
  // ignored. A run that was cut short is as long as it was.
  void close(int64_t now_ns);

  uint32_t in_flight() const { return in_flight_; }
  int64_t start_ns() const { return start_ns_; }
  const RunShape& shape() const { return shape_; }
  Second second(size_t index) const;
  // After close(). Purpose, facts and processes are the caller's to fill in.
  RunResult result() const;

 private:
  bool is_measured(int64_t time_ns) const;

  RunShape shape_;
  const int64_t start_ns_;
  std::atomic<uint32_t> in_flight_ = 0;
  mutable std::mutex mutex_;
  TimeSeries series_;
  Tally tally_;
  bool closed_ = false;
};

}  // namespace cafe::loadtest
