// Claims that the issuer refuses, and what is claimed all the same; and those that it would refuse.
#include "device-sim/firmware/wallet/claims.h"

#include "device-sim/firmware/wallet/recovery_fixture.h"

namespace cafe::wallet {
namespace {

using protocol::Bytes;
using protocol::ClaimKind;
using protocol::reason_of;
using testing::kWorldNow_s;
using ::testing::SizeIs;

class RefusedClaimsTest : public testing::RecoveryTest {
 protected:
  // Claims again what is left, on a recovery of its own.
  size_t claim_again(const Consent& consent = {}) {
    const auto recovery = *Recovery::resume(*fresh_.wallet, lost_account_);
    const auto digests = recover(*fresh_.wallet, desk_, *recovery, consent);
    EXPECT_TRUE(digests.ok()) << digests.status();
    return digests.value_or(std::vector<protocol::Bytes32>()).size();
  }
  // Somebody with the same account key was here before: slots of the n-th coins are claimed.
  void take_slots(const std::map<size_t, uint64_t>& taken) {
    const auto recovery = begin();
    ASSERT_TRUE(list_and_rebuild(desk_, *recovery).ok());
    ASSERT_TRUE(look_up_all(desk_, *recovery).ok());
    const Bytes before = fresh_.memory.snapshot();
    const auto digest = recovery->claim({}, desk_.now_ms())->at(0);
    auto claim = *protocol::Claim::decode(
        protocol::SignedDocument::decode(*Claims(*fresh_.wallet).bytes(digest))->frame);
    fresh_.memory.restore(before);
    ASSERT_TRUE(fresh_.restart().ok());
    std::vector<protocol::ClaimedCoin> coins;
    for (const auto& [n, slots] : taken) {
      coins.push_back(claim.coins.at(n));
      coins.back().slots = slots;
    }
    claim.coins = std::move(coins);
    ++claim.time_ms;
    const auto identity = card_key_of(fresh_);
    ASSERT_FALSE(
        desk_.file_claim(protocol::SignedDocument::sign(claim.encode(), identity).encode())
            ->refused);
    taken_ = claim.coins;
  }
  uint64_t taken_value() const {
    uint64_t sum = 0;
    for (const protocol::ClaimedCoin& coin : taken_) {
      const auto& values = world_.table.find(coin.denom_id)->slot_values;
      for (size_t j = 0; j < values.size(); ++j) sum += (coin.slots >> j & 1) != 0 ? values[j] : 0;
    }
    return sum;
  }
  // Claims until nothing more is to be claimed: how many rounds had claims.
  size_t claim_rounds() {
    size_t rounds = 0;
    while (rounds < 30 && claim_again() > 0) ++rounds;
    return rounds;
  }
  std::vector<protocol::ClaimedCoin> taken_;
};

TEST_F(RefusedClaimsTest, WhatTheIssuerRefusesIsLeftOutFromThenOn) {
  withdraw_coins();
  take_slots({{0, 1}});
  EXPECT_EQ(claim_again(), 1u);
  ASSERT_THAT(views(), SizeIs(1));
  EXPECT_EQ(views()[0].reason, "CLAIMED_BEFORE");
  EXPECT_EQ(claim_again(), 1u) << "without that coin";
  EXPECT_EQ(claimed(), kCoins - 500);
  EXPECT_EQ(claim_again(), 0u);
}

// The lost wallet claimed a payment that came to nothing: of two coins one slot each is the
// issuer's knowledge already, and the new device does not know which.
TEST_F(RefusedClaimsTest, TheOtherSlotsOfACoinClaimedInPartComeBack) {
  withdraw_coins();
  take_slots({{3, 0b00001}, {4, 0b00100}});
  EXPECT_EQ(claim_rounds(), 3u) << "all; without one coin; without both";
  EXPECT_EQ(claimed(), kCoins - taken_value());
  const auto recovery = *Recovery::resume(*fresh_.wallet, lost_account_);
  ASSERT_TRUE(list_and_rebuild(desk_, *recovery).ok());
  ASSERT_TRUE(look_up_all(desk_, *recovery).ok());
  const Found found = recovery->found(kWorldNow_s).at(0);
  EXPECT_EQ(found.unspent, 0u) << "nothing is left";
  EXPECT_EQ(found.claimed, kCoins);
  desk_.pass(testing::kHolding_ms);
  poll();
  EXPECT_EQ(credited(), kCoins) << "with what was claimed before";
}

// However many coins were claimed before: claims get smaller until they name one.
TEST_F(RefusedClaimsTest, ManyCoinsClaimedBeforeTakeFewRounds) {
  constexpr size_t kAll = 40;
  for (size_t n = 0; n < kAll; n += 5) lost_.withdraw(issuer_, {{world_.coin.id, 5}});
  std::map<size_t, uint64_t> taken;
  for (size_t n = 0; n < kAll; n += 2) taken[n] = 1;
  take_slots(taken);
  EXPECT_LE(claim_rounds(), 9u);
  EXPECT_EQ(claimed(), 500 * kAll / 2);
}

// The issuer takes all cheques or none: one that cannot be made again keeps the others back.
TEST_F(RefusedClaimsTest, ChequesThatAreNotAllThereAreNotFiledInVain) {
  withdraw_coins();
  lost_.withdraw(issuer_, {{world_.cheque.id, 2}});
  lost_.load(issuer_, 6000);
  const Bytes open = *lost_.wallet->start_order({{world_.cheque.id, 1}}, kWorldNow_s);
  const Bytes order = *lost_.wallet->on_open_answer(*issuer_.open(open), kWorldNow_s);
  issuer_.tamper = [](protocol::Completion& completion) {
    completion.responses[0].r = completion.responses[0].r + protocol::Scalar::from_u64(1);
  };
  EXPECT_EQ(reason_of(lost_.wallet->on_completion(*issuer_.complete(order)).status()),
            "WRONG_ANSWER");
  const auto recovery = begin();
  ASSERT_TRUE(list_and_rebuild(desk_, *recovery).ok());
  ASSERT_TRUE(look_up_all(desk_, *recovery).ok());
  EXPECT_EQ(recovery->found(kWorldNow_s).at(0).missing_cheques, 1u);
  ASSERT_TRUE(recover(*fresh_.wallet, desk_, *recovery, {.cheques = true}).ok());
  ASSERT_THAT(views(), SizeIs(1));
  EXPECT_EQ(views()[0].kind, ClaimKind::kCoins);
  EXPECT_EQ(views()[0].status, ClaimStatus::kHeld);
  EXPECT_EQ(claimed(), kCoins) << "coins are claimed all the same";
}

}  // namespace
}  // namespace cafe::wallet
