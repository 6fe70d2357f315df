#include "libs/platform/admission.h"

#include <algorithm>

#include "libs/platform/error.h"

namespace cafe::platform {
namespace {

// What an empty item counts for, in bytes: a call costs something whatever its size.
constexpr double kItemBytes = 4096;
// The part of the past that remains with each new measurement: the last fifty or so count, so that
// a single stall of the machine does not turn callers away.
constexpr double kMemory = 0.98;

Counter& rejected(Metrics& metrics, const std::string& pool, const char* reason) {
  return metrics.counter("cafe_work_rejected_total", "Jobs that were not run.",
                         {{"pool", pool}, {"reason", reason}});
}

}  // namespace

Admission::Admission(const std::string& pool, const QueueLimits& limits, size_t workers,
                     Metrics& metrics)
    : limits_(limits),
      workers_(static_cast<double>(std::max<size_t>(1, workers))),
      depth_(
          metrics.gauge("cafe_work_queue_depth", "Jobs that wait for a worker.", {{"pool", pool}})),
      depth_bytes_(
          metrics.gauge("cafe_work_queue_bytes", "Size of the jobs that wait.", {{"pool", pool}})),
      waited_(metrics.histogram("cafe_work_queue_wait_seconds", "Time a job waited for a worker.",
                                {{"pool", pool}})),
      full_(rejected(metrics, pool, "QUEUE_FULL")),
      full_bytes_(rejected(metrics, pool, "QUEUE_BYTES")),
      slow_(rejected(metrics, pool, "QUEUE_WAIT")),
      expired_(rejected(metrics, pool, "DEADLINE_PASSED")) {}

double Admission::weight(size_t items, size_t bytes) {
  return static_cast<double>(items) * kItemBytes + static_cast<double>(bytes);
}

absl::Duration Admission::expected_wait() const {
  if (items_ == 0 || done_ == 0) return absl::ZeroDuration();
  return absl::Seconds(weight(items_, bytes_) * (busy_s_ / done_) / workers_);
}

absl::Status Admission::refuse(Counter& counter) {
  counter.Increment();
  return make_error(absl::StatusCode::kResourceExhausted, "QUEUE_FULL",
                    "Too many requests are waiting: call again later.");
}

absl::Status Admission::admit(size_t bytes, absl::Duration patience) {
  if (items_ >= limits_.capacity) return refuse(full_);
  // One that is larger than the limit passes when nothing else waits, or it never would.
  if (items_ > 0 && bytes_ + bytes > limits_.bytes) return refuse(full_bytes_);
  // A deadline that has passed already is told to the caller when its turn comes.
  const absl::Duration longest = std::min(limits_.wait, std::max(absl::ZeroDuration(), patience));
  if (expected_wait() > longest) return refuse(slow_);
  ++items_;
  bytes_ += bytes;
  depth_.Set(static_cast<double>(items_));
  depth_bytes_.Set(static_cast<double>(bytes_));
  return absl::OkStatus();
}

void Admission::start(size_t bytes, absl::Duration waited) {
  --items_;
  bytes_ -= bytes;
  depth_.Set(static_cast<double>(items_));
  depth_bytes_.Set(static_cast<double>(bytes_));
  waited_.Observe(absl::ToDoubleSeconds(waited));
}

void Admission::finish(size_t items, size_t bytes, absl::Duration took) {
  // The wall clock may be set back meanwhile.
  const double took_s = std::max(0.0, absl::ToDoubleSeconds(took));
  busy_s_ = kMemory * busy_s_ + took_s;
  done_ = kMemory * done_ + weight(items, bytes);
}

}  // namespace cafe::platform
