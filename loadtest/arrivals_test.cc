#include "loadtest/arrivals.h"

#include <gtest/gtest.h>

#include <cmath>

#include "loadtest/pace_clock.h"

namespace cafe::loadtest {
namespace {

TEST(ArrivalsTest, UniformRequestsAreDueAtMultiplesOfThePeriodWithoutDrift) {
  Arrivals arrivals(Arrival::kUniform, 3, 0);
  for (int64_t k = 0; k < 3'000'000; ++k) {
    const int64_t due_ns = arrivals.next_ns();
    if (k % 3 == 0) {
      ASSERT_EQ(due_ns, k / 3 * kNsPerSecond);
    }
  }
}

TEST(ArrivalsTest, CountsWhatIsDueBeforeTheEnd) {
  EXPECT_EQ(count_arrivals(Arrival::kUniform, 10, 0, kNsPerSecond), 10u);
  EXPECT_EQ(count_arrivals(Arrival::kUniform, 0.4, 0, 10 * kNsPerSecond), 4u);
  EXPECT_EQ(count_arrivals(Arrival::kUniform, 1, 0, 1), 1u);
}

TEST(ArrivalsTest, PoissonGapsHaveTheMeanAndTheSpreadOfIndependentClients) {
  Arrivals arrivals(Arrival::kPoisson, 1'000, 7);
  constexpr int kCount = 200'000;
  double sum = 0;
  double squares = 0;
  int64_t last = 0;
  for (int i = 0; i < kCount; ++i) {
    const int64_t due_ns = arrivals.next_ns();
    ASSERT_GE(due_ns, last);
    const double gap_ms = static_cast<double>(due_ns - last) / 1e6;
    sum += gap_ms;
    squares += gap_ms * gap_ms;
    last = due_ns;
  }
  const double mean = sum / kCount;
  const double deviation = std::sqrt(squares / kCount - mean * mean);
  EXPECT_NEAR(mean, 1, 0.01);
  EXPECT_NEAR(deviation / mean, 1, 0.02);  // exponential; 0 for uniform
}

TEST(ArrivalsTest, TheSeedFixesPoissonTimes) {
  Arrivals a(Arrival::kPoisson, 10, 1);
  Arrivals b(Arrival::kPoisson, 10, 1);
  Arrivals c(Arrival::kPoisson, 10, 2);
  bool differs = false;
  for (int i = 0; i < 100; ++i) {
    const int64_t due_ns = a.next_ns();
    EXPECT_EQ(due_ns, b.next_ns());
    differs = differs || due_ns != c.next_ns();
  }
  EXPECT_TRUE(differs);
}

}  // namespace
}  // namespace cafe::loadtest
