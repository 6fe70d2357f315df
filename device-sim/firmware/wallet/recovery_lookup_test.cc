// Asking what is spent without saying who asks, or for which coins (section 8), of a store that
// would like to know.
#include "device-sim/firmware/wallet/recovery_fixture.h"
#include "libs/protocol/testing/market.h"

namespace cafe::wallet {
namespace {

using protocol::Bytes;
using protocol::CoinPrefix;
using protocol::reason_of;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::kDay_ms;
using ::testing::SizeIs;

class LookUpTest : public testing::RecoveryTest {
 protected:
  void SetUp() override {
    RecoveryTest::SetUp();
    withdraw_coins();
    recovery_ = begin();
    ASSERT_TRUE(list_and_rebuild(desk_, *recovery_).ok());
  }
  // Payments of many strangers, each of one coin: what the store has besides.
  void let_others_spend(size_t coins) {
    for (size_t n = 0; n < coins; ++n) {
      const auto point = [&] { return *protocol::multiply(world_.rng.scalar(), protocol::g()); };
      const protocol::Coin coin{world_.coin.id, point(), world_.rng.array<32>(), point(),
                                point(),        point(), world_.rng.scalar()};
      protocol::Payment payment{strangers_terms_, {coin}, {}};
      payment.spends.push_back({.coin = 0,
                                .slot = 0,
                                .value = 500,
                                .tick_root = {},
                                .salt = {},
                                .B = point(),
                                .path = {},
                                .r1 = {},
                                .r2 = {},
                                .tick = std::nullopt});
      desk_.deposit(payment);
    }
  }
  std::string look_up() { return reason_of(look_up_all(desk_, *recovery_)); }
  std::set<CoinPrefix> own_prefixes(uint8_t bits) {
    std::set<CoinPrefix> prefixes;
    for (const auto& coin : coins_of_lost()) prefixes.insert(CoinPrefix::of(coin, bits));
    return prefixes;
  }
  // From the lost wallet's own memory.
  std::vector<protocol::CoinId> coins_of_lost() {
    std::vector<protocol::CoinId> ids;
    firmware::MemoryImage copy(lost_.memory.snapshot());
    const auto store = *firmware::RecordStore::open(copy);
    store->scan("coin/", [&](std::string_view key, protocol::ByteView) {
      ids.push_back(*protocol::CoinId::decode(protocol::view_of(key.substr(5))));
    });
    return ids;
  }
  // The answer to the question that the wallet asks now, altered.
  std::string taken(const std::function<void(protocol::SpentPrefixAnswer&)>& alter,
                    const protocol::SigningKey& key, const Bytes& certificate) {
    const CoinPrefix asked = recovery_->to_ask()->at(0);
    protocol::SpentPrefixAnswer answer{
        std::string(testing::World::kIssuer), desk_.now_ms(), asked, {}};
    alter(answer);
    return reason_of(
        recovery_->on_spent(asked, protocol::SignedDocument::sign(answer.encode(), key).encode(),
                            certificate, desk_.now_ms()));
  }

  std::unique_ptr<Recovery> recovery_;
  protocol::SignedDocument strangers_terms_ =
      testing::terms_of(*till_.terminal->make_offer("EUR", 500, desk_.now_ms()));
};

// As long as the store is small, nothing at all is said about the coins.
TEST_F(LookUpTest, AsksForEverythingWhereThatIsAnswered) {
  let_others_spend(50);
  EXPECT_EQ(look_up(), "");
  EXPECT_THAT(desk_.look_ups(), ElementsAre(CoinPrefix{0, 0}));
}

TEST_F(LookUpTest, FindsTheLengthByRandomPrefixes) {
  let_others_spend(1000);
  desk_.most_slots = 100;
  EXPECT_EQ(look_up(), "");
  std::vector<CoinPrefix> asked = desk_.look_ups();
  ASSERT_GT(asked.size(), 3u);
  EXPECT_EQ(asked[0].bits, 0);
  EXPECT_EQ(asked[1].bits, 2);
  EXPECT_EQ(asked[2].bits, 4);
  // Then each prefix of its own once, and nothing else.
  const std::set<CoinPrefix> rest(asked.begin() + 3, asked.end());
  EXPECT_EQ(rest.size(), asked.size() - 3) << "each once";
  for (const CoinPrefix& own : own_prefixes(4)) {
    const bool answered_by_the_probe = own == asked[2];
    EXPECT_EQ(rest.contains(own), !answered_by_the_probe);
  }
  EXPECT_LE(rest.size(), own_prefixes(4).size());
}

// Probes are random: over many recoveries of the same coins, every part of the space is asked for.
TEST_F(LookUpTest, ProbesSayNothingOfTheCoins) {
  let_others_spend(600);
  desk_.most_slots = 100;
  const auto probe = [&] {
    std::vector<CoinPrefix> probes;
    for (uint8_t bits : {0, 2, 4}) {
      probes.push_back(recovery_->to_ask()->at(0));
      EXPECT_EQ(probes.back().bits, bits);
      EXPECT_EQ(recovery_->to_ask()->at(0), probes.back()) << "the same until it is answered";
      if (bits == 4) break;
      EXPECT_TRUE(recovery_->on_too_short(probes.back()).ok());
    }
    return probes;
  };
  std::set<uint32_t> seen;
  for (int n = 0; n < 200; ++n) {
    recovery_ = *Recovery::resume(*fresh_.wallet, lost_account_);
    ASSERT_TRUE(list_and_rebuild(desk_, *recovery_).ok());
    seen.insert(probe().back().value);
  }
  EXPECT_THAT(seen, SizeIs(16));
}

TEST_F(LookUpTest, APrefixThatIsFullerThanOthersGrowsOnce) {
  let_others_spend(1000);
  desk_.most_slots = 100;
  // One of its own has more than the store answers for.
  std::optional<CoinPrefix> fuller;
  desk_.calls_too_short = [&](const CoinPrefix& prefix) {
    if (prefix.bits != 4 || desk_.look_ups().size() <= 3) return false;
    if (!fuller) fuller = prefix;
    return prefix == *fuller;
  };
  EXPECT_EQ(look_up(), "");
  ASSERT_TRUE(fuller.has_value());
  const auto& asked = desk_.look_ups();
  EXPECT_TRUE(std::any_of(asked.begin(), asked.end(), [&](const CoinPrefix& prefix) {
    return prefix.bits == 6 && (prefix.value & 0xF0000000) == fuller->value;
  }));
}

// [guard] The attack: call every prefix of a coin too short until it names the coin alone.
TEST_F(LookUpTest, AStoreThatWantsToKnowExactlyIsToldNothingMore) {
  let_others_spend(1000);
  desk_.most_slots = 100;
  desk_.calls_too_short = [&](const CoinPrefix&) { return desk_.look_ups().size() > 3; };
  EXPECT_EQ(look_up(), "CROWD_TOO_SMALL");
  for (const CoinPrefix& prefix : desk_.look_ups()) EXPECT_LE(prefix.bits, 6);
  EXPECT_EQ(reason_of(recovery_->to_ask().status()), "CROWD_TOO_SMALL") << "nor later";
  EXPECT_EQ(reason_of(recovery_->claim({}, desk_.now_ms()).status()), "NOT_LOOKED_UP");
}

// [guard] The same from the beginning: the probe's answer shows how few share such a prefix.
TEST_F(LookUpTest, AStoreThatRefusesShortPrefixesIsFoundOut) {
  let_others_spend(200);
  desk_.calls_too_short = [](const CoinPrefix& prefix) { return prefix.bits < 12; };
  EXPECT_EQ(look_up(), "CROWD_TOO_SMALL");
  EXPECT_THAT(desk_.look_ups(), SizeIs(7)) << "six refused probes, and the one that was answered";
}

TEST_F(LookUpTest, NoPrefixGrowsWithoutEnd) {
  desk_.calls_too_short = [](const CoinPrefix&) { return true; };
  EXPECT_EQ(look_up(), "CROWD_TOO_SMALL");
  EXPECT_EQ(desk_.look_ups().back().bits, protocol::kMaxPrefixBits);
}

TEST_F(LookUpTest, BelievesTheStoresSignedWordForThisQuestionOnly) {
  const auto& key = world_.coinstore_key;
  const Bytes certificate = desk_.coinstore_certificate();
  const auto nothing = [](protocol::SpentPrefixAnswer&) {};
  EXPECT_EQ(taken(nothing, world_.deposit_key, certificate), "BAD_SIGNATURE");
  EXPECT_EQ(taken(nothing, world_.deposit_key, world_.deposit_certificate.encode()),
            "WRONG_PURPOSE");
  EXPECT_EQ(taken([](auto& answer) { answer.prefix.bits = 2; }, key, certificate),
            "ANSWER_MISMATCH");
  EXPECT_EQ(taken([](auto& answer) { answer.issuer_id = "issuer-b.example"; }, key, certificate),
            "ANSWER_MISMATCH");
  EXPECT_EQ(taken([](auto& answer) { answer.time_ms -= kDay_ms; }, key, certificate),
            "ANSWER_STALE");
  EXPECT_FALSE(recovery_->looked_up());
  EXPECT_EQ(taken(nothing, key, certificate), "");
  EXPECT_TRUE(recovery_->looked_up());
  EXPECT_THAT(*recovery_->to_ask(), IsEmpty());
}

TEST_F(LookUpTest, NothingIsClaimedBeforeItIsKnownWhatIsSpent) {
  EXPECT_EQ(reason_of(recovery_->claim({}, desk_.now_ms()).status()), "NOT_LOOKED_UP");
}

}  // namespace
}  // namespace cafe::wallet
