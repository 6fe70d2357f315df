#include "libs/platform/work_pool.h"

#include <utility>

#include "libs/platform/error.h"

namespace cafe::platform {
namespace {

// Runs jobs, all with the same word.
auto run_with(const absl::Status& admission) {
  return [admission](std::vector<WorkPool::Job> jobs) {
    for (WorkPool::Job& job : jobs) job(admission);
  };
}

}  // namespace

WorkPool::WorkPool(const WorkPoolOptions& options, const Clock& clock, Metrics& metrics)
    : queue_({.name = options.name,
              .threads = options.workers,
              .largest = 1,
              .limits = {options.queue_capacity, options.queue_bytes, options.queue_wait}},
             clock, metrics, run_with(absl::OkStatus()), run_with(deadline_passed())) {}

absl::Status WorkPool::submit(absl::Time deadline, Job&& job, size_t bytes) {
  return queue_.submit(deadline, bytes, std::move(job));
}

void WorkPool::drain() { queue_.drain(); }

}  // namespace cafe::platform
