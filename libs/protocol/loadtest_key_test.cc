#include "libs/protocol/loadtest_key.h"

#include <gtest/gtest.h>

#include <functional>

#include "libs/protocol/testing/world.h"

namespace cafe::protocol {
namespace {

using cafe::testing::World;

Denomination loadtest(Denomination denomination) {
  denomination.H = *multiply(loadtest_key(denomination), g());
  return denomination;
}

TEST(LoadtestKeyTest, is_the_hash_of_what_everyone_sees) {
  const Denomination denomination{.issuer_id = "issuer-a.example",
                                  .currency = "XTS",
                                  .kind = Kind::kCoin,
                                  .slot_values = {400, 100},
                                  .withdraw_from = 1'700'000'000,
                                  .withdraw_until = 0,
                                  .spend_until = 0,
                                  .deposit_until = 0,
                                  .claim_until = 0,
                                  .H = g()};
  // Computed apart, from the frame as docs/protocol.md writes it.
  EXPECT_EQ(to_hex(loadtest_key(denomination).bytes()),
            "43f0e0d7e02abdea301091e83985127311122a1153c8c7d1cb5e33d57b5ed82b");
}

TEST(LoadtestKeyTest, tells_load_test_denominations_from_others) {
  const World world{"loadtest-key"};
  EXPECT_FALSE(is_loadtest(world.coin.denomination));
  EXPECT_FALSE(is_loadtest(world.cheque.denomination));
  EXPECT_TRUE(is_loadtest(loadtest(world.coin.denomination)));
  EXPECT_TRUE(is_loadtest(loadtest(world.cheque.denomination)));
}

TEST(LoadtestKeyTest, hangs_on_everything_that_tells_denominations_apart) {
  const World world{"loadtest-key"};
  const std::vector<std::function<void(Denomination&)>> alterations = {
      [](Denomination& d) { d.issuer_id += "x"; },
      [](Denomination& d) { d.currency = "XTS"; },
      [](Denomination& d) { d.kind = Kind::kCheque; },
      [](Denomination& d) { d.slot_values.push_back(1); },
      [](Denomination& d) { ++d.slot_values[0]; },
      [](Denomination& d) { ++d.withdraw_from; },
  };
  for (size_t i = 0; i < alterations.size(); ++i) {
    Denomination denomination = loadtest(world.coin.denomination);
    alterations[i](denomination);
    EXPECT_FALSE(is_loadtest(denomination)) << i;
    EXPECT_TRUE(is_loadtest(loadtest(denomination))) << i;
  }
}

TEST(LoadtestKeyTest, one_among_many_makes_a_list_unfit_for_production) {
  World world{"loadtest-key"};
  EXPECT_TRUE(refuse_loadtest(world.list).ok());
  DenominationList list = world.list;
  list.denominations.push_back(loadtest(world.coin.denomination));
  const absl::Status refusal = refuse_loadtest(list);
  EXPECT_EQ(refusal.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(reason_of(refusal), "LOADTEST_DENOMINATION");
  EXPECT_NE(refusal.message().find(list.denominations.back().id().hex()), std::string::npos);
}

}  // namespace
}  // namespace cafe::protocol
