#include "loadtest/generator/call_ticks.h"

#include <gtest/gtest.h>

#include "libs/protocol/ticks.h"

namespace cafe::loadtest {
namespace {

using protocol::check_tick;
using protocol::reason_of;

TEST(CallTicksTest, ATerminalTakesEachTickAtItsIndexOnly) {
  protocol::SeededRng rng("ticks");
  for (const uint32_t count : {1U, 2U, 7U}) {
    const auto ticks = CallTicks::make(count, rng);
    ASSERT_TRUE(ticks.ok()) << ticks.status();
    ASSERT_EQ(ticks->count(), count);
    for (uint32_t i = 0; i < count; ++i) {
      protocol::TickReveal reveal = ticks->reveal(i);
      EXPECT_EQ(reveal.index, i);
      EXPECT_TRUE(check_tick(ticks->root(), count, reveal).ok());
      reveal.index ^= 1;
      EXPECT_EQ(reason_of(check_tick(ticks->root(), count, reveal)), "BAD_TICK");
    }
  }
}

TEST(CallTicksTest, ACallHasTicks) {
  protocol::SeededRng rng("none");
  EXPECT_EQ(reason_of(CallTicks::make(0, rng).status()), "TICK_COUNT");
  EXPECT_EQ(reason_of(CallTicks::make(protocol::kMaxTicks + 1, rng).status()), "TICK_COUNT");
}

}  // namespace
}  // namespace cafe::loadtest
