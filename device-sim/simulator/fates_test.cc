#include "device-sim/simulator/fates.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "libs/protocol/status.h"

namespace cafe::simulator {
namespace {

template <typename Member, typename Value>
auto count(const std::vector<Life>& lives, Member member, Value value) {
  return std::count_if(lives.begin(), lives.end(),
                       [&](const Life& life) { return life.*member == value; });
}

TEST(Fates, AreAsManyAsAskedForAndOfHonestWalletsOnly) {
  for (const uint32_t wallets : {1U, 7U, 45U, 200U}) {
    SimulationOptions options;
    options.wallets = wallets;
    options.double_spenders = wallets / 20;
    options.overdrawers = wallets / 20;
    options.lost = wallets / 10;
    options.stolen = wallets / 20;
    options.broken = wallets / 20;
    const auto lives = draw_lives(options);
    ASSERT_TRUE(lives.ok()) << lives.status();
    ASSERT_EQ(lives->size(), wallets);
    EXPECT_EQ(count(*lives, &Life::role, Role::kDoubleSpender), options.double_spenders);
    EXPECT_EQ(count(*lives, &Life::role, Role::kOverdrawer), options.overdrawers);
    EXPECT_EQ(count(*lives, &Life::fate, Fate::kLost), options.lost);
    EXPECT_EQ(count(*lives, &Life::fate, Fate::kStolen), options.stolen);
    EXPECT_EQ(count(*lives, &Life::fate, Fate::kBroken), options.broken);
    for (const Life& life : *lives) {
      EXPECT_TRUE(life.role == Role::kHonest || life.fate == Fate::kKept);
    }
  }
}

TEST(Fates, MayBeEverybodys) {
  SimulationOptions options;
  options.wallets = 9;
  options.double_spenders = 2;
  options.overdrawers = 1;
  options.lost = options.stolen = options.broken = 2;
  const auto lives = draw_lives(options);
  ASSERT_TRUE(lives.ok()) << lives.status();
  EXPECT_EQ(count(*lives, &Life::fate, Fate::kKept), 3);
}

TEST(Fates, AreNotMoreThanWallets) {
  SimulationOptions cheats;
  cheats.wallets = 3;
  cheats.double_spenders = 2;
  cheats.overdrawers = 2;
  EXPECT_EQ(protocol::reason_of(draw_lives(cheats).status()), "BAD_OPTION");
  SimulationOptions losses;
  losses.wallets = 3;
  losses.double_spenders = 2;
  losses.lost = 2;
  EXPECT_EQ(protocol::reason_of(draw_lives(losses).status()), "BAD_OPTION");
}

}  // namespace
}  // namespace cafe::simulator
