#include "services/doublespend/classify.h"

#include <gtest/gtest.h>

namespace cafe::doublespend {
namespace {

Trace trace(uint8_t fill) {
  Trace made;
  made.d.fill(fill);
  made.r1.fill(fill + 1);
  made.r2.fill(fill + 2);
  return made;
}

SpendRow row(uint8_t d, Place place) { return {.key = {}, .place = place, .trace = trace(d)}; }

struct Case {
  const char* behaviour;
  SpendRow row;
  StoredSpend first;
  RecordVerdict expected;
};

TEST(ClassifyTest, ComparesWithTheFirstSpend) {
  const StoredSpend first{.place = {7, 128}, .trace = trace(10)};
  const Case cases[] = {
      {"itself is fresh, however often", row(10, {7, 128}), first, {.outcome = Outcome::kFresh}},
      {"the same spend in another batch is a repeat",
       row(10, {8, 128}),
       first,
       {.outcome = Outcome::kRepeat, .other = {7, 128}}},
      {"the same spend elsewhere in the batch is a repeat",
       row(10, {7, 129}),
       first,
       {.outcome = Outcome::kRepeat, .other = {7, 128}}},
      {"another challenge is a double, with the first's trace",
       row(20, {8, 0}),
       first,
       {.outcome = Outcome::kDouble, .other = {7, 128}, .first = trace(10)}},
      {"another challenge is a double even from the first's place",
       row(20, {7, 128}),
       first,
       {.outcome = Outcome::kDouble, .other = {7, 128}, .first = trace(10)}},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(classify(c.row, c.first), c.expected) << c.behaviour;
  }
}

TEST(ClassifyTest, ADoubleKeepsItsCaseAndItsRepeatsNameIt) {
  const StoredSpend first{.place = {7, 128}, .trace = trace(10)};
  const StoredDouble stored{.place = {9, 1}, .case_number = 42};
  EXPECT_EQ(
      classify_double(row(20, {9, 1}), first, stored),
      (RecordVerdict{
          .outcome = Outcome::kDouble, .case_number = 42, .other = {7, 128}, .first = trace(10)}));
  EXPECT_EQ(classify_double(row(20, {9, 2}), first, stored),
            (RecordVerdict{.outcome = Outcome::kRepeat, .case_number = 42, .other = {9, 1}}));
}

TEST(PlaceTest, PositionIsPaymentAndSpend) {
  const Place place{.batch = 1, .position = 999 * 128 + 127};
  EXPECT_EQ(place.payment(), 999u);
  EXPECT_EQ(place.spend(), 127u);
}

}  // namespace
}  // namespace cafe::doublespend
