// Requests that are cheaper together: one verification, one statement, one commit for all that
// happen to wait.
//
//   Batcher<Question> batcher({.name = "authorize"}, clock, metrics,
//                             [&](std::vector<Question> batch) { answer_all(std::move(batch)); });
//   absl::Status queued = batcher.submit(call.deadline, bytes, std::move(question));
//
// Nobody waits for company: a thread that becomes free takes whatever is there. So batches are of
// one while there is little to do, and grow with the load.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <iterator>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "libs/platform/admission.h"
#include "libs/platform/clock.h"
#include "libs/platform/error.h"
#include "libs/platform/log.h"

namespace cafe::platform {

struct BatcherOptions {
  std::string name;      // label of its metrics
  size_t threads = 2;    // batches that are worked on at a time, at least 1
  size_t largest = 256;  // items in a batch, at least 1
  QueueLimits limits{};
};

// Thread-safe.
template <class Item>
class Batcher {
 public:
  // Called on a thread of the batcher with 1 .. largest items in the order in which they came.
  // What it throws ends that batch only, and is logged; items tell by their destructors that
  // nothing became of them.
  using Work = std::function<void(std::vector<Item> batch)>;

  // `clock` and `metrics` must outlive it. `late` is given the items whose deadline passed while
  // they waited; without it they are worked on like the others. Series: those of Admission, and
  // cafe_batch_items{pool} where batches may be larger than one.
  Batcher(const BatcherOptions& options, const Clock& clock, Metrics& metrics, Work work,
          Work late = nullptr)
      : name_(options.name),
        largest_(std::max<size_t>(1, options.largest)),
        clock_(clock),
        work_(std::move(work)),
        late_(std::move(late)),
        batch_size_(largest_ == 1 ? nullptr
                                  : &metrics.histogram(
                                        "cafe_batch_items", "Items that were worked on together.",
                                        {{"pool", options.name}},
                                        {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024})),
        admission_(options.name, options.limits, options.threads, metrics) {
    for (size_t i = 0; i < std::max<size_t>(1, options.threads); ++i) {
      threads_.emplace_back([this] { run(); });
    }
  }
  ~Batcher() { drain(); }
  Batcher(const Batcher&) = delete;
  Batcher& operator=(const Batcher&) = delete;

  // Queues `item`, never blocking; `bytes` is the memory that it holds. Errors, after which `item`
  // is as it was: RESOURCE_EXHAUSTED QUEUE_FULL, UNAVAILABLE SHUTTING_DOWN.
  absl::Status submit(absl::Time deadline, size_t bytes, Item&& item) {
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
      queue_.push_back({std::move(item), bytes, deadline, now});
    }
    wake_.notify_one();
    return absl::OkStatus();
  }

  // Takes no more, finishes what waits, joins the threads. Idempotent.
  void drain() {
    {
      const std::lock_guard lock(mutex_);
      draining_ = true;
    }
    wake_.notify_all();
    const std::lock_guard lock(join_mutex_);
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

 private:
  struct Entry {
    Item item;
    size_t bytes;
    absl::Time deadline;
    absl::Time queued;
  };
  struct Taken {
    std::vector<Item> batch;
    std::vector<Item> late;
    size_t bytes = 0;  // of the batch
  };

  void run() {
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait(lock, [this] { return draining_ || !queue_.empty(); });
      if (queue_.empty()) return;
      const absl::Time began = clock_.now();
      Taken taken = take(began);
      lock.unlock();
      const size_t count = taken.batch.size();
      if (!taken.late.empty()) work_on(late_, std::move(taken.late));
      if (count > 0) {
        if (batch_size_ != nullptr) batch_size_->Observe(static_cast<double>(count));
        work_on(work_, std::move(taken.batch));
      }
      const absl::Duration took = clock_.now() - began;
      lock.lock();
      // What was not worked on says nothing about the pace.
      if (count > 0) admission_.finish(count, taken.bytes, took);
    }
  }

  // Under the lock.
  Taken take(absl::Time now) {
    Taken taken;
    const size_t count = std::min(largest_, queue_.size());
    taken.batch.reserve(count);
    for (size_t i = 0; i < count; ++i) {
      Entry& entry = queue_.front();
      admission_.start(entry.bytes, now - entry.queued);
      if (late_ && now >= entry.deadline) {
        admission_.expire();
        taken.late.push_back(std::move(entry.item));
      } else {
        taken.bytes += entry.bytes;
        taken.batch.push_back(std::move(entry.item));
      }
      queue_.pop_front();
    }
    return taken;
  }

  void work_on(const Work& work, std::vector<Item> batch) {
    try {
      work(std::move(batch));
    } catch (const std::exception& error) {
      log_error("a batch ended in an exception", {{"pool", name_}, {"what", error.what()}});
    }
  }

  const std::string name_;
  const size_t largest_;
  const Clock& clock_;
  const Work work_;
  const Work late_;
  Histogram* const batch_size_;
  std::mutex mutex_;
  std::condition_variable wake_;
  Admission admission_;
  std::deque<Entry> queue_;
  bool draining_ = false;
  std::mutex join_mutex_;
  std::vector<std::thread> threads_;
};

}  // namespace cafe::platform
