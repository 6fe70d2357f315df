#include "services/doublespend/lookups.h"

#include <gtest/gtest.h>

#include <map>

#include "services/doublespend/testing/rows.h"

namespace cafe::doublespend {
namespace {

using protocol::CoinId;
using protocol::SpentSlotsAnswer;

constexpr uint64_t kNow_ms = 1'765'000'000'000;

storage::OnlineKey make_signing_key() {
  protocol::SeededRng rng("lookups");
  const auto master = protocol::SigningKey::create(rng.scalar()).value();
  const auto key = protocol::SigningKey::create(rng.scalar()).value();
  const protocol::KeyCertificate certificate{.issuer_id = "issuer.example",
                                             .purpose = "coinstore",
                                             .key = key.public_key(),
                                             .valid_from = 0,
                                             .valid_until = kNow_ms};
  return {key, protocol::SignedDocument::sign(certificate.encode(), master), certificate};
}

class LookupsTest : public ::testing::Test {
 protected:
  SpentSlotsAnswer ask(std::vector<CoinId> coins, SpentCache& cache) {
    Lookups lookups(
        "issuer.example", key_,
        [this](std::span<const CoinId> asked) -> absl::StatusOr<std::vector<uint64_t>> {
          std::vector<uint64_t> slots;
          for (const CoinId& coin : asked) {
            ++reads_[coin];
            slots.push_back(store_[coin]);
          }
          return slots;
        },
        cache, clock_);
    const auto document = lookups.answer(std::move(coins));
    EXPECT_TRUE(document.ok()) << document.status();
    EXPECT_TRUE(document->check(key_.key.public_key()).ok());
    return SpentSlotsAnswer::decode(document->frame).value();
  }

  const storage::OnlineKey key_ = make_signing_key();
  platform::ManualClock clock_{absl::FromUnixMillis(kNow_ms)};
  storage::FakeCache redis_{[this] { return absl::ToChronoTime(clock_.now()); }};
  SpentCache cache_{&redis_, key_.key, std::chrono::seconds(30)};
  std::map<CoinId, uint64_t> store_;
  std::map<CoinId, int> reads_;
  testing::RowMaker maker_{"coins", 1, 1};
  const CoinId whole_ = maker_.coin(), split_ = maker_.coin(), last_ = maker_.coin();
};

TEST_F(LookupsTest, AnswersWhatWasAskedInItsOrder) {
  store_[split_] = 0b100101;
  store_[last_] = uint64_t{1} << 63;
  const SpentSlotsAnswer answer = ask({split_, whole_, last_, split_}, cache_);
  EXPECT_EQ(answer.issuer_id, "issuer.example");
  EXPECT_EQ(answer.time_ms, kNow_ms);
  EXPECT_EQ(answer.coin_ids, (std::vector{split_, whole_, last_, split_}));
  EXPECT_EQ(answer.spent, (std::vector<SpentSlotsAnswer::Spent>{
                              {0, 0}, {0, 2}, {0, 5}, {2, 63}, {3, 0}, {3, 2}, {3, 5}}));
}

TEST_F(LookupsTest, ACoinThatIsNamedManyTimesIsReadOnce) {
  store_[split_] = 2;
  const SpentSlotsAnswer answer = ask(std::vector<CoinId>(500, split_), cache_);
  EXPECT_EQ(answer.spent.size(), 500U);
  EXPECT_EQ(reads_[split_], 1);
}

TEST_F(LookupsTest, ACachedAnswerSaysHowOldItIs) {
  store_[split_] = 1;
  ask({split_}, cache_);
  clock_.advance(absl::Seconds(10));
  store_[split_] = 3;
  const SpentSlotsAnswer answer = ask({whole_, split_}, cache_);
  EXPECT_EQ(reads_[split_], 1);
  EXPECT_EQ(answer.time_ms, kNow_ms) << "of its oldest part";
  EXPECT_EQ(answer.spent, (std::vector<SpentSlotsAnswer::Spent>{{1, 0}}));
  clock_.advance(absl::Seconds(21));
  EXPECT_EQ(ask({split_}, cache_).spent.size(), 2u) << "no older than it may be";
}

TEST_F(LookupsTest, ThatACoinIsWholeIsNeverTakenFromTheCache) {
  ask({whole_}, cache_);
  store_[whole_] = 1;
  EXPECT_EQ(ask({whole_}, cache_).spent.size(), 1u);
  EXPECT_EQ(reads_[whole_], 2);
}

TEST_F(LookupsTest, WithTheCacheDownOrAbsentTheDatabaseAnswers) {
  store_[split_] = 1;
  redis_.set_down(true);
  EXPECT_EQ(ask({split_}, cache_).spent.size(), 1u);
  EXPECT_EQ(ask({split_}, cache_).spent.size(), 1u);
  SpentCache none(nullptr, key_.key, std::chrono::seconds(30));
  EXPECT_EQ(ask({split_}, none).spent.size(), 1u);
  EXPECT_EQ(reads_[split_], 3);
}

TEST_F(LookupsTest, RubbishInTheCacheIsAMiss) {
  store_[split_] = 1;
  const std::string key = "cafe:spent:" + protocol::to_string(split_);
  const std::string now = protocol::to_string(protocol::encode_u64(kNow_ms));
  const std::string later = protocol::to_string(protocol::encode_u64(kNow_ms + 1));
  const std::string none = protocol::to_string(protocol::encode_u64(0));
  for (const std::string& entry : {std::string(), now, now + none, later + now, now + now + "x"}) {
    ASSERT_TRUE(redis_.set(key, entry, std::chrono::seconds(1)).ok());
    EXPECT_EQ(ask({split_}, cache_).spent, (std::vector<SpentSlotsAnswer::Spent>{{0, 0}}));
  }
}

// [guard] Who can write to Redis cannot make the issuer sign that a whole coin is spent.
TEST_F(LookupsTest, AnEntryThatAnotherWroteOrMovedIsAMiss) {
  store_[split_] = 1;
  ask({split_}, cache_);  // sealed for split_
  const auto sealed = redis_.get("cafe:spent:" + protocol::to_string(split_));
  ASSERT_TRUE(sealed.ok() && sealed->has_value());
  std::string altered = **sealed;
  altered[15] = 3;  // one more slot
  protocol::SeededRng rng("forger");
  SpentCache forger(&redis_, protocol::SigningKey::create(rng.scalar()).value(),
                    std::chrono::seconds(30));
  const std::string key = "cafe:spent:" + protocol::to_string(whole_);
  for (const std::string& entry : {**sealed, altered}) {
    ASSERT_TRUE(redis_.set(key, entry, std::chrono::seconds(1)).ok());
    EXPECT_TRUE(ask({whole_}, cache_).spent.empty());
  }
  const std::vector<CoinId> coins = {whole_};
  forger.put(coins, std::vector<SpentSlots>{{kNow_ms, 1}});
  EXPECT_TRUE(ask({whole_}, cache_).spent.empty());
}

TEST(RateKeyTest, CountsAnAddressWhateverItsPort) {
  EXPECT_EQ(rate_key("ipv4:10.0.0.7:4242"), "ipv4:10.0.0.7");
  EXPECT_EQ(rate_key("ipv6:[2001:db8:1:2::1]:4242"), "ipv6:20010db800010002");
  EXPECT_EQ(rate_key("ipv6:%5B2001:db8:1:2:ffff::9%5D:77"), "ipv6:20010db800010002");
  EXPECT_EQ(rate_key("ipv6:[fe80::1%25eth0]:1"), "ipv6:fe80000000000000");
  EXPECT_EQ(rate_key("unix:/run/a.sock"), "unix");
  EXPECT_EQ(rate_key("ipv6:nonsense"), "ipv6");
  EXPECT_EQ(rate_key(""), "");
}

}  // namespace
}  // namespace cafe::doublespend
