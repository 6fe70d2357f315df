// Look-ups by prefix against a real PostgreSQL, and against a model that looks at every row.
#include <bit>
#include <map>

#include "libs/protocol/prefix_lookup.h"
#include "services/doublespend/testing/service_fixture.h"

namespace cafe::doublespend::testing {
namespace {

using protocol::CoinId;
using protocol::CoinPrefix;
using protocol::kMaxPrefixBits;
using protocol::kMaxPrefixSlots;
using protocol::SpentPrefixAnswer;
using Stub = v1::DoubleSpend::Stub;

class PrefixTest : public ServiceFixture {
 protected:
  Called look_up(uint32_t bits, uint32_t value, v1::LookupPrefixResponse& response) {
    v1::LookupPrefixRequest request;
    request.set_bits(bits);
    request.set_prefix(value);
    return call(&Stub::LookupPrefix, request, response);
  }
  // The answer, with its signature checked; nothing where the prefix is too short.
  std::optional<SpentPrefixAnswer> answer(const CoinPrefix& prefix) {
    v1::LookupPrefixResponse response;
    const Called called = look_up(prefix.bits, prefix.value, response);
    if (called.reason() == "PREFIX_TOO_SHORT") {
      EXPECT_EQ(called.status.code(), absl::StatusCode::kFailedPrecondition);
      return std::nullopt;
    }
    EXPECT_TRUE(called.ok()) << called.status;
    const auto certificate =
        protocol::SignedDocument::decode(protocol::view_of(response.key_certificate()));
    EXPECT_TRUE(certificate.ok());
    const auto key = protocol::open_key_certificate(*certificate, market_.anchors,
                                                    protocol::kPurposeCoinstore, std::nullopt);
    EXPECT_TRUE(key.ok()) << key.status();
    const auto document = protocol::SignedDocument::decode(protocol::view_of(response.answer()));
    EXPECT_TRUE(document.ok() && document->check(key->key).ok());
    const auto opened = SpentPrefixAnswer::decode(document->frame);
    EXPECT_TRUE(opened.ok()) << opened.status();
    EXPECT_EQ(opened->issuer_id, options_.issuer_id);
    EXPECT_EQ(opened->time_ms, platform::unix_ms(clock_));
    EXPECT_EQ(opened->prefix, prefix);
    return *opened;
  }

  // What the store must say, from every row that it was given.
  void remember(const std::vector<SpendRow>& rows) {
    record(rows);
    for (const SpendRow& row : rows) model_[row.key.coin_id] |= uint64_t{1} << row.key.slot;
  }
  std::optional<std::vector<SpentPrefixAnswer::Spent>> expected(const CoinPrefix& prefix) const {
    std::vector<SpentPrefixAnswer::Spent> spent;
    size_t slots = 0;
    for (const auto& [coin, bits] : model_) {
      if (!prefix.covers(coin)) continue;
      spent.push_back({coin, bits});
      slots += static_cast<size_t>(std::popcount(bits));
    }
    if (slots > kMaxPrefixSlots) return std::nullopt;
    return spent;
  }
  void expect_as_expected(const CoinPrefix& prefix) {
    const auto got = answer(prefix);
    const auto wanted = expected(prefix);
    ASSERT_EQ(got.has_value(), wanted.has_value()) << int{prefix.bits} << ' ' << prefix.value;
    if (!got.has_value()) return;
    EXPECT_EQ(got->spent, *wanted) << int{prefix.bits} << ' ' << prefix.value;
  }

  std::map<CoinId, uint64_t> model_;
};

TEST_F(PrefixTest, SaysWhatAModelSaysForPrefixesOfEveryLength) {
  own_.prefix_lookups_per_minute = 0;
  start();
  protocol::SeededRng rng("prefix model");
  const SpendRow any = rows_.spends(1, 1).front();
  uint64_t batch = 1;
  for (uint64_t month = 0; month < 4; ++month) {  // each in a partition of its own
    RowMaker maker("month " + std::to_string(month), any.key.deposit_until + month * 31 * kDay_s,
                   any.claim_until + 200 * kDay_s);
    std::vector<SpendRow> rows;
    for (uint32_t i = 0; i < 400; ++i) {
      CoinId coin = maker.coin();
      if (i % 4 == 0) coin.bytes[0] = 0xff;  // many under one byte, where the ids end
      if (i % 8 == 0) coin.bytes[1] = 0x00;
      for (uint64_t slot = 0; slot < 64; slot += 1 + rng.below(40)) {
        rows.push_back(maker.spend(coin, static_cast<uint32_t>(slot),
                                   {batch, static_cast<uint32_t>(rows.size())}));
      }
    }
    remember(rows);
    ++batch;
  }
  size_t answered = 0, refused = 0;
  std::vector<CoinId> known;
  for (const auto& [coin, slots] : model_) known.push_back(coin);
  for (uint8_t bits = 0; bits <= kMaxPrefixBits; ++bits) {
    for (int i = 0; i < 12; ++i) {
      // Of a coin that is there, or of any.
      const CoinId coin =
          i % 3 == 0 ? rows_.coin() : known[(bits * 131u + i * 977u) % known.size()];
      expect_as_expected(CoinPrefix::of(coin, bits));
      expected(CoinPrefix::of(coin, bits)).has_value() ? ++answered : ++refused;
    }
    expect_as_expected({.bits = bits, .value = 0});
    CoinId last;
    last.bytes.fill(0xff);
    expect_as_expected(CoinPrefix::of(last, bits));
  }
  EXPECT_GT(answered, 100u);
  EXPECT_GT(refused, 20u);
}

TEST_F(PrefixTest, AnAnswerNamesAThousandAndTwentyFourSlotsAndNotOneMore) {
  start();
  std::vector<SpendRow> rows;
  CoinId coin;
  for (uint32_t i = 0; i < kMaxPrefixSlots; ++i) {
    if (i % 64 == 0) {
      coin = rows_.coin();
      coin.bytes[0] = 0xab;
    }
    rows.push_back(rows_.spend(coin, i % 64, {1, i}));
  }
  remember(rows);
  const CoinPrefix prefix{.bits = 8, .value = 0xab000000};
  expect_as_expected(prefix);
  EXPECT_EQ(answer(prefix)->spent.size(), kMaxPrefixSlots / 64);
  coin = rows_.coin();
  coin.bytes[0] = 0xab;
  remember({rows_.spend(coin, 0, {2, 0})});
  EXPECT_FALSE(answer(prefix).has_value());
  EXPECT_FALSE(answer({.bits = 0, .value = 0}).has_value());
  // With more bits it is answered again.
  expect_as_expected(CoinPrefix::of(coin, 20));
}

TEST_F(PrefixTest, ADoubleSpendAddsNothingAndAClaimNeither) {
  start();
  const CoinId coin = rows_.coin();
  remember({rows_.spend(coin, 3, {1, 0})});
  record({rows_.spend(coin, 3, {2, 0})});
  v1::MarkClaimedRequest claim;
  claim.set_claim(1);
  v1::MarkClaimedRequest::Coin& claimed = *claim.add_coins();
  claimed.set_coin_id(protocol::to_string(coin));
  claimed.set_slots(0b11);
  claimed.set_deposit_until(rows_.spend(coin, 0, {}).key.deposit_until);
  claimed.set_claim_until(rows_.spend(coin, 0, {}).claim_until);
  v1::MarkClaimedResponse response;
  EXPECT_TRUE(call(&Stub::MarkClaimed, claim, response).ok());
  expect_as_expected(CoinPrefix::of(coin, 12));
  EXPECT_EQ(answer(CoinPrefix::of(coin, 12))->slots_of(coin), uint64_t{1} << 3);
}

TEST_F(PrefixTest, AnEmptyStoreSaysThatNothingIsSpent) {
  start();
  expect_as_expected({.bits = 0, .value = 0});
  expect_as_expected(CoinPrefix::of(rows_.coin(), kMaxPrefixBits));
}

TEST_F(PrefixTest, OneAddressIsLimitedApartFromOtherLookups) {
  own_.prefix_lookups_per_minute = 10;
  own_.lookups_per_minute = 1;
  start();
  v1::LookupPrefixResponse response;
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(look_up(0, 0, response).ok());
  const Called limited = look_up(0, 0, response);
  EXPECT_EQ(limited.status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(limited.reason(), "RATE_LIMITED");
  v1::LookupRequest coins;
  coins.add_coin_ids(protocol::to_string(rows_.coin()));
  v1::LookupResponse slots;
  EXPECT_TRUE(call(&Stub::Lookup, coins, slots).ok());
  clock_.advance(absl::Minutes(1));
  EXPECT_TRUE(look_up(0, 0, response).ok());
}

TEST_F(PrefixTest, RefusesWhatIsNoPrefix) {
  start();
  v1::LookupPrefixResponse response;
  EXPECT_EQ(look_up(21, 0, response).reason(), "BAD_PREFIX");
  EXPECT_EQ(look_up(4, 0x08000000, response).reason(), "BAD_PREFIX");
}

}  // namespace
}  // namespace cafe::doublespend::testing
