#include "loadtest/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace cafe::loadtest {

namespace {
constexpr uint64_t kSubBuckets = uint64_t{1} << Histogram::kSubBucketBits;
}  // namespace

// The first kSubBuckets buckets hold one value each. After them, octave after octave: a value of
// bit width w keeps its kSubBucketBits + 1 top bits.
size_t Histogram::index_of(uint64_t value_us) {
  const uint64_t value = std::min(value_us, kMostUs);
  if (value < kSubBuckets) return value;
  const int shift = std::bit_width(value) - 1 - kSubBucketBits;
  return static_cast<size_t>(shift) * kSubBuckets + (value >> shift);
}

uint64_t Histogram::upper_of(size_t index) {
  if (index < kSubBuckets) return index;
  const int shift = static_cast<int>(index / kSubBuckets) - 1;
  const uint64_t top = kSubBuckets + index % kSubBuckets;
  return ((top + 1) << shift) - 1;
}

void Histogram::add(uint64_t value_us, uint64_t count) {
  if (count == 0) return;
  const size_t index = index_of(value_us);
  if (index >= counts_.size()) counts_.resize(index + 1);
  counts_[index] += count;
  count_ += count;
  max_us_ = std::max(max_us_, value_us);
  sum_us_ += static_cast<double>(value_us) * static_cast<double>(count);
}

void Histogram::merge(const Histogram& other) {
  if (other.counts_.size() > counts_.size()) counts_.resize(other.counts_.size());
  for (size_t i = 0; i < other.counts_.size(); ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  max_us_ = std::max(max_us_, other.max_us_);
  sum_us_ += other.sum_us_;
}

double Histogram::mean_us() const {
  return count_ == 0 ? 0 : sum_us_ / static_cast<double>(count_);
}

uint64_t Histogram::quantile_us(double quantile) const {
  if (count_ == 0) return 0;
  const auto rank = static_cast<uint64_t>(
      std::ceil(std::clamp(quantile, 0.0, 1.0) * static_cast<double>(count_) - 1e-9));
  const uint64_t wanted = std::clamp<uint64_t>(rank, 1, count_);
  uint64_t seen = 0;
  for (size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    // The last bucket has no end of its own.
    if (seen >= wanted) return i == index_of(kMostUs) ? max_us_ : std::min(upper_of(i), max_us_);
  }
  return max_us_;
}

std::vector<Histogram::Bucket> Histogram::buckets() const {
  std::vector<Bucket> out;
  for (size_t i = 0; i < counts_.size(); ++i) {
    if (counts_[i] != 0) out.push_back({std::min(upper_of(i), max_us_), counts_[i]});
  }
  if (!out.empty()) out.back().upper_us = max_us_;
  return out;
}

}  // namespace cafe::loadtest
