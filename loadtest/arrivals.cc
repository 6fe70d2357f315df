#include "loadtest/arrivals.h"

#include <cmath>

#include "loadtest/pace_clock.h"

namespace cafe::loadtest {

std::string_view arrival_name(Arrival arrival) {
  return arrival == Arrival::kUniform ? "uniform" : "poisson";
}

Arrivals::Arrivals(Arrival arrival, double rate, uint64_t seed)
    : arrival_(arrival), rate_(rate), random_(seed) {}

int64_t Arrivals::next_ns() {
  if (arrival_ == Arrival::kUniform) {
    // From k and not from the time before, so that no rounding adds up.
    return std::llround(static_cast<double>(count_++) * static_cast<double>(kNsPerSecond) / rate_);
  }
  // 53 random bits in (0, 1]; by hand, because the standard's distributions differ by library.
  const double u = (static_cast<double>(random_() >> 11) + 1) * 0x1p-53;
  last_s_ -= std::log(u) / rate_;
  return std::llround(last_s_ * static_cast<double>(kNsPerSecond));
}

uint64_t count_arrivals(Arrival arrival, double rate, uint64_t seed, int64_t end_ns) {
  Arrivals arrivals(arrival, rate, seed);
  uint64_t count = 0;
  while (arrivals.next_ns() < end_ns) ++count;
  return count;
}

}  // namespace cafe::loadtest
