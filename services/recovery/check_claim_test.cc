// The checks of claims, by facts alone.
#include "services/recovery/check_claim.h"

#include "libs/protocol/testing/claim_fixture.h"
#include "services/recovery/check_void_payments.h"
#include "services/recovery/show_claim.h"

namespace cafe::recovery {
namespace {

using protocol::Claim;
using protocol::ClaimKind;

class CheckClaimTest : public cafe::testing::ClaimFixture {
 protected:
  static constexpr Periods kPeriods{.holding_ms = 1000, .settlement_ms = 5000};

  OpenedOrders orders() {
    OpenedOrders orders;
    for (const protocol::OrderRecord& record : lost_.orders) {
      auto opened = OpenedOrder::open(record);
      EXPECT_TRUE(opened.ok()) << opened.status();
      orders.emplace(opened->order.opened.order, *std::move(opened));
    }
    return orders;
  }
  std::optional<ClaimFault> coins(const Claim& claim) {
    return check_coins(claim, {.points = lost_.account.points,
                               .orders = orders(),
                               .denominations = market_.table,
                               .now_s = cafe::testing::kWorldNow_s});
  }
  std::optional<ClaimFault> payments(const Claim& claim, uint64_t now_ms,
                                     std::string_view issuer = cafe::testing::World::kIssuer) {
    std::vector<protocol::CheckedVoidPayment> checked;
    auto fault = check_void_payments(claim,
                                     {.issuer_id = issuer,
                                      .anchors = market_.anchors,
                                      .denominations = market_.table,
                                      .periods = kPeriods,
                                      .now_ms = now_ms},
                                     checked);
    EXPECT_TRUE(fault || checked.size() == claim.payments.size());
    return fault;
  }
};

TEST_F(CheckClaimTest, CoinsAndChequesAreClaimedOfLostWalletsOnly) {
  Claim claim = claim_of(coins_claim());
  const uint64_t now = claim.time_ms;
  EXPECT_EQ(check_standing(claim, Standing::kLost, now), std::nullopt);
  EXPECT_EQ(check_standing(claim, Standing::kOpen, now), ClaimFault{"NOT_REPORTED_LOST"});
  EXPECT_EQ(check_standing(claim, Standing::kConvicted, now), ClaimFault{"ACCOUNT_CONVICTED"});
  claim.kind = ClaimKind::kPayments;
  EXPECT_EQ(check_standing(claim, Standing::kOpen, now), std::nullopt);
  EXPECT_EQ(check_standing(claim, Standing::kConvicted, now), ClaimFault{"ACCOUNT_CONVICTED"});
}

TEST_F(CheckClaimTest, AClaimIsOfJustNow) {
  const Claim claim = claim_of(coins_claim());
  for (const uint64_t now : {claim.time_ms - kClaimClock_ms, claim.time_ms + kClaimClock_ms}) {
    EXPECT_EQ(check_standing(claim, Standing::kLost, now), std::nullopt);
  }
  for (const uint64_t now :
       {claim.time_ms - kClaimClock_ms - 1, claim.time_ms + kClaimClock_ms + 1}) {
    EXPECT_EQ(check_standing(claim, Standing::kLost, now), ClaimFault{"CLAIM_STALE"});
  }
}

TEST_F(CheckClaimTest, EveryCoinIsLookedAt) {
  Claim claim = claim_of(coins_claim());
  EXPECT_EQ(coins(claim), std::nullopt);
  claim.coins[1].opening.v = claim.coins[1].opening.u;
  EXPECT_EQ(coins(claim), (ClaimFault{"CLAIM_INVALID", 1}));
  Claim both = claim_of(coins_claim());
  both.coins[0].opening.v = both.coins[0].opening.u;
  both.coins[1].slots = 0b100000;
  EXPECT_EQ(coins(both), (ClaimFault{"CLAIM_INVALID", 0})) << "the first wrong one is named";
  claim.coins[0].slots = 2;
  EXPECT_EQ(coins(claim), (ClaimFault{"SLOT_OUTSIDE_COIN", 0}));
}

TEST_F(CheckClaimTest, AllChequesAreThoseOfEveryOrder) {
  const Claim claim = claim_of(cheques_claim());
  EXPECT_EQ(coins(claim), std::nullopt);
  EXPECT_EQ(check_all_cheques(claim, orders(), market_.table), std::nullopt);
  for (size_t i = 0; i < claim.coins.size(); ++i) {
    Claim less = claim;
    less.coins.erase(less.coins.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_EQ(check_all_cheques(less, orders(), market_.table), ClaimFault{"CHEQUES_MISSING"});
  }
  // What no list names may have been a cheque.
  EXPECT_EQ(check_all_cheques(claim, orders(), protocol::DenominationTable()),
            ClaimFault{"CHEQUES_MISSING"});
}

TEST_F(CheckClaimTest, APaymentIsClaimedWhenItWasRefusedOrIsSettled) {
  Claim claim = claim_of(refused_claim());
  EXPECT_EQ(payments(claim, 0), std::nullopt);
  EXPECT_EQ(payments(claim, 0, "issuer-b.example"), (ClaimFault{"WRONG_ACQUIRER", 0}));
  claim.payments[0].refusal.clear();
  const uint64_t settled = market_.coin.denomination.deposit_until * 1000 + 5000;
  EXPECT_EQ(payments(claim, settled - 1), (ClaimFault{"NOT_DUE", 0}));
  EXPECT_EQ(payments(claim, settled), std::nullopt);
  EXPECT_EQ(payments(claim, settled, "issuer-b.example"), std::nullopt);
}

TEST(Hotlist, EntriesOfOneCoinStandTogether) {
  std::vector<protocol::HotlistEntry> entries = {{7, 0b001, 50}, {3, 0b1, 60}, {7, 0b100, 70}};
  merge_entries(entries);
  EXPECT_EQ(entries, (std::vector<protocol::HotlistEntry>{{3, 0b1, 60}, {7, 0b101, 70}}));
}

}  // namespace
}  // namespace cafe::recovery
