#include "loadtest/scenarios/planted_rows.h"

#include <gtest/gtest.h>

namespace cafe::loadtest {
namespace {

constexpr uint64_t kRows = 100'000;

TEST(PlantedRowsTest, PlantsTheShareInPairs) {
  const PlantedRows rows(1, 0.1, 100);
  uint64_t repeats = 0;
  for (uint64_t number = 0; number < kRows; ++number) {
    const auto partner = rows.partner_of(number);
    if (!partner) {
      EXPECT_EQ(rows.spend_of(number), number);
      continue;
    }
    EXPECT_EQ(rows.partner_of(*partner), number);
    EXPECT_EQ(rows.spend_of(number), std::min(number, *partner));
    if (*partner < number) {
      ++repeats;
      EXPECT_EQ(number - *partner, 1601u);
    }
  }
  EXPECT_NEAR(static_cast<double>(repeats) / kRows, 0.1, 0.01);
}

TEST(PlantedRowsTest, PlantsNothingUnasked) {
  const PlantedRows rows(1, 0, 100);
  for (uint64_t number = 0; number < kRows; ++number) EXPECT_FALSE(rows.partner_of(number));
}

class PlantedPairTest : public ::testing::Test {
 protected:
  PlantedPairTest() {
    while (!rows_.partner_of(first_)) ++first_;
    second_ = *rows_.partner_of(first_);
    while (rows_.partner_of(alone_)) ++alone_;
  }
  PlantedRows rows_{1, 0.3, 10};
  uint64_t first_ = 0, second_ = 0, alone_ = 0;
};

TEST_F(PlantedPairTest, OneOfAPairIsFreshWhicheverComesFirst) {
  EXPECT_TRUE(rows_.take(first_, std::nullopt));
  EXPECT_TRUE(rows_.take(second_, first_));
  EXPECT_TRUE(rows_.take(second_, std::nullopt));
  EXPECT_TRUE(rows_.take(first_, second_));
}

TEST_F(PlantedPairTest, NeverBothAndNeverNone) {
  EXPECT_TRUE(rows_.take(first_, std::nullopt));
  EXPECT_FALSE(rows_.take(second_, std::nullopt));
  EXPECT_TRUE(rows_.take(first_, second_));
  EXPECT_FALSE(rows_.take(second_, first_));
}

TEST_F(PlantedPairTest, NothingRepeatsAnythingElse) {
  EXPECT_TRUE(rows_.take(alone_, std::nullopt));
  EXPECT_FALSE(rows_.take(alone_, first_));
  EXPECT_FALSE(rows_.take(first_, alone_));
}

}  // namespace
}  // namespace cafe::loadtest
