// Claims against a real PostgreSQL: marking slots, and finding where coins were spent.
#include <algorithm>
#include <atomic>
#include <barrier>
#include <set>
#include <thread>

#include "libs/protocol/status.h"
#include "services/doublespend/claim_store.h"
#include "services/doublespend/testing/service_fixture.h"

namespace cafe::doublespend::testing {
namespace {

using protocol::CoinId;
using protocol::to_string;
using Stub = v1::DoubleSpend::Stub;
using Outcomes = std::vector<v1::RecordVerdict::Outcome>;
using State = v1::ReserveResponse;

class ClaimTest : public ServiceFixture {
 protected:
  ClaimTest() { start(); }

  struct Claimed {
    CoinId coin;
    uint64_t slots = 1;
  };
  std::string mark(uint64_t claim, const std::vector<Claimed>& coins) {
    v1::MarkClaimedRequest request;
    request.set_claim(claim);
    for (const Claimed& coin : coins) {
      v1::MarkClaimedRequest::Coin& message = *request.add_coins();
      message.set_coin_id(to_string(coin.coin));
      message.set_slots(coin.slots);
      message.set_deposit_until(any_.key.deposit_until);
      message.set_claim_until(any_.claim_until);
    }
    v1::MarkClaimedResponse response;
    return call(&Stub::MarkClaimed, request, response).reason();
  }
  std::vector<v1::LocateResponse::Spend> locate(const std::vector<CoinId>& coins) {
    v1::LocateRequest request;
    for (const CoinId& coin : coins) request.add_coin_ids(to_string(coin));
    v1::LocateResponse response;
    const Called called = call(&Stub::Locate, request, response);
    EXPECT_TRUE(called.ok()) << called.status;
    return {response.spends().begin(), response.spends().end()};
  }
  // A payment of its own that wants these slots.
  std::vector<int> reserve(const std::vector<SpendRow>& payment) {
    v1::ReserveRequest request;
    request.set_hold_ms(60'000);
    v1::ReserveRequest::Payment& wanted = *request.add_payments();
    for (const SpendRow& row : payment) append_slot(*wanted.mutable_slots(), row);
    v1::ReserveResponse response;
    const Called called = call(&Stub::Reserve, request, response);
    EXPECT_TRUE(called.ok()) << called.status;
    if (response.reservations_size() != 1) return {};
    const auto& answer = response.reservations(0);
    EXPECT_EQ(answer.granted(), std::ranges::all_of(answer.states(), [](int state) {
                return state == State::RESERVED;
              }));
    return {answer.states().begin(), answer.states().end()};
  }
  int64_t claimed() { return count("SELECT count(*) FROM coinstore.claimed"); }

  const SpendRow any_ = rows_.spends(1, 1).front();  // for the dates
  const CoinId a_ = rows_.coin(), b_ = rows_.coin(), c_ = rows_.coin();
};

TEST_F(ClaimTest, MarksEachSlotOnceForOneClaim) {
  EXPECT_EQ(mark(1, {{a_, 0b1011}, {b_, uint64_t{1} << 63}}), "");
  EXPECT_EQ(claimed(), 4);
  EXPECT_EQ(mark(1, {{a_, 0b1011}, {b_, uint64_t{1} << 63}}), "") << "the same again";
  EXPECT_EQ(mark(2, {{c_, 1}, {a_, 0b0010}}), "CLAIMED_BEFORE");
  EXPECT_EQ(claimed(), 4) << "and nothing of it is marked";
  EXPECT_EQ(mark(2, {{c_, 1}, {a_, 0b0100}}), "") << "another slot of the coin";
  EXPECT_EQ(claimed(), 6);
  EXPECT_EQ(count("SELECT count(*) FROM coinstore.claimed WHERE claim = 2"), 2);
}

TEST_F(ClaimTest, AClaimedSlotIsReservedForNobody) {
  const SpendRow before = rows_.spend(a_, 0, {1, 0});
  EXPECT_EQ(reserve({before}), std::vector<int>{State::RESERVED});
  EXPECT_EQ(mark(1, {{a_, 1}}), "");
  EXPECT_EQ(reserve({before}), std::vector<int>{State::HELD}) << "who held it holds it no more";
  EXPECT_EQ(reserve({rows_.spend(a_, 0, {2, 0})}), std::vector<int>{State::HELD});
  EXPECT_EQ(reserve({rows_.spend(b_, 0, {3, 0}), rows_.spend(a_, 0, {3, 1})}),
            (std::vector<int>{State::RESERVED, State::HELD}));
  EXPECT_EQ(reserve({rows_.spend(a_, 1, {4, 0})}), std::vector<int>{State::RESERVED})
      << "another slot of the coin";
  EXPECT_EQ(reserve({rows_.spend(b_, 0, {5, 0})}), std::vector<int>{State::RESERVED});
}

TEST_F(ClaimTest, RecordingGoesOnAndIsFound) {
  EXPECT_EQ(mark(1, {{a_, 0b11}}), "");
  EXPECT_TRUE(locate({a_}).empty());
  const SpendRow late = rows_.spend(a_, 1, {9, 129});
  EXPECT_EQ(outcomes({late}), Outcomes{FRESH}) << "made before the claim, or after it";
  EXPECT_EQ(outcomes({rows_.spend(a_, 1, {10, 0})}), Outcomes{v1::RecordVerdict::DOUBLE});
  const auto found = locate({b_, a_});
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].coin(), 1u);
  EXPECT_EQ(found[0].slot(), 1u);
  EXPECT_EQ(found[0].batch(), 9u) << "the first spend, not the second";
  EXPECT_EQ(found[0].position(), 129u);
  EXPECT_EQ(found[0].ticks(), 0u);
  EXPECT_EQ(reserve({late}), std::vector<int>{State::SPENT_BY_SAME}) << "a spend stands first";
  EXPECT_EQ(mark(1, {{a_, 0b11}}), "") << "a retry is not hindered by spends";
}

TEST_F(ClaimTest, LocatesByCoinAndSlotOverAllMonths) {
  RowMaker other_month("month", any_.key.deposit_until + 62 * kDay_s, any_.claim_until);
  record({rows_.spend(a_, 63, {1, 5}), rows_.spend(a_, 0, {2, 4}), other_month.spend(b_, 7, {3, 3}),
          rows_.spend(rows_.coin(), 0, {4, 2})});
  std::vector<std::tuple<uint32_t, uint32_t, uint64_t, uint32_t>> places;
  for (const auto& spend : locate({b_, c_, a_, b_})) {
    places.emplace_back(spend.coin(), spend.slot(), spend.batch(), spend.position());
  }
  EXPECT_EQ(places, (decltype(places){{0, 7, 3, 3}, {2, 0, 2, 4}, {2, 63, 1, 5}, {3, 7, 3, 3}}));
}

TEST_F(ClaimTest, LocatesTheMostTicksAndWhereTheyWereShown) {
  const SpendRow call = rows_.spend(a_, 0, {1, 0}), other = rows_.spend(b_, 0, {2, 0});
  record({showing(call, 10, {1, 0})});
  record({showing(call, 25, {7, 3}), showing(other, 4, {7, 4})});
  record({showing(call, 12, {8, 0})});  // fewer than were shown already
  const auto found = locate({a_, b_});
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].batch(), 1u) << "where the slot was first spent";
  EXPECT_EQ(found[0].ticks(), 25u);
  EXPECT_EQ(found[0].ticks_batch(), 7u);
  EXPECT_EQ(found[0].ticks_position(), 3u);
  EXPECT_EQ(found[1].ticks(), 4u);
  EXPECT_EQ(found[1].ticks_batch(), 7u);
  EXPECT_EQ(found[1].ticks_position(), 4u);
}

// Two claims that name some of the same coins, in opposite orders, at once and again and again: one
// of them has all of its slots, the other none.
TEST_F(ClaimTest, OfClaimsThatOverlapOneIsMarkedWhole) {
  constexpr int kRounds = 10;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<Claimed> coins;
    for (int i = 0; i < 200; ++i) coins.push_back({rows_.coin(), 0b11});
    std::vector<Claimed> backwards(coins.rbegin(), coins.rend() - 100);
    const uint64_t first = 1 + static_cast<uint64_t>(round) * 2;
    std::array<std::string, 4> reasons;
    std::barrier together(4);
    {
      std::vector<std::jthread> claims;
      for (size_t i = 0; i < 4; ++i) {
        claims.emplace_back([&, i] {
          together.arrive_and_wait();
          reasons[i] = i % 2 == 0 ? mark(first, coins) : mark(first + 1, backwards);
        });
      }
    }
    EXPECT_EQ(reasons[0], reasons[2]) << "the same claim gets the same answer";
    EXPECT_EQ(reasons[1], reasons[3]);
    EXPECT_EQ((std::set<std::string>{reasons[0], reasons[1]}),
              (std::set<std::string>{"", "CLAIMED_BEFORE"}));
    const uint64_t winner = reasons[0].empty() ? first : first + 1;
    const size_t marked = 2 * (reasons[0].empty() ? coins.size() : backwards.size());
    EXPECT_EQ(count("SELECT count(*) FROM coinstore.claimed WHERE claim IN (" +
                    std::to_string(first) + "," + std::to_string(first + 1) + ")"),
              static_cast<int64_t>(marked));
    EXPECT_EQ(
        count("SELECT count(*) FROM coinstore.claimed WHERE claim = " + std::to_string(winner)),
        static_cast<int64_t>(marked));
  }
}

// Claims while terminals ask and deposit the same slots: every deposit is recorded, each slot that
// both sides had is found, and who asks after the claim was answered is not granted.
TEST_F(ClaimTest, StandsBesideRecordAndReserve) {
  constexpr size_t kCoins = 150;
  std::vector<CoinId> coins;
  std::vector<SpendRow> spends, asks;
  for (uint32_t i = 0; i < kCoins; ++i) {
    coins.push_back(rows_.coin());
    spends.push_back(rows_.spend(coins.back(), 0, {1, i}));
    asks.push_back(rows_.spend(coins.back(), 0, {2, i}));
  }
  std::vector<std::atomic<bool>> marked(kCoins);
  std::atomic<size_t> granted_after = 0, fresh = 0, asked_after = 0;
  std::barrier together(4);
  {
    std::vector<std::jthread> sides;
    sides.emplace_back([&] {  // from the front
      together.arrive_and_wait();
      for (size_t i = 0; i < kCoins; ++i) {
        EXPECT_EQ(mark(i + 1, {{coins[i], 1}}), "");
        marked[i] = true;
      }
    });
    sides.emplace_back([&] {  // every third, from the back
      together.arrive_and_wait();
      for (size_t i = kCoins; i-- > 0;) {
        if (i % 3 == 0 && outcomes({spends[i]}) == Outcomes{FRESH}) ++fresh;
      }
    });
    for (int asker = 0; asker < 2; ++asker) {
      sides.emplace_back([&, asker] {
        together.arrive_and_wait();
        for (size_t n = 0; n < kCoins; ++n) {
          const size_t i = asker == 0 ? n : kCoins - 1 - n;
          const bool was_marked = marked[i];
          const bool granted = reserve({asks[i]}) == std::vector<int>{State::RESERVED};
          asked_after += was_marked;
          granted_after += was_marked && granted;
        }
      });
    }
  }
  EXPECT_EQ(fresh, kCoins / 3) << "no claim hinders a deposit";
  EXPECT_EQ(granted_after, 0u) << "of " << asked_after;
  EXPECT_EQ(claimed(), static_cast<int64_t>(kCoins));
  EXPECT_EQ(locate(coins).size(), kCoins / 3);
  for (size_t i = 0; i < kCoins; ++i) {
    EXPECT_NE(reserve({asks[i]}), std::vector<int>{State::RESERVED});
  }
}

TEST_F(ClaimTest, WhatIsMarkedNeverChanges) {
  EXPECT_EQ(mark(1, {{a_, 1}}), "");
  const auto own_role = *storage::Database::open({.url = options_.database_url});
  for (const char* sql : {"UPDATE coinstore.claimed SET claim = 2", "DELETE FROM coinstore.claimed",
                          "TRUNCATE coinstore.claimed", "DROP TABLE coinstore.claimed"}) {
    const absl::Status status =
        own_role->transaction({}, [&](storage::Transaction& tx) { return tx.query(sql).status(); });
    EXPECT_EQ(protocol::reason_of(status), "ROLE_FORBIDDEN") << sql << ": " << status;
  }
  EXPECT_EQ(claimed(), 1);
}

}  // namespace
}  // namespace cafe::doublespend::testing
