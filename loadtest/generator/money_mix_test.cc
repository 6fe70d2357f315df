#include "loadtest/generator/money_mix.h"

#include <gtest/gtest.h>

#include "libs/protocol/status.h"
#include "loadtest/generator/mix.h"

namespace cafe::loadtest {
namespace {

TEST(MoneyMixTest, IsReadAndWrittenInOneForm) {
  EXPECT_EQ(MoneyMix().text(), "coins=100");
  const auto mix = MoneyMix::parse("calls=5,coins=70,split=0,cheques=15");
  ASSERT_TRUE(mix.ok()) << mix.status();
  EXPECT_EQ(mix->text(), "coins=70,cheques=15,calls=5");
  EXPECT_FALSE(mix->has(Money::kSplit));
  EXPECT_TRUE(mix->has(Money::kCall));
  EXPECT_EQ(MoneyMix::parse(mix->text()).value(), *mix);
}

TEST(MoneyMixTest, WhatIsNoMixIsRefused) {
  for (const char* text : {"", "coins", "coins=", "coins=0", "coins=x", "coins=1.5", "coins=-1",
                           "coins=1,", ",coins=1", "coins=1,coins=1", "coins=0,coins=1", "notes=1",
                           "coins=1000001", "coins=1 ", "=1"}) {
    EXPECT_EQ(protocol::reason_of(MoneyMix::parse(text).status()), "BAD_OPTION") << text;
  }
}

TEST(MoneyMixTest, DrawsInItsShares) {
  const MoneyMix mix = MoneyMix::parse("coins=50,cheques=30,calls=20").value();
  std::array<int, kMoneyKinds> drawn{};
  for (uint64_t i = 0; i < 10'000; ++i) ++drawn[static_cast<size_t>(mix.draw(loadtest::mix(i)))];
  EXPECT_NEAR(drawn[0], 5'000, 200);
  EXPECT_EQ(drawn[1], 0);
  EXPECT_NEAR(drawn[2], 3'000, 200);
  EXPECT_NEAR(drawn[3], 2'000, 200);
}

}  // namespace
}  // namespace cafe::loadtest
