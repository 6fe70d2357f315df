// Selection does what its rule says: compared with trying everything, on holdings small enough for
// that; and it does so within its bound on large ones.
#include "device-sim/firmware/wallet/selection.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "libs/protocol/rng.h"

namespace cafe::wallet {
namespace {

using protocol::Kind;
using protocol::reason_of;

constexpr uint64_t kSoon = 1'000'000;
constexpr uint64_t kLater = 2'000'000;

// Plain coins of these values.
Holdings coins(const std::vector<uint64_t>& values) {
  Holdings holdings;
  for (uint64_t value : values) {
    holdings.candidates.push_back({value, kSoon, holdings.candidates.size()});
  }
  return holdings;
}

void add_coin(Holdings& holdings, const std::vector<uint64_t>& slots, bool used = false,
              uint64_t spend_until = kSoon) {
  const size_t coin = holdings.candidates.size();
  for (uint64_t value : slots) {
    holdings.candidates.push_back({value, spend_until, coin, Kind::kCoin, used});
  }
}

void add_cheque(Holdings& holdings, uint64_t most, uint64_t spend_until = kSoon) {
  holdings.candidates.push_back({most, spend_until, holdings.candidates.size(), Kind::kCheque});
}

// What pays, by value, largest first.
std::vector<uint64_t> values_of(const absl::StatusOr<std::vector<Chosen>>& chosen) {
  std::vector<uint64_t> values;
  if (!chosen.ok()) return values;
  for (const Chosen& each : *chosen) values.push_back(each.value);
  std::sort(values.rbegin(), values.rend());
  return values;
}

using Values = std::vector<uint64_t>;

TEST(SelectionTest, PaysExactlyOrSaysThatItCannot) {
  const Holdings holdings = coins({5, 3, 3});
  EXPECT_EQ(values_of(choose(holdings, 6)), (Values{3, 3}));
  EXPECT_EQ(values_of(choose(holdings, 11)), (Values{5, 3, 3}));
  for (uint64_t amount : {1, 2, 4, 7, 9, 10, 12}) {
    EXPECT_EQ(reason_of(choose(holdings, amount).status()), "AMOUNT_NOT_PAYABLE") << amount;
  }
  EXPECT_EQ(reason_of(choose(holdings, 0).status()), "AMOUNT_ZERO");
  EXPECT_EQ(reason_of(choose({}, 1).status()), "AMOUNT_NOT_PAYABLE");
}

TEST(SelectionTest, TakesNoMoreSlotsThanAPaymentMayHave) {
  const Holdings holdings = coins({1, 1, 1, 1});
  EXPECT_TRUE(choose(holdings, 4, 4).ok());
  EXPECT_EQ(reason_of(choose(holdings, 4, 3).status()), "AMOUNT_NOT_PAYABLE");
  EXPECT_EQ(reason_of(choose(coins(Values(129, 1)), 129).status()), "AMOUNT_NOT_PAYABLE");
}

TEST(SelectionTest, RatherTakesMoreSlotsThanBreakACoinThatSplits) {
  Holdings holdings = coins({1, 1, 1, 1});
  add_coin(holdings, {4, 2, 1, 1});
  EXPECT_EQ(values_of(choose(holdings, 4)), (Values{1, 1, 1, 1}));
  // Whole, it leaves nothing that could be linked.
  EXPECT_EQ(values_of(choose(holdings, 8)), (Values{4, 2, 1, 1}));
}

TEST(SelectionTest, RatherBreaksANewCoinThanGoOnWithAUsedOneThatStaysPartlySpent) {
  Holdings holdings;
  add_coin(holdings, {1, 1, 1}, true);
  add_coin(holdings, {1, 1, 1});
  const auto one = choose(holdings, 1);
  ASSERT_TRUE(one.ok()) << one.status();
  EXPECT_FALSE(holdings.candidates[one->front().candidate].coin_used);
  // One link either way for all three of a used one, none for all three of a new one.
  const auto three = choose(holdings, 3);
  ASSERT_TRUE(three.ok());
  EXPECT_FALSE(holdings.candidates[three->front().candidate].coin_used);
}

TEST(SelectionTest, WritesAChequeRatherThanLinkCoins) {
  Holdings holdings;
  add_coin(holdings, {4, 2, 1, 1});
  add_cheque(holdings, 100);
  holdings.counter = 50;
  const auto chosen = choose(holdings, 3);
  ASSERT_TRUE(chosen.ok());
  EXPECT_EQ(*chosen, (std::vector<Chosen>{{4, 3}}));
  // And breaks the coin where the counter is too low.
  holdings.counter = 2;
  EXPECT_EQ(values_of(choose(holdings, 3)), (Values{2, 1}));
}

TEST(SelectionTest, PrefersCoinsThatCannotBeLinkedToCheques) {
  Holdings holdings = coins({1, 1, 1});
  add_cheque(holdings, 100);
  holdings.counter = 100;
  EXPECT_EQ(values_of(choose(holdings, 3)), (Values{1, 1, 1}));
  EXPECT_EQ(values_of(choose(holdings, 4)), (Values{4}));
}

TEST(SelectionTest, CombinesChequesAndCoinsWhereOneIsTooSmall) {
  Holdings holdings = coins({50});
  add_cheque(holdings, 100);
  add_cheque(holdings, 100);
  holdings.counter = 1000;
  EXPECT_EQ(values_of(choose(holdings, 120)), (Values{70, 50}));
  EXPECT_EQ(values_of(choose(holdings, 180)), (Values{100, 80}));
  EXPECT_EQ(values_of(choose(holdings, 250)), (Values{100, 100, 50}));
  EXPECT_EQ(reason_of(choose(holdings, 251).status()), "AMOUNT_NOT_PAYABLE");
  holdings.counter = 60;
  EXPECT_EQ(values_of(choose(holdings, 110)), (Values{60, 50}));
  EXPECT_EQ(reason_of(choose(holdings, 111).status()), "AMOUNT_NOT_PAYABLE");
}

TEST(SelectionTest, GivesTheFewestSlotsAndThenWhatExpiresFirst) {
  EXPECT_EQ(values_of(choose(coins({5, 4, 4, 1, 1, 1}), 8)), (Values{4, 4}));
  Holdings holdings;
  for (uint64_t until : {kLater, kSoon, kLater, kSoon}) add_coin(holdings, {10}, false, until);
  const auto chosen = choose(holdings, 20);
  ASSERT_TRUE(chosen.ok());
  EXPECT_EQ(*chosen, (std::vector<Chosen>{{1, 10}, {3, 10}}));
}

TEST(SelectionTest, FindsTheSmallestChequeForACall) {
  Holdings holdings = coins({500});
  add_cheque(holdings, 300);
  add_cheque(holdings, 100, kLater);
  add_cheque(holdings, 100, kSoon);
  EXPECT_EQ(choose_cheque(holdings.candidates, 100), 3U);
  EXPECT_EQ(choose_cheque(holdings.candidates, 101), 1U);
  EXPECT_EQ(choose_cheque(holdings.candidates, 301), std::nullopt);
}

// Every set of candidates, and so the least cost of each amount, by trying.
class Everything {
 public:
  Everything(const Holdings& holdings, size_t most) {
    const auto& all = holdings.candidates;
    uint64_t earliest = UINT64_MAX;
    for (const Candidate& c : all) earliest = std::min(earliest, c.spend_until);
    for (uint32_t set = 1; set < (1U << all.size()); ++set) {
      uint64_t fixed = 0;
      uint64_t up_to = 0;
      Cost cost;
      std::map<size_t, std::pair<uint32_t, uint32_t>> taken_of;  // of each coin: taken, all
      for (size_t i = 0; i < all.size(); ++i) {
        const bool taken = ((set >> i) & 1) != 0;
        if (all[i].kind == Kind::kCoin) {
          taken_of[all[i].coin].first += taken ? 1 : 0;
          ++taken_of[all[i].coin].second;
        }
        if (!taken) continue;
        ++cost.slots;
        cost.lifetime_s += all[i].spend_until - earliest;
        if (all[i].kind == Kind::kCheque) {
          ++cost.cheques;
          up_to += all[i].value;
        } else {
          fixed += all[i].value;
        }
      }
      for (size_t i = 0; i < all.size(); ++i) {
        const auto at = taken_of.find(all[i].coin);
        if (all[i].kind != Kind::kCoin || at == taken_of.end()) continue;
        if (at->second.first > 0) {
          cost.links += all[i].coin_used ? 1 : 0;
          cost.links += at->second.first < at->second.second ? 1 : 0;
        }
        taken_of.erase(at);
      }
      if (cost.slots > most) continue;
      up_to = std::min(up_to, holdings.counter);
      for (uint64_t by_cheques = cost.cheques; by_cheques <= up_to; ++by_cheques) {
        const auto [at, fresh] = least_.try_emplace(fixed + by_cheques, cost);
        if (!fresh) at->second = std::min(at->second, cost);
        if (cost.cheques == 0) break;
      }
    }
  }
  const Cost* least(uint64_t amount) const {
    const auto at = least_.find(amount);
    return at == least_.end() ? nullptr : &at->second;
  }

 private:
  std::map<uint64_t, Cost> least_;
};

Holdings draw(protocol::SeededRng& rng, size_t slots, uint64_t largest) {
  Holdings holdings;
  while (holdings.candidates.size() < slots) {
    const uint64_t until = kSoon + 1000 * rng.below(4);
    if (rng.below(4) == 0) {
      add_cheque(holdings, 1 + rng.below(2 * largest), until);
      continue;
    }
    Values values;
    const size_t k = 1 + (rng.below(2) == 0 ? 0 : rng.below(4));
    for (size_t j = 0; j < k && holdings.candidates.size() + j < slots; ++j) {
      values.push_back(1 + rng.below(largest));
    }
    add_coin(holdings, values, rng.below(3) == 0, until);
  }
  if (rng.below(3) != 0) holdings.counter = rng.below(3 * largest);
  return holdings;
}

std::vector<std::string> described(const Holdings& holdings) {
  std::vector<std::string> all = {"counter " + std::to_string(holdings.counter)};
  for (const Candidate& c : holdings.candidates) {
    all.push_back((c.kind == Kind::kCheque ? "cheque "
                   : c.coin_used           ? "of used coin "
                                           : "of coin ") +
                  std::to_string(c.coin));
    all.back() += " to pay " + std::to_string(c.value);
  }
  return all;
}

void check(const Holdings& holdings, uint64_t amount, size_t most,
           const std::vector<Chosen>& chosen) {
  ASSERT_LE(chosen.size(), most);
  uint64_t sum = 0;
  uint64_t by_cheques = 0;
  size_t next = 0;
  for (const Chosen& each : chosen) {
    ASSERT_GE(each.candidate, next);  // ascending: none twice
    next = each.candidate + 1;
    ASSERT_LT(each.candidate, holdings.candidates.size());
    const Candidate& c = holdings.candidates[each.candidate];
    sum += each.value;
    if (c.kind == Kind::kCoin) {
      ASSERT_EQ(each.value, c.value);
    } else {
      ASSERT_GT(each.value, 0U);
      ASSERT_LE(each.value, c.value);
      by_cheques += each.value;
    }
  }
  ASSERT_EQ(sum, amount);
  ASSERT_LE(by_cheques, holdings.counter);
}

TEST(SelectionTest, AlwaysPaysAtTheLeastCost) {
  protocol::SeededRng rng("selection against everything");
  size_t payable = 0;
  size_t with_links = 0;
  size_t with_cheques = 0;
  for (int round = 0; round < 400; ++round) {
    const uint64_t largest = 2 + rng.below(30);
    const Holdings holdings = draw(rng, 2 + rng.below(9), largest);
    const size_t most = rng.below(4) == 0 ? 1 + rng.below(5) : protocol::kMaxSpends;
    const Everything everything(holdings, most);
    for (uint64_t amount = 1; amount <= 6 * largest; ++amount) {
      const auto chosen = choose(holdings, amount, most);
      const Cost* least = everything.least(amount);
      ASSERT_EQ(chosen.ok(), least != nullptr)
          << "round " << round << ", amount " << amount << " in " << most << " slots of "
          << ::testing::PrintToString(described(holdings)) << ": " << chosen.status();
      if (least == nullptr) {
        ASSERT_EQ(reason_of(chosen.status()), "AMOUNT_NOT_PAYABLE");
        continue;
      }
      check(holdings, amount, most, *chosen);
      const Cost cost = cost_of(holdings, *chosen);
      ASSERT_EQ(cost, *least) << "round " << round << ", amount " << amount << ": links "
                              << cost.links << " for " << least->links << ", cheques "
                              << cost.cheques << " for " << least->cheques << ", slots "
                              << cost.slots << " for " << least->slots << ", lifetime "
                              << cost.lifetime_s << " for " << least->lifetime_s;
      ++payable;
      with_links += cost.links > 0 ? 1 : 0;
      with_cheques += cost.cheques > 0 ? 1 : 0;
    }
  }
  EXPECT_GT(payable, 5000U);
  EXPECT_GT(with_links, 500U);
  EXPECT_GT(with_cheques, 500U);
}

// 500 slots as people have them: coins of two issues, coins that split, whole and begun, cheques.
Holdings large(protocol::SeededRng& rng, bool cheques) {
  constexpr uint64_t kValues[] = {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000};
  Holdings holdings;
  while (holdings.candidates.size() < 480) {
    const uint64_t until = rng.below(2) == 0 ? kSoon : kLater;
    const uint64_t drawn = rng.below(14);
    if (drawn < 12) {
      add_coin(holdings, {kValues[drawn]}, false, until);
    } else if (drawn == 12) {
      add_coin(holdings, {400, 200, 100, 100}, false, until);
    } else {
      add_coin(holdings, {200, 100}, true, until);
    }
  }
  for (int i = 0; cheques && i < 20; ++i) add_cheque(holdings, i % 2 == 0 ? 10'000 : 50'000);
  if (cheques) holdings.counter = 200'000;
  return holdings;
}

TEST(SelectionTest, StaysWithinItsBoundOnLargeWallets) {
  protocol::SeededRng rng("large wallets");
  for (int round = 0; round < 6; ++round) {
    const bool cheques = round % 2 == 0;
    const Holdings holdings = large(rng, cheques);
    for (int i = 0; i < 60; ++i) {
      const uint64_t amount = 1 + rng.below(i % 2 == 0 ? 250'000 : 5'000);
      const auto chosen = choose(holdings, amount);
      if (chosen.ok()) {
        check(holdings, amount, protocol::kMaxSpends, *chosen);
      } else {
        // 128 slots of these coins make up no more than some 200,000.
        EXPECT_EQ(reason_of(chosen.status()), "AMOUNT_NOT_PAYABLE") << amount;
        EXPECT_FALSE(cheques) << amount;
        EXPECT_GT(amount, 100'000U);
      }
    }
  }
}

TEST(SelectionTest, SaysSoWhereAHoldingIsTooContrived) {
  // A thousand million sums of a hundred even values; no amount that is odd, but for one coin.
  protocol::SeededRng rng("contrived");
  Values values;
  for (int i = 0; i < 100; ++i) values.push_back((uint64_t{1} << 40) + 2 * rng.below(1U << 30));
  values.push_back((uint64_t{1} << 40) + 1);
  const auto chosen = choose(coins(values), 50 * (uint64_t{1} << 40) + 98'765'432'101);
  EXPECT_EQ(reason_of(chosen.status()), "SELECTION_TOO_HARD");
  // A coin of 64 different slots can be used in more ways than there are atoms.
  Holdings holdings;
  Values slots;
  for (int j = 0; j < 40; ++j) slots.push_back(uint64_t{1} << j);
  add_coin(holdings, slots);
  EXPECT_EQ(reason_of(choose(holdings, uint64_t{1} << 39).status()), "SELECTION_TOO_HARD");
}

}  // namespace
}  // namespace cafe::wallet
