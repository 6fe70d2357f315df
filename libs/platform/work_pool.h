// Fixed threads behind a bounded queue: where requests run that block on a database.
//
// gRPC's own threads must not block, so a handler hands its work over and returns. What finds the
// queue full, or would wait too long in it, is refused at once (admission.h): a client that is told
// RESOURCE_EXHAUSTED backs off, one that waits in an endless queue times out and tries again.
#pragma once

#include <cstddef>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/platform/batcher.h"

namespace cafe::platform {

struct WorkPoolOptions {
  std::string name = "rpc";  // label of its metrics
  size_t workers = 8;        // threads, at least 1
  size_t queue_capacity = 1024;
  size_t queue_bytes = size_t{64} << 20;
  absl::Duration queue_wait = absl::InfiniteDuration();  // the longest that a job may have to wait
};

class WorkPool {
 public:
  // Called exactly once, on a worker, with OK: do the work; or with the reason why not to
  // (DEADLINE_EXCEEDED DEADLINE_PASSED): answer it. Must not throw.
  using Job = absl::AnyInvocable<void(const absl::Status& admission)>;

  // `clock` and `metrics` must outlive the pool, whose end drains it. Series: those of Admission.
  WorkPool(const WorkPoolOptions& options, const Clock& clock, Metrics& metrics);
  // Queues `job`, never blocking; `bytes` is the memory that it holds while it waits. Errors, after
  // which `job` is not and will not be called:
  //   RESOURCE_EXHAUSTED QUEUE_FULL, UNAVAILABLE SHUTTING_DOWN.
  // `job` is consumed only on success.
  absl::Status submit(absl::Time deadline, Job&& job, size_t bytes = 0);

  // Takes no more jobs, finishes all that are queued or running, joins the threads. Idempotent.
  void drain();

 private:
  Batcher<Job> queue_;  // in batches of one
};

}  // namespace cafe::platform
