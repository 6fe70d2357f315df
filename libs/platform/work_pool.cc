#include "libs/platform/work_pool.h"

#include <algorithm>
#include <utility>

#include "libs/platform/error.h"

namespace cafe::platform {

WorkPool::WorkPool(const WorkPoolOptions& options, const Clock& clock, Metrics& metrics)
    : capacity_(options.queue_capacity),
      clock_(clock),
      depth_(metrics.gauge("cafe_work_queue_depth", "Jobs that wait for a worker.",
                           {{"pool", options.name}})),
      wait_(metrics.histogram("cafe_work_queue_wait_seconds", "Time a job waited for a worker.",
                              {{"pool", options.name}})),
      rejected_full_(metrics.counter("cafe_work_rejected_total", "Jobs that were not run.",
                                     {{"pool", options.name}, {"reason", "QUEUE_FULL"}})),
      rejected_expired_(metrics.counter("cafe_work_rejected_total", "Jobs that were not run.",
                                        {{"pool", options.name}, {"reason", "DEADLINE_PASSED"}})) {
  const size_t workers = std::max<size_t>(1, options.workers);
  threads_.reserve(workers);
  for (size_t i = 0; i < workers; ++i) {
    threads_.emplace_back([this] { work(); });
  }
}

WorkPool::~WorkPool() { drain(); }

absl::Status WorkPool::submit(absl::Time deadline, Job&& job) {
  const absl::Time now = clock_.now();
  {
    const std::lock_guard lock(mutex_);
    if (draining_) {
      return make_error(absl::StatusCode::kUnavailable, "SHUTTING_DOWN",
                        "This server is shutting down: call again, another one will answer.");
    }
    if (queue_.size() >= capacity_) {
      rejected_full_.Increment();
      return make_error(absl::StatusCode::kResourceExhausted, "QUEUE_FULL",
                        "Too many requests are waiting: call again later.");
    }
    queue_.push_back({std::move(job), deadline, now});
    depth_.Set(static_cast<double>(queue_.size()));
  }
  wake_.notify_one();
  return absl::OkStatus();
}

void WorkPool::drain() {
  {
    const std::lock_guard lock(mutex_);
    draining_ = true;
  }
  wake_.notify_all();
  const std::lock_guard lock(join_mutex_);
  for (std::thread& thread : threads_) {
    thread.join();
  }
  threads_.clear();
}

void WorkPool::work() {
  for (;;) {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return draining_ || !queue_.empty(); });
    if (queue_.empty()) {
      return;
    }
    Entry entry = std::move(queue_.front());
    queue_.pop_front();
    depth_.Set(static_cast<double>(queue_.size()));
    lock.unlock();

    const absl::Time now = clock_.now();
    wait_.Observe(absl::ToDoubleSeconds(now - entry.queued));
    if (now >= entry.deadline) {
      rejected_expired_.Increment();
      entry.job(make_error(absl::StatusCode::kDeadlineExceeded, "DEADLINE_PASSED",
                           "The deadline passed before the request was run: nothing was done."));
    } else {
      entry.job(absl::OkStatus());
    }
  }
}

}  // namespace cafe::platform
