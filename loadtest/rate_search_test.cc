#include "loadtest/rate_search.h"

#include <gtest/gtest.h>

namespace cafe::loadtest {
namespace {

struct Found {
  double best;
  int steps;
};

Found search(double start, double capacity, double resolution = 0.03, int most_steps = 40) {
  RateSearch search(start, resolution, most_steps);
  int steps = 0;
  while (const auto rate = search.next()) {
    search.report(*rate <= capacity);
    ++steps;
  }
  return {search.best(), steps};
}

TEST(RateSearchTest, FindsTheCapacityFromAnyStart) {
  for (const double start : {1.0, 1'000.0, 14'000.0, 1'000'000.0}) {
    const Found found = search(start, 15'000);
    EXPECT_LE(found.best, 15'000) << start;
    EXPECT_GT(found.best, 15'000 / 1.04) << start;
  }
}

TEST(RateSearchTest, TakesFewSteps) {
  // Five doublings to 32,000, then 16,000 halves down to below 3 %.
  EXPECT_LE(search(1'000, 15'000).steps, 12);
}

TEST(RateSearchTest, AFinerResolutionComesCloser) {
  EXPECT_GT(search(1'000, 15'000, 0.001).best, 15'000 / 1.002);
}

TEST(RateSearchTest, GivesUpWhereNothingIsSustained) {
  const Found found = search(1'000, 0, 0.03, 20);
  EXPECT_EQ(found.best, 0);
  EXPECT_EQ(found.steps, 20);
}

TEST(RateSearchTest, EndsWhereEverythingIsSustained) {
  EXPECT_EQ(search(1, 1e300, 0.03, 10).best, 512);
}

TEST(RateSearchTest, NextIsTheSameUntilItIsReported) {
  RateSearch search(100, 0.1);
  EXPECT_EQ(search.next(), 100);
  EXPECT_EQ(search.next(), 100);
  search.report(true);
  EXPECT_EQ(search.next(), 200);
}

}  // namespace
}  // namespace cafe::loadtest
