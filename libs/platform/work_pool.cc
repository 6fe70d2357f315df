#include "libs/platform/work_pool.h"

#include <algorithm>
#include <utility>

#include "libs/platform/error.h"

namespace cafe::platform {

WorkPool::WorkPool(const WorkPoolOptions& options, const Clock& clock, Metrics& metrics)
    : clock_(clock),
      admission_(options.name, {options.queue_capacity, options.queue_bytes, options.queue_wait},
                 options.workers, metrics) {
  const size_t workers = std::max<size_t>(1, options.workers);
  threads_.reserve(workers);
  for (size_t i = 0; i < workers; ++i) {
    threads_.emplace_back([this] { work(); });
  }
}

WorkPool::~WorkPool() { drain(); }

absl::Status WorkPool::submit(absl::Time deadline, Job&& job, size_t bytes) {
  const absl::Time now = clock_.now();
  {
    const std::lock_guard lock(mutex_);
    if (draining_) {
      return make_error(absl::StatusCode::kUnavailable, "SHUTTING_DOWN",
                        "This server is shutting down: call again, another one will answer.");
    }
    if (absl::Status admitted = admission_.admit(bytes, deadline - now); !admitted.ok()) {
      return admitted;
    }
    queue_.push_back({std::move(job), bytes, deadline, now});
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
    const absl::Time began = clock_.now();
    admission_.start(entry.bytes, began - entry.queued);
    const bool expired = began >= entry.deadline;
    if (expired) {
      admission_.expire();
    }
    lock.unlock();

    if (expired) {
      entry.job(make_error(absl::StatusCode::kDeadlineExceeded, "DEADLINE_PASSED",
                           "The deadline passed before the request was run: nothing was done."));
    } else {
      entry.job(absl::OkStatus());
      const absl::Duration took = clock_.now() - began;
      entry.job = nullptr;  // whatever it holds goes before the next one is taken
      lock.lock();
      admission_.finish(1, entry.bytes, took);
    }
  }
}

}  // namespace cafe::platform
