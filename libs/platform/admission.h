// Who may wait in a queue: bounded in number, in memory, and in how long the wait would be.
//
// What cannot be served soon is refused at once: the caller backs off and comes back, and what is
// served is served while somebody still waits for it. So an overloaded service goes on at its best
// rate instead of working for clients that have given up.
#pragma once

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/platform/metrics.h"

namespace cafe::platform {

struct QueueLimits {
  size_t capacity = 1024;
  size_t bytes = size_t{64} << 20;  // of what waits; a single item may be larger
  absl::Duration wait = absl::InfiniteDuration();
};

// Counts what waits in one queue and learns how fast it is served. Not thread-safe: the queue calls
// it under its own lock.
class Admission {
 public:
  // `metrics` must outlive it. Series: cafe_work_queue_depth{pool},
  // cafe_work_queue_bytes{pool}, cafe_work_queue_wait_seconds{pool}, and
  // cafe_work_rejected_total{pool,reason}: QUEUE_FULL, QUEUE_BYTES, QUEUE_WAIT, DEADLINE_PASSED.
  Admission(const std::string& pool, const QueueLimits& limits, size_t workers, Metrics& metrics);

  // Counts an item of `bytes` as waiting, or refuses it, RESOURCE_EXHAUSTED QUEUE_FULL: when
  // capacity or bytes are used up, or when it would be served later than the limit or than
  // `patience`, how long its caller will wait.
  absl::Status admit(size_t bytes, absl::Duration patience);
  // An item that was admitted leaves the queue for a worker.
  void start(size_t bytes, absl::Duration waited);
  // A worker was busy with items of `bytes` altogether for so long.
  void finish(size_t items, size_t bytes, absl::Duration took);
  // An item was not run because its deadline passed in the queue.
  void expire() { expired_.Increment(); }

  // How long what comes now would wait, by the pace of late: what waits · seconds a unit / workers.
  absl::Duration expected_wait() const;

 private:
  absl::Status refuse(Counter& counter);
  // Work is taken to grow with an item's size, from that of an empty one.
  static double weight(size_t items, size_t bytes);

  const QueueLimits limits_;
  const double workers_;
  size_t items_ = 0;
  size_t bytes_ = 0;
  // Sums in which each `finish` counts for less than the one after it.
  double busy_s_ = 0;
  double done_ = 0;
  Gauge& depth_;
  Gauge& depth_bytes_;
  Histogram& waited_;
  Counter& full_;
  Counter& full_bytes_;
  Counter& slow_;
  Counter& expired_;
};

}  // namespace cafe::platform
