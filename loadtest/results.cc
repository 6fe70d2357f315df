#include "loadtest/results.h"

#include <cmath>

#include "loadtest/pace_clock.h"

namespace cafe::loadtest {

int64_t RunShape::warmup_ns() const {
  return std::llround(warmup_s * static_cast<double>(kNsPerSecond));
}

int64_t RunShape::end_ns() const {
  return std::llround((warmup_s + measure_s) * static_cast<double>(kNsPerSecond));
}

double RunResult::offered_per_s() const {
  return static_cast<double>(tally.due.items) / shape.measure_s;
}

double RunResult::done_per_s() const {
  return static_cast<double>(tally.done.items) / shape.measure_s;
}

double RunResult::p99_ms() const {
  return static_cast<double>(tally.latency.quantile_us(0.99)) / 1000;
}

double RunResult::refused_share() const {
  if (tally.due.requests == 0) return 0;
  return static_cast<double>(tally.refused.requests) / static_cast<double>(tally.due.requests);
}

}  // namespace cafe::loadtest
