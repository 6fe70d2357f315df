#include "loadtest/time_series.h"

#include <gtest/gtest.h>

#include "loadtest/pace_clock.h"

namespace cafe::loadtest {
namespace {

TEST(TimeSeriesTest, SortsBySecond) {
  TimeSeries series;
  series.at(-5).due.add(2);
  series.at(0).due.add(2);
  series.at(kNsPerSecond - 1).due.add(2);
  series.at(kNsPerSecond).due.add(2);
  series.at(3 * kNsPerSecond).ok.add(2);
  ASSERT_EQ(series.seconds().size(), 4u);
  EXPECT_EQ(series.second(0).due.requests, 3u);
  EXPECT_EQ(series.second(0).due.items, 6u);
  EXPECT_EQ(series.second(1).due.requests, 1u);
  EXPECT_EQ(series.second(2).due.requests, 0u);
  EXPECT_EQ(series.second(3).ok.items, 2u);
  EXPECT_EQ(series.second(99).due.requests, 0u);
}

TEST(TimeSeriesTest, TellsWhatIsUnderWayAtTheEndOfEachSecond) {
  TimeSeries series;
  for (int i = 0; i < 5; ++i) series.at(0).due.add(1);
  series.at(0).not_started.add(1);
  series.at(0).refused.add(1);
  series.at(kNsPerSecond).ok.add(1);
  series.at(2 * kNsPerSecond).failed.add(1);
  series.at(2 * kNsPerSecond).ok.add(1);
  const std::vector<Second> seconds = series.seconds();
  EXPECT_EQ(seconds[0].in_flight, 3u);
  EXPECT_EQ(seconds[1].in_flight, 2u);
  EXPECT_EQ(seconds[2].in_flight, 0u);
}

TEST(TimeSeriesTest, IsBounded) {
  TimeSeries series;
  series.at(INT64_MAX).ok.add(1);
  EXPECT_EQ(series.seconds().size(), TimeSeries::kMostSeconds);
}

}  // namespace
}  // namespace cafe::loadtest
