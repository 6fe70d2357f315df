#include "loadtest/time_series.h"

#include <algorithm>

#include "loadtest/pace_clock.h"

namespace cafe::loadtest {

Second& TimeSeries::at(int64_t since_start_ns) {
  const auto second = static_cast<size_t>(std::max<int64_t>(since_start_ns, 0) / kNsPerSecond);
  const size_t index = std::min(second, kMostSeconds - 1);
  if (index >= seconds_.size()) seconds_.resize(index + 1);
  return seconds_[index];
}

std::vector<Second> TimeSeries::seconds() const {
  std::vector<Second> out = seconds_;
  int64_t in_flight = 0;
  for (Second& second : out) {
    in_flight += static_cast<int64_t>(second.due.requests);
    in_flight -= static_cast<int64_t>(second.not_started.requests + second.ok.requests +
                                      second.refused.requests + second.failed.requests);
    // An answer can come in the instant before its second's end, its request be due after it.
    second.in_flight = static_cast<uint64_t>(std::max<int64_t>(in_flight, 0));
  }
  return out;
}

Second TimeSeries::second(size_t index) const {
  return index < seconds_.size() ? seconds_[index] : Second{};
}

}  // namespace cafe::loadtest
