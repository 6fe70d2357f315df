#include "libs/protocol/lookup.h"

#include <gtest/gtest.h>

#include "libs/protocol/denomination.h"

namespace cafe::protocol {
namespace {

CoinId coin(uint8_t fill) {
  CoinId id;
  id.bytes.fill(fill);
  return id;
}

SpentSlotsAnswer sample() {
  return {.issuer_id = "issuer.example",
          .time_ms = 1'700'000'000'123,
          .coin_ids = {coin(1), coin(2), coin(3)},
          .spent = {{0, 0}, {0, 5}, {2, 63}}};
}

std::string reason_of_decoding(const SpentSlotsAnswer& answer) {
  return reason_of(SpentSlotsAnswer::decode(answer.encode()).status());
}

TEST(SpentSlotsAnswerTest, SurvivesTheRoundTrip) {
  const auto decoded = SpentSlotsAnswer::decode(sample().encode());
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(*decoded, sample());
}

TEST(SpentSlotsAnswerTest, NothingSpentIsAnAnswerToo) {
  SpentSlotsAnswer answer = sample();
  answer.spent.clear();
  const auto decoded = SpentSlotsAnswer::decode(answer.encode());
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(*decoded, answer);
}

TEST(SpentSlotsAnswerTest, RefusesWhatNoStoreWouldSay) {
  SpentSlotsAnswer answer = sample();
  answer.coin_ids.clear();
  answer.spent.clear();
  EXPECT_EQ(reason_of_decoding(answer), "ITEM_COUNT");
  answer = sample();
  answer.coin_ids.resize(kMaxLookup + 1, coin(9));
  EXPECT_EQ(reason_of_decoding(answer), "TOO_MANY_ITEMS");
  answer = sample();
  answer.spent.push_back({3, 0});
  EXPECT_EQ(reason_of_decoding(answer), "COIN_OUTSIDE_LIST");
  answer = sample();
  answer.spent.back().slot = kMaxSlots;
  EXPECT_EQ(reason_of_decoding(answer), "SLOT_OUTSIDE_COIN");
  answer = sample();
  answer.spent.push_back(answer.spent.back());
  EXPECT_EQ(reason_of_decoding(answer), "NOT_CANONICAL");
  answer = sample();
  std::swap(answer.spent[0], answer.spent[1]);
  EXPECT_EQ(reason_of_decoding(answer), "NOT_CANONICAL");
}

TEST(SpentSlotsAnswerTest, RefusesEveryTruncationAndTrailingBytes) {
  const Bytes whole = sample().encode();
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(SpentSlotsAnswer::decode(ByteView(whole).first(size)).ok()) << size;
  }
  Bytes longer = whole;
  append(longer, encode_u32(0));
  EXPECT_EQ(reason_of(SpentSlotsAnswer::decode(longer).status()), "TRAILING_BYTES");
}

}  // namespace
}  // namespace cafe::protocol
