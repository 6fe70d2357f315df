#include "loadtest/recorder.h"

#include <algorithm>

#include "loadtest/pace_clock.h"

namespace cafe::loadtest {

namespace {

uint64_t to_us(int64_t ns) { return static_cast<uint64_t>(std::max<int64_t>(ns, 0)) / 1000; }

}  // namespace

bool Recorder::is_measured(int64_t time_ns) const {
  const int64_t since_start = time_ns - start_ns_;
  return since_start >= shape_.warmup_ns() && since_start < shape_.end_ns();
}

void Recorder::started(int64_t due_ns, int64_t now_ns) {
  ++in_flight_;
  const std::lock_guard lock(mutex_);
  series_.at(due_ns - start_ns_).due.add(shape_.items_per_request);
  if (!is_measured(due_ns)) return;
  tally_.due.add(shape_.items_per_request);
  tally_.start_delay.add(to_us(now_ns - due_ns));
}

void Recorder::not_started(int64_t due_ns) {
  const std::lock_guard lock(mutex_);
  Second& second = series_.at(due_ns - start_ns_);
  second.due.add(shape_.items_per_request);
  second.not_started.add(shape_.items_per_request);
  if (!is_measured(due_ns)) return;
  tally_.due.add(shape_.items_per_request);
  tally_.not_started.add(shape_.items_per_request);
}

void Recorder::answered(int64_t due_ns, int64_t now_ns, const Outcome& outcome) {
  {
    const std::lock_guard lock(mutex_);
    if (!closed_) {
      const bool measured = is_measured(due_ns);
      const uint64_t latency_us = to_us(now_ns - due_ns);
      Second& second = series_.at(now_ns - start_ns_);
      switch (outcome.fate) {
        case Fate::kOk:
          second.ok.add(outcome.items);
          second.latency.add(latency_us);
          if (is_measured(now_ns)) tally_.done.add(outcome.items);
          if (measured) tally_.ok.add(outcome.items);
          if (measured) tally_.latency.add(latency_us);
          break;
        case Fate::kRefused:
          second.refused.add(outcome.items);
          if (measured) tally_.refused.add(outcome.items);
          if (measured) tally_.refused_latency.add(latency_us);
          break;
        case Fate::kFailed: {
          second.failed.add(outcome.items);
          if (!measured) break;
          tally_.failed.add(outcome.items);
          const bool known = tally_.reasons.contains(outcome.reason);
          const bool fits = known || tally_.reasons.size() < kMostReasons;
          ++tally_.reasons[fits ? outcome.reason : "OTHER"];
          break;
        }
      }
    }
  }
  // Last, so that whoever sees nothing in flight sees every answer counted.
  --in_flight_;
}

void Recorder::close(int64_t now_ns) {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  const uint64_t answered = tally_.ok.requests + tally_.refused.requests + tally_.failed.requests;
  tally_.unanswered.requests = tally_.due.requests - tally_.not_started.requests - answered;
  tally_.unanswered.items = tally_.unanswered.requests * shape_.items_per_request;
  const double seconds = static_cast<double>(now_ns - start_ns_) / kNsPerSecond;
  shape_.measure_s = std::clamp(seconds - shape_.warmup_s, 1e-3, shape_.measure_s);
}

Second Recorder::second(size_t index) const {
  const std::lock_guard lock(mutex_);
  return series_.second(index);
}

RunResult Recorder::result() const {
  const std::lock_guard lock(mutex_);
  RunResult result;
  result.shape = shape_;
  result.tally = tally_;
  result.series = series_.seconds();
  return result;
}

}  // namespace cafe::loadtest
