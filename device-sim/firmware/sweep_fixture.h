// Worlds to sweep over, prepared without interruptions.
#pragma once

#include <gmock/gmock.h>

#include "device-sim/firmware/testing/errands.h"
#include "device-sim/firmware/testing/sweep.h"

namespace cafe::testing {

inline constexpr uint64_t kLoadedOnce = 14'000;

// A wallet with coins of 5.00 twice and of 4+2+1+1+1 once, three blank cheques and, if nothing else
// is said, 140.00 on its guardian's counter.
class SweepTest : public ::testing::Test {
 protected:
  void joined() { quietly(join); }
  void with_money(uint64_t loaded = kLoadedOnce) {
    joined();
    quietly([this](SweepWorld& w) { return withdraw(w, first_order()); });
    quietly([loaded](SweepWorld& w) { return load(w, loaded, loaded); });
  }
  // What is left undone.
  void quietly(const Errand& errand) {
    const absl::Status status = world_.run(errand);
    ASSERT_TRUE(status.ok()) << status;
    world_.terms.reset();
  }
  std::vector<protocol::OrderLine> first_order() {
    const World& world = world_.world();
    return {{world.coin.id, 2}, {world.split_coin.id, 1}, {world.cheque.id, 3}};
  }
  // How many interruptions were tried, for the log of the test.
  void report(const Swept& swept, size_t at_least) {
    RecordProperty("points", static_cast<int>(swept.points));
    EXPECT_TRUE(HasFailure() || swept.points >= at_least) << swept.points;
    std::printf("%zu runs were interrupted\n", swept.points);
  }

  SweepWorld world_{::testing::UnitTest::GetInstance()->current_test_info()->name()};
};

}  // namespace cafe::testing
