#include "services/doublespend/prefix_lookups.h"

#include <gtest/gtest.h>

#include "libs/protocol/status.h"
#include "services/doublespend/columns.h"
#include "services/doublespend/testing/rows.h"

namespace cafe::doublespend {
namespace {

using protocol::CoinId;
using protocol::CoinPrefix;
using protocol::kMaxPrefixSlots;
using protocol::reason_of;
using protocol::SpentPrefixAnswer;

constexpr uint64_t kNow_ms = 1'765'000'000'000;

storage::OnlineKey make_signing_key() {
  protocol::SeededRng rng("prefix look-ups");
  const auto key = protocol::SigningKey::create(rng.scalar()).value();
  const protocol::KeyCertificate certificate{.issuer_id = "issuer.example",
                                             .purpose = "coinstore",
                                             .key = key.public_key(),
                                             .valid_from = 0,
                                             .valid_until = kNow_ms};
  return {key, protocol::SignedDocument::sign(certificate.encode(), key), certificate};
}

class PrefixLookupsTest : public ::testing::Test {
 protected:
  CoinId coin_under(uint8_t first_byte) {
    CoinId coin = maker_.coin();
    coin.bytes[0] = first_byte;
    return coin;
  }
  SpentPrefixAnswer opened(const absl::StatusOr<protocol::SignedDocument>& document) {
    EXPECT_TRUE(document.ok()) << document.status();
    EXPECT_TRUE(document->check(key_.key.public_key()).ok());
    const auto answer = SpentPrefixAnswer::decode(document->frame);
    EXPECT_TRUE(answer.ok()) << answer.status();
    return *answer;
  }

  const storage::OnlineKey key_ = make_signing_key();
  platform::ManualClock clock_{absl::FromUnixMillis(kNow_ms)};
  testing::RowMaker maker_{"prefixes", 1, 1};
  // What the store says to each prefix, in turn.
  absl::StatusOr<std::vector<std::vector<SpentSlot>>> found_;
  PrefixLookups lookups_{"issuer.example", key_,
                         [this](std::span<const CoinPrefix> asked) {
                           asked_.insert(asked_.end(), asked.begin(), asked.end());
                           clock_.advance(absl::Seconds(1));  // reading takes its time
                           return found_;
                         },
                         clock_};
  std::vector<CoinPrefix> asked_;
};

TEST_F(PrefixLookupsTest, NamesEachCoinOnceWithAllItsSlotsInOrder) {
  const CoinId low = coin_under(0xa1), high = coin_under(0xaf);
  found_ = std::vector<std::vector<SpentSlot>>{{{high, 63}, {low, 5}, {high, 0}, {low, 1}}};
  const CoinPrefix prefix{.bits = 4, .value = 0xa0000000};
  const auto answers = lookups_.answer_all({&prefix, 1});
  ASSERT_TRUE(answers.ok()) << answers.status();
  const SpentPrefixAnswer answer = opened(answers->front());
  EXPECT_EQ(asked_, std::vector{prefix});
  EXPECT_EQ(answer.issuer_id, "issuer.example");
  EXPECT_EQ(answer.prefix, prefix);
  EXPECT_EQ(answer.time_ms, kNow_ms) << "not later than what was read";
  EXPECT_EQ(answer.spent, (std::vector<SpentPrefixAnswer::Spent>{{low, 0b100010},
                                                                 {high, uint64_t{1} << 63 | 1}}));
}

TEST_F(PrefixLookupsTest, OfSeveralOnlyThoseThatAreTooShortAreRefused) {
  std::vector<SpentSlot> full, over;
  for (size_t i = 0; i < kMaxPrefixSlots / 64; ++i) {
    const CoinId coin = coin_under(0x80);
    for (uint32_t slot = 0; slot < 64; ++slot) full.push_back({coin, slot});
  }
  over = full;
  over.push_back({coin_under(0x80), 0});
  found_ = std::vector{full, over, std::vector<SpentSlot>()};
  const std::vector<CoinPrefix> prefixes(3, {.bits = 1, .value = 0x80000000});
  const auto answers = lookups_.answer_all(prefixes);
  ASSERT_TRUE(answers.ok()) << answers.status();
  EXPECT_EQ(opened((*answers)[0]).spent.size(), kMaxPrefixSlots / 64);
  EXPECT_EQ(reason_of((*answers)[1].status()), "PREFIX_TOO_SHORT");
  EXPECT_TRUE(opened((*answers)[2]).spent.empty());
}

TEST_F(PrefixLookupsTest, WhatCannotBeReadIsNotAnswered) {
  found_ = absl::UnavailableError("down");
  const CoinPrefix prefix{.bits = 0, .value = 0};
  EXPECT_EQ(lookups_.answer_all({&prefix, 1}).status().code(), absl::StatusCode::kUnavailable);
}

TEST(CoinsUnderTest, IsTheRangeThatThePrefixCovers) {
  testing::RowMaker maker("ranges", 1, 1);
  for (int i = 0; i < 2000; ++i) {
    const auto bits = static_cast<uint8_t>(i % (protocol::kMaxPrefixBits + 1));
    CoinId of = maker.coin(), other = maker.coin();
    if (i % 3 == 0) of.bytes[0] = of.bytes[1] = 0xff;  // the range ends where all ids do
    if (i % 2 == 0) {  // near each other, or no coin would share a long prefix
      other.bytes[0] = of.bytes[0];
      other.bytes[1] = of.bytes[1];
    }
    const CoinPrefix prefix = CoinPrefix::of(of, bits);
    const CoinRange range = coins_under(prefix);
    for (const CoinId& coin : {of, other, range.first, range.last}) {
      EXPECT_EQ(range.first <= coin && coin <= range.last, prefix.covers(coin));
    }
  }
}

}  // namespace
}  // namespace cafe::doublespend
