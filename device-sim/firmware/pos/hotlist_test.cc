// Claimed slots at the terminal: refused off line with a signed answer, remembered over a restart,
// forgotten when nobody can spend them any more.
#include "libs/protocol/hotlist.h"

#include <gtest/gtest.h>

#include "device-sim/firmware/pos/call_fixture.h"

namespace cafe::pos {
namespace {

using protocol::Bytes;
using protocol::Hotlist;
using protocol::HotlistEntry;
using protocol::reason_of;
using testing::kDay_s;
using testing::kWorldNow_ms;
using testing::kWorldNow_s;
using testing::World;

class HotlistTest : public TerminalCallTest {
 protected:
  absl::Status accept(const Hotlist& list) {
    return till_.terminal->accept_hotlist(
        protocol::SignedDocument::sign(list.encode(), market_.recovery_key).encode(),
        market_.recovery_certificate.encode(), kWorldNow_s);
  }
  static Hotlist edition(uint64_t after, uint64_t number, std::vector<HotlistEntry> entries) {
    return {std::string(World::kIssuer), after, number, kWorldNow_ms, std::move(entries)};
  }
  static HotlistEntry entry(const protocol::CoinId& id, uint64_t slots,
                            uint64_t spend_until_s = kWorldNow_s + 300 * kDay_s) {
    return {HotlistEntry::short_id_of(id), slots, spend_until_s};
  }
  static protocol::CoinId coin_of(const Bytes& payment) {
    return protocol::Payment::decode(payment)->coins.at(0).id();
  }
  uint64_t held() { return till_.terminal->hotlist_edition(World::kIssuer); }
};

TEST_F(HotlistTest, RefusesAClaimedCoinOffLineAndSignsWhy) {
  const Bytes claimed = pay_coin();
  const Bytes other = pay_coin();
  ASSERT_TRUE(accept(edition(0, 3, {entry(coin_of(claimed), 1)})).ok());
  const PaymentResult refused = decide(claimed);
  EXPECT_EQ(refused.decision, Decision::kRefused);
  EXPECT_EQ(refused.reason, "CLAIMED");
  const auto answer = *firmware::PaymentAnswer::decode(refused.message);
  EXPECT_FALSE(answer.accepted);
  EXPECT_TRUE(answer.document.check(market_.terminal_key.public_key()).ok());
  EXPECT_EQ(protocol::Refusal::decode(answer.document.frame)->reason, "CLAIMED");
  EXPECT_EQ(decide(other).decision, Decision::kAccepted);
}

TEST_F(HotlistTest, TellsSlotsOfACoinApart) {
  const Bytes payment = pay_coin();
  ASSERT_TRUE(accept(edition(0, 1, {entry(coin_of(payment), 0b110)})).ok());
  EXPECT_EQ(decide(payment).decision, Decision::kAccepted) << "it spends slot 0";
}

TEST_F(HotlistTest, HoldsWhatItFetchedOverARestart) {
  const Bytes first = pay_coin();
  const Bytes second = pay_coin();
  ASSERT_TRUE(accept(edition(0, 3, {entry(coin_of(first), 1)})).ok());
  ASSERT_TRUE(accept(edition(3, 5, {entry(coin_of(second), 1)})).ok());
  ASSERT_TRUE(till_.restart().ok());
  EXPECT_EQ(held(), 5u);
  EXPECT_EQ(till_.terminal->claimed_coins(), 2u);
  EXPECT_EQ(decide(first).reason, "CLAIMED");
  EXPECT_EQ(decide(second).reason, "CLAIMED");
}

TEST_F(HotlistTest, TakesEditionsInTheirOrderOnly) {
  ASSERT_TRUE(accept(edition(0, 3, {})).ok());
  EXPECT_EQ(reason_of(accept(edition(4, 5, {}))), "HOTLIST_GAP");
  EXPECT_EQ(held(), 3u);
  // An older one brings nothing back and takes nothing away.
  ASSERT_TRUE(accept(edition(0, 2, {})).ok());
  EXPECT_EQ(held(), 3u);
  // One that begins earlier, and ends later, brings what is missing.
  ASSERT_TRUE(accept(edition(1, 4, {})).ok());
  EXPECT_EQ(held(), 4u);
}

TEST_F(HotlistTest, GoesOnWhereTheIssuerCountsAnew) {
  const Bytes before = pay_coin();
  const Bytes after = pay_coin();
  ASSERT_TRUE(accept(edition(0, 7, {entry(coin_of(before), 1)})).ok());
  ASSERT_TRUE(till_.terminal->restart_hotlist(World::kIssuer).ok());
  EXPECT_EQ(held(), 0u);
  ASSERT_TRUE(accept(edition(0, 2, {entry(coin_of(after), 1)})).ok());
  EXPECT_EQ(held(), 2u);
  EXPECT_EQ(decide(before).reason, "CLAIMED");
  EXPECT_EQ(decide(after).reason, "CLAIMED");
}

TEST_F(HotlistTest, BelievesTheIssuersRecoveryKeyOnly) {
  const Bytes payment = pay_coin();
  const Bytes list = edition(0, 1, {entry(coin_of(payment), 1)}).encode();
  const auto hand_in = [&](const protocol::SigningKey& key, const protocol::SignedDocument& shown) {
    return reason_of(till_.terminal->accept_hotlist(
        protocol::SignedDocument::sign(list, key).encode(), shown.encode(), kWorldNow_s));
  };
  EXPECT_EQ(hand_in(market_.deposit_key, market_.recovery_certificate), "BAD_SIGNATURE");
  EXPECT_EQ(hand_in(market_.deposit_key, market_.deposit_certificate), "WRONG_PURPOSE");
  EXPECT_EQ(held(), 0u);
  EXPECT_EQ(decide(payment).decision, Decision::kAccepted);
  Hotlist foreign = edition(0, 1, {});
  foreign.issuer_id = "issuer-b.example";
  EXPECT_EQ(reason_of(accept(foreign)), "BAD_ISSUER_ID");
}

TEST_F(HotlistTest, ForgetsCoinsThatNobodyCanSpendAnyMore) {
  const Bytes soon = pay_coin();
  const Bytes later = pay_coin();
  const uint64_t until_s = kWorldNow_s + 10 * kDay_s;
  ASSERT_TRUE(accept(edition(0, 1, {entry(coin_of(soon), 1, until_s)})).ok());
  ASSERT_TRUE(accept(edition(1, 2, {entry(coin_of(later), 1, until_s + 50 * kDay_s)})).ok());
  // A bill of the last second can be paid for a day.
  ASSERT_TRUE(till_.terminal->prune(until_s + kDay_s - 1).ok());
  EXPECT_EQ(till_.terminal->claimed_coins(), 2u);
  ASSERT_TRUE(till_.terminal->prune(until_s + kDay_s).ok());
  EXPECT_EQ(till_.terminal->claimed_coins(), 1u);
  ASSERT_TRUE(till_.restart().ok());
  EXPECT_EQ(till_.terminal->claimed_coins(), 1u);
  EXPECT_EQ(held(), 2u) << "what was fetched is not fetched again";
}

TEST_F(HotlistTest, APowerCutLeavesAnEditionOrNot) {
  const Bytes payment = pay_coin();
  const Hotlist list = edition(0, 1, {entry(coin_of(payment), 1)});
  const Bytes before = till_.memory.snapshot();
  bool seen[2] = {false, false};
  for (uint64_t cut = 0;; ++cut) {
    till_.memory.restore(before);
    ASSERT_TRUE(till_.restart().ok());
    till_.memory.cut_power_after(cut);
    bool lost = false;
    try {
      accept(list).IgnoreError();
    } catch (const firmware::PowerLost&) {
      lost = true;
    }
    ASSERT_TRUE(till_.restart().ok());
    ASSERT_EQ(held() == 1, till_.terminal->claimed_coins() == 1) << cut;
    seen[held()] = true;
    if (!lost) break;
  }
  EXPECT_TRUE(seen[0] && seen[1]);
}

}  // namespace
}  // namespace cafe::pos
