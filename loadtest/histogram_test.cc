#include "loadtest/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace cafe::loadtest {
namespace {

// Spread over seven powers of ten, as latencies with a long tail are.
std::vector<uint64_t> spread_values(size_t count, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<uint64_t> values(count);
  for (uint64_t& value : values)
    value = static_cast<uint64_t>(std::pow(10.0, static_cast<double>(random() % 7'000) / 1000));
  return values;
}

TEST(HistogramTest, NothingRecordedIsZero) {
  const Histogram empty;
  EXPECT_EQ(empty.count(), 0u);
  EXPECT_EQ(empty.quantile_us(0.5), 0u);
  EXPECT_EQ(empty.mean_us(), 0);
  EXPECT_TRUE(empty.buckets().empty());
}

TEST(HistogramTest, SmallValuesAreExact) {
  Histogram histogram;
  for (uint64_t value = 0; value < 128; ++value) histogram.add(value);
  EXPECT_EQ(histogram.quantile_us(0), 0u);
  EXPECT_EQ(histogram.quantile_us(0.5), 63u);
  EXPECT_EQ(histogram.quantile_us(1), 127u);
  EXPECT_DOUBLE_EQ(histogram.mean_us(), 63.5);
}

TEST(HistogramTest, QuantilesAreNeverTooLowAndAtMostOnePartIn128TooHigh) {
  std::vector<uint64_t> values = spread_values(100'000, 1);
  Histogram histogram;
  for (const uint64_t value : values) histogram.add(value);
  std::sort(values.begin(), values.end());
  for (const double quantile : {0.001, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 0.9999, 1.0}) {
    const auto rank = static_cast<size_t>(std::ceil(quantile * 100'000 - 1e-9));
    const auto exact = static_cast<double>(values[rank - 1]);
    const auto measured = static_cast<double>(histogram.quantile_us(quantile));
    EXPECT_GE(measured, exact) << quantile;
    EXPECT_LE(measured, exact * (1 + 1.0 / 128)) << quantile;
  }
  EXPECT_EQ(histogram.max_us(), values.back());
}

TEST(HistogramTest, OneValueIsEveryQuantile) {
  Histogram histogram;
  histogram.add(1'234'567);
  for (const double quantile : {0.0, 0.5, 1.0})
    EXPECT_EQ(histogram.quantile_us(quantile), 1'234'567u);
}

TEST(HistogramTest, AValueAtTheEdgeOfABucketStaysInIt) {
  // 256..257 share a bucket, 258 is in the next.
  Histogram histogram;
  histogram.add(256);
  histogram.add(258);
  ASSERT_EQ(histogram.buckets().size(), 2u);
  EXPECT_EQ(histogram.buckets()[0].upper_us, 257u);
  EXPECT_EQ(histogram.quantile_us(0.5), 257u);
}

TEST(HistogramTest, TheRareSlowOneDecidesTheMaximumOnly) {
  Histogram histogram;
  histogram.add(1'000, 9'999);
  histogram.add(5'000'000);
  EXPECT_LE(histogram.quantile_us(0.9999), 1'007u);
  EXPECT_EQ(histogram.quantile_us(1), 5'000'000u);
  EXPECT_EQ(histogram.max_us(), 5'000'000u);
}

TEST(HistogramTest, MergedIsAsIfRecordedTogether) {
  Histogram all;
  Histogram odd;
  Histogram even;
  size_t i = 0;
  for (const uint64_t value : spread_values(10'000, 2)) {
    all.add(value);
    (++i % 2 == 0 ? even : odd).add(value);
  }
  odd.merge(even);
  odd.merge(Histogram());
  EXPECT_EQ(odd.count(), all.count());
  EXPECT_EQ(odd.max_us(), all.max_us());
  EXPECT_NEAR(odd.mean_us(), all.mean_us(), 1e-6 * all.mean_us());
  for (double quantile = 0; quantile <= 1; quantile += 0.01)
    EXPECT_EQ(odd.quantile_us(quantile), all.quantile_us(quantile));
}

TEST(HistogramTest, BucketsHoldAllValuesInOrder) {
  Histogram histogram;
  for (const uint64_t value : spread_values(10'000, 3)) histogram.add(value);
  uint64_t count = 0;
  uint64_t last = 0;
  for (const Histogram::Bucket& bucket : histogram.buckets()) {
    EXPECT_GT(bucket.count, 0u);
    EXPECT_TRUE(count == 0 || bucket.upper_us > last);
    last = bucket.upper_us;
    count += bucket.count;
  }
  EXPECT_EQ(count, 10'000u);
  EXPECT_EQ(last, histogram.max_us());
}

TEST(HistogramTest, WhatIsLongerThanItsRangeIsStillCounted) {
  Histogram histogram;
  histogram.add(Histogram::kMostUs * 10);
  histogram.add(UINT64_MAX);
  EXPECT_EQ(histogram.count(), 2u);
  EXPECT_EQ(histogram.quantile_us(0.5), UINT64_MAX);  // never too low
}

}  // namespace
}  // namespace cafe::loadtest
