// A histogram of durations with a fixed relative error, however long its tail is.
//
//   Histogram latency;
//   latency.add(1'250);             // µs
//   latency.quantile_us(0.99);
//
// Values below 128 µs are counted exactly. Above, each power of two is split into 128 buckets of
// equal width, so a quantile is at most 1/128 (0.8 %) too high and never too low. Values from
// kMostUs on share the last bucket; the maximum is exact.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace cafe::loadtest {

class Histogram {
 public:
  static constexpr int kSubBucketBits = 7;
  static constexpr uint64_t kMostUs = uint64_t{1} << 32;  // 71 minutes

  // A bucket: `count` values of more than the bucket before, and at most `upper_us`.
  struct Bucket {
    uint64_t upper_us;
    uint64_t count;
  };

  void add(uint64_t value_us, uint64_t count = 1);
  void merge(const Histogram& other);

  uint64_t count() const { return count_; }
  uint64_t max_us() const { return max_us_; }
  double mean_us() const;
  // The least recorded value that a share of at least `quantile` (0 to 1) of all values does not
  // exceed, rounded up to its bucket's end. 0 where nothing was recorded.
  uint64_t quantile_us(double quantile) const;
  // Those that are not empty, from the lowest.
  std::vector<Bucket> buckets() const;

 private:
  static size_t index_of(uint64_t value_us);
  static uint64_t upper_of(size_t index);

  std::vector<uint64_t> counts_;  // up to the highest bucket in use
  uint64_t count_ = 0;
  uint64_t max_us_ = 0;
  double sum_us_ = 0;
};

}  // namespace cafe::loadtest
