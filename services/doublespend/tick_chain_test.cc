#include "services/doublespend/tick_chain.h"

#include <gtest/gtest.h>

#include "services/doublespend/testing/rows.h"

namespace cafe::doublespend {
namespace {

using Before = std::vector<uint32_t>;
using testing::showing;

class TickChain : public ::testing::Test {
 protected:
  testing::RowMaker rows_{"tick chain", 2'000'000'000, 2'100'000'000};
  const SpendRow call_ = rows_.spend(rows_.coin(), 0, {1, 0});

  static std::vector<TickLink> links_of(const TickDecision& decision) {
    std::vector<TickLink> links;
    for (const auto& made : decision.links) links.push_back(made.link);
    return links;
  }
};

TEST_F(TickChain, TheFirstRowBeginsAtZero) {
  const SpendRow first = showing(call_, 7, {1, 0});
  const TickDecision decision = decide_ticks({{first}}, {{std::nullopt}});
  EXPECT_EQ(decision.ticks_before, Before{0});
  EXPECT_EQ(links_of(decision), (std::vector<TickLink>{{0, 7, {1, 0}}}));
}

TEST_F(TickChain, MoreTicksGoOnWhereTheLastOnesEnded) {
  const TickLink last{3, 7, {1, 0}};
  const TickDecision decision = decide_ticks({{showing(call_, 12, {2, 0})}}, {{last}});
  EXPECT_EQ(decision.ticks_before, Before{7});
  EXPECT_EQ(links_of(decision), (std::vector<TickLink>{{7, 12, {2, 0}}}));
}

TEST_F(TickChain, AsManyOrFewerAddNothing) {
  const TickLink last{3, 7, {1, 0}};
  for (const uint32_t ticks : {7u, 5u, 4u}) {
    const TickDecision decision = decide_ticks({{showing(call_, ticks, {2, 0})}}, {{last}});
    EXPECT_EQ(decision.ticks_before, Before{ticks});
    EXPECT_TRUE(decision.links.empty());
  }
}

TEST_F(TickChain, ARowThatAsksAgainFindsItsOwnLink) {
  // The chain has gone on since: what holds the row's ticks is what is looked at.
  const TickLink own{3, 7, {2, 5}};
  const TickDecision decision = decide_ticks({{showing(call_, 7, {2, 5})}}, {{own}});
  EXPECT_EQ(decision.ticks_before, Before{3});
  EXPECT_TRUE(decision.links.empty());
}

TEST_F(TickChain, RowsOfOneSlotTogetherEarnTheHighest) {
  std::vector<SpendRow> rows;
  uint64_t batch = 1;
  for (const uint32_t ticks : {4, 9, 6, 9, 10}) rows.push_back(showing(call_, ticks, {batch++, 0}));
  rows.push_back(rows.back());  // the same one twice
  const TickLink stored{0, 5, {0, 3}};
  std::vector<std::optional<TickLink>> found(rows.size(), stored);
  const TickDecision decision = decide_ticks(rows, found);
  EXPECT_EQ(decision.ticks_before, (Before{4, 5, 6, 9, 9, 9}));
  EXPECT_EQ(links_of(decision), (std::vector<TickLink>{{5, 9, {2, 0}}, {9, 10, {5, 0}}}));
}

TEST_F(TickChain, ARowThatAsksAgainBesideAHigherOneFindsItsOwnLinkToo) {
  // Batch 11 was recorded, its answer was lost, and it comes again together with batch 10, which
  // shows more.
  const TickLink own{0, 5, {11, 0}};
  const TickDecision decision =
      decide_ticks({{showing(call_, 9, {10, 0}), showing(call_, 5, {11, 0})}}, {{own, own}});
  EXPECT_EQ(decision.ticks_before, (Before{5, 0}));
  EXPECT_EQ(links_of(decision), (std::vector<TickLink>{{5, 9, {10, 0}}}));
}

TEST_F(TickChain, SlotsDoNotMeet) {
  SpendRow other = showing(call_, 2, {1, 1});
  other.key.slot = 1;
  const TickDecision decision =
      decide_ticks({{showing(call_, 7, {1, 0}), other}}, {{std::nullopt, std::nullopt}});
  EXPECT_EQ(decision.ticks_before, (Before{0, 0}));
  ASSERT_EQ(decision.links.size(), 2u);
  EXPECT_EQ(decision.links[1].row, 1u);
  EXPECT_EQ(decision.links[1].link, (TickLink{0, 2, {1, 1}}));
}

}  // namespace
}  // namespace cafe::doublespend
