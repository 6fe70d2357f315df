#include "loadtest/generator/coin_lanes.h"

#include <gtest/gtest.h>

#include <set>

#include "libs/protocol/loadtest_key.h"
#include "libs/protocol/testing/world.h"

namespace cafe::loadtest {
namespace {

using cafe::testing::World;
using protocol::Denomination;
using protocol::Scalar;

Denomination loadtest(Denomination denomination) {
  denomination.H = *protocol::multiply(protocol::loadtest_key(denomination), protocol::g());
  return denomination;
}

class CoinLanesTest : public ::testing::Test {
 protected:
  World world{"coin lanes"};
  const Denomination plain = loadtest(world.coin.denomination);
  const Denomination split = loadtest(world.split_coin.denomination);
  const Denomination cheque = loadtest(world.cheque.denomination);
  const std::vector<Scalar> spenders = {world.rng.scalar(), world.rng.scalar()};
};

TEST_F(CoinLanesTest, EveryCoinOfALaneIsValidAndAnotherOne) {
  for (const Denomination& denomination : {plain, split, cheque}) {
    auto lanes = CoinLanes::create(denomination, spenders, 3, world.rng);
    ASSERT_TRUE(lanes.ok()) << lanes.status();
    std::set<protocol::CoinId> ids;
    for (int step = 0; step < 6; ++step) {
      const auto coins = lanes->next();
      ASSERT_TRUE(coins.ok()) << coins.status();
      ASSERT_EQ(coins->size(), 3U);
      for (const MintedCoin& minted : *coins) {
        EXPECT_TRUE(protocol::check_coin(minted.coin, denomination).ok()) << "step " << step;
        EXPECT_EQ(minted.id, minted.coin.id());
        EXPECT_TRUE(ids.insert(minted.id).second);
      }
    }
  }
}

TEST_F(CoinLanesTest, TheSpenderKnowsTheLogarithmsOfHisCoins) {
  auto lanes = CoinLanes::create(split, spenders, 2, world.rng);
  ASSERT_TRUE(lanes.ok()) << lanes.status();
  for (int step = 0; step < 3; ++step) {
    const auto coins = lanes->next();
    ASSERT_TRUE(coins.ok()) << coins.status();
    for (size_t lane = 0; lane < coins->size(); ++lane) {
      const MintedCoin& minted = (*coins)[lane];
      EXPECT_EQ(minted.sw, minted.s * spenders[lane]);
      EXPECT_EQ(minted.coin.A, *protocol::linear_combination(
                                   {{minted.sw, protocol::g1()}, {minted.s, protocol::g2()}}));
      ASSERT_EQ(minted.B.size(), split.slot_values.size());
      for (size_t j = 0; j < minted.B.size(); ++j) {
        EXPECT_EQ(minted.B[j], *protocol::linear_combination({{minted.y[j][0], protocol::g1()},
                                                              {minted.y[j][1], protocol::g2()}}));
      }
    }
  }
}

TEST_F(CoinLanesTest, MakesNoCoinsWithoutALoadtestKey) {
  for (const Denomination& real : {world.coin.denomination, world.cheque.denomination}) {
    const auto lanes = CoinLanes::create(real, spenders, 1, world.rng);
    EXPECT_EQ(protocol::reason_of(lanes.status()), "NOT_LOADTEST");
  }
  // The key is of its kind: that of a cheque makes no coins.
  Denomination other = cheque;
  other.kind = protocol::Kind::kCoin;
  EXPECT_EQ(protocol::reason_of(CoinLanes::create(other, spenders, 1, world.rng).status()),
            "NOT_LOADTEST");
}

}  // namespace
}  // namespace cafe::loadtest
