#include "libs/protocol/prefix_lookup.h"

#include <gtest/gtest.h>

#include "libs/protocol/rng.h"

namespace cafe::protocol {
namespace {

CoinId coin(std::initializer_list<uint8_t> first) {
  CoinId id{};
  std::copy(first.begin(), first.end(), id.bytes.begin());
  return id;
}

TEST(CoinPrefixTest, HoldsTheFirstBits) {
  const CoinId id = coin({0xAB, 0xCD, 0xEF, 0x12, 0x34});
  EXPECT_EQ(CoinPrefix::of(id, 0).value, 0u);
  EXPECT_EQ(CoinPrefix::of(id, 1).value, 0x80000000u);
  EXPECT_EQ(CoinPrefix::of(id, 8).value, 0xAB000000u);
  EXPECT_EQ(CoinPrefix::of(id, 12).value, 0xABC00000u);
  EXPECT_EQ(CoinPrefix::of(id, 20).value, 0xABCDE000u);
}

TEST(CoinPrefixTest, CoversWhatBeginsWithIt) {
  const CoinPrefix prefix = CoinPrefix::of(coin({0xAB, 0xC0}), 12);
  EXPECT_TRUE(prefix.covers(coin({0xAB, 0xC0})));
  EXPECT_TRUE(prefix.covers(coin({0xAB, 0xCF, 0xFF})));
  EXPECT_FALSE(prefix.covers(coin({0xAB, 0xD0})));
  EXPECT_FALSE(prefix.covers(coin({0xAB, 0xB0})));
  EXPECT_TRUE(CoinPrefix::of(coin({0xFF}), 0).covers(coin({0x00}))) << "no bits cover everything";
}

TEST(CoinPrefixTest, EveryCoinLiesUnderItsOwnPrefixAndUnderOneOfALength) {
  SeededRng rng("prefixes");
  for (int n = 0; n < 200; ++n) {
    const CoinId id{rng.array<32>()};
    const CoinId other{rng.array<32>()};
    for (uint8_t bits = 0; bits <= kMaxPrefixBits; ++bits) {
      const CoinPrefix prefix = CoinPrefix::of(id, bits);
      ASSERT_TRUE(prefix.check().ok());
      ASSERT_TRUE(prefix.covers(id));
      ASSERT_EQ(prefix.covers(other), CoinPrefix::of(other, bits) == prefix) << int{bits};
    }
  }
}

TEST(CoinPrefixTest, IsLeftAlignedAndShort) {
  const auto checked = [](uint8_t bits, uint32_t value) {
    return reason_of(CoinPrefix{bits, value}.check());
  };
  EXPECT_EQ(checked(0, 0), "");
  EXPECT_EQ(checked(20, 0xFFFFF000), "");
  EXPECT_EQ(checked(20, 0xFFFFF800), "BAD_PREFIX");
  EXPECT_EQ(checked(0, 0x80000000), "BAD_PREFIX");
  EXPECT_EQ(checked(4, 0x0F000000), "BAD_PREFIX");
  EXPECT_EQ(checked(21, 0), "BAD_PREFIX");
  EXPECT_EQ(checked(32, 0), "BAD_PREFIX");
  EXPECT_EQ(checked(255, 0xFFFFFFFF), "BAD_PREFIX");
}

TEST(SpentPrefixAnswerTest, TellsACoinsSpentSlots) {
  const SpentPrefixAnswer answer{
      "issuer.example", 1, {4, 0xA0000000}, {{coin({0xA1}), 0b1}, {coin({0xA3}), 0b110}}};
  EXPECT_EQ(answer.slots_of(coin({0xA1})), 0b1u);
  EXPECT_EQ(answer.slots_of(coin({0xA3})), 0b110u);
  EXPECT_EQ(answer.slots_of(coin({0xA2})), 0u);
  EXPECT_EQ(answer.slots_of(coin({0xA0})), 0u);
  EXPECT_EQ(answer.slots_of(coin({0xAF})), 0u);
  EXPECT_EQ((SpentPrefixAnswer{"issuer.example", 1, {0, 0}, {}}).slots_of(coin({1})), 0u);
}

}  // namespace
}  // namespace cafe::protocol
