// When the requests of a run are due.
#pragma once

#include <cstdint>
#include <random>
#include <string_view>

namespace cafe::loadtest {

enum class Arrival {
  kUniform,  // request k at k / rate
  kPoisson,  // independent clients: exponential gaps of mean 1 / rate
};
std::string_view arrival_name(Arrival arrival);

// Due times as nanoseconds since the run began, rising. The same arguments give the same times.
class Arrivals {
 public:
  // `rate`: requests a second, above 0. `seed` matters for kPoisson.
  Arrivals(Arrival arrival, double rate, uint64_t seed);
  int64_t next_ns();

 private:
  Arrival arrival_;
  double rate_;
  std::mt19937_64 random_;
  uint64_t count_ = 0;
  double last_s_ = 0;
};

// How many of the Arrivals are due before `end_ns`.
uint64_t count_arrivals(Arrival arrival, double rate, uint64_t seed, int64_t end_ns);

}  // namespace cafe::loadtest
