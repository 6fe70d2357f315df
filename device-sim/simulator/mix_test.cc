#include "device-sim/simulator/mix.h"

#include <gtest/gtest.h>

#include "libs/protocol/status.h"

namespace cafe::simulator {
namespace {

TEST(MixTest, ReadsWhatItWrites) {
  const auto mix = parse_mix("coins=1,split=7,cheques=2,both=3,bills=4,calls=5,back=6");
  ASSERT_TRUE(mix.ok()) << mix.status();
  EXPECT_EQ(to_string(*mix), "coins=1,split=7,cheques=2,both=3,bills=4,calls=5,back=6");
  EXPECT_EQ(to_string(*parse_mix("")), to_string(Mix()));
}

TEST(MixTest, WhatIsLeftOutOfThoseNamedDoesNotHappen) {
  const auto mix = parse_mix("cheques=1,calls=1");
  ASSERT_TRUE(mix.ok()) << mix.status();
  protocol::SeededRng rng("mix");
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(draw_purse(*mix, rng), Purse::kCheques);
    EXPECT_EQ(draw_errand(*mix, rng), Errand::kCall);
  }
}

TEST(MixTest, DrawsInTheSharesAskedFor) {
  const auto mix = parse_mix("bills=70,calls=20,back=10");
  protocol::SeededRng rng("shares");
  std::map<Errand, int> drawn;
  for (int i = 0; i < 10'000; ++i) ++drawn[draw_errand(*mix, rng)];
  EXPECT_NEAR(drawn[Errand::kBill], 7000, 300);
  EXPECT_NEAR(drawn[Errand::kCall], 2000, 300);
  EXPECT_NEAR(drawn[Errand::kPayBack], 1000, 300);
}

TEST(MixTest, RefusesWhatIsNoMix) {
  for (const char* text : {"coins", "coins=", "coins=x", "coins=-1", "gold=1", "coins=1,coins=2",
                           "coins=0", "bills=0,calls=0", "coins=9999999"}) {
    EXPECT_EQ(protocol::reason_of(parse_mix(text).status()), "BAD_OPTION") << text;
  }
}

}  // namespace
}  // namespace cafe::simulator
