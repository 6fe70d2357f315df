// Fixed threads behind a bounded queue: where requests run that block on a database.
//
// gRPC's own threads must not block, so a handler hands its work over and returns. What finds the
// queue full is refused at once: a client that is told RESOURCE_EXHAUSTED backs off, one that waits
// in an endless queue times out and tries again.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/platform/clock.h"
#include "libs/platform/metrics.h"

namespace cafe::platform {

struct WorkPoolOptions {
  std::string name = "rpc";  // label of its metrics
  size_t workers = 8;        // threads, at least 1
  size_t queue_capacity = 1024;
};

class WorkPool {
 public:
  // Called exactly once, on a worker, with OK: do the work; or with the reason why not to
  // (DEADLINE_EXCEEDED DEADLINE_PASSED): answer it. Must not throw.
  using Job = absl::AnyInvocable<void(const absl::Status& admission)>;

  // `clock` and `metrics` must outlive the pool. Series: cafe_work_queue_depth{pool},
  // cafe_work_queue_wait_seconds {pool}, cafe_work_rejected_total{pool,reason}.
  WorkPool(const WorkPoolOptions& options, const Clock& clock, Metrics& metrics);
  // Drains.
  ~WorkPool();
  WorkPool(const WorkPool&) = delete;
  WorkPool& operator=(const WorkPool&) = delete;

  // Queues `job`, never blocking. Errors, after which `job` is not and will not be called:
  //   RESOURCE_EXHAUSTED QUEUE_FULL, UNAVAILABLE SHUTTING_DOWN.
  // `job` is consumed only on success.
  absl::Status submit(absl::Time deadline, Job&& job);

  // Takes no more jobs, finishes all that are queued or running, joins the threads. Idempotent.
  void drain();

 private:
  struct Entry {
    Job job;
    absl::Time deadline;
    absl::Time queued;
  };

  void work();

  const size_t capacity_;
  const Clock& clock_;
  Gauge& depth_;
  Histogram& wait_;
  Counter& rejected_full_;
  Counter& rejected_expired_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Entry> queue_;
  bool draining_ = false;
  std::mutex join_mutex_;
  std::vector<std::thread> threads_;
};

}  // namespace cafe::platform
