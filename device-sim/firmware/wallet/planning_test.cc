// A planned wallet pays every amount that was promised, with as few coins as can be.
#include "device-sim/firmware/wallet/planning.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "libs/protocol/rng.h"

namespace cafe::wallet {
namespace {

using protocol::Denomination;
using protocol::DenominationList;
using protocol::Kind;
using protocol::reason_of;

constexpr uint64_t kNow_s = 1'000;
constexpr uint64_t kMonth_s = uint64_t{30} * 86400;

// A list of denominations that are open now; planning looks at no signature.
class Lists {
 public:
  Lists& add(Kind kind, std::vector<uint64_t> slots, uint64_t from = 0) {
    list_.denominations.push_back({"issuer", "EUR", kind, std::move(slots), from, from + kMonth_s,
                                   from + 2 * kMonth_s, from + 3 * kMonth_s, from + 4 * kMonth_s,
                                   *protocol::multiply(rng_.scalar(), protocol::g1())});
    return *this;
  }
  Lists& coins(std::initializer_list<uint64_t> values) {
    for (uint64_t value : values) add(Kind::kCoin, {value});
    return *this;
  }
  DenominationList& list() { return list_; }

 private:
  protocol::SeededRng rng_{"lists"};
  DenominationList list_{"issuer", 1, 0, {}, {}, {}};
};

Lists euro() {
  Lists lists;
  lists.coins({1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000});
  lists.add(Kind::kCoin, {400, 200, 100, 100});
  lists.add(Kind::kCheque, {10'000});
  lists.add(Kind::kCheque, {50'000});
  return lists;
}

size_t coins_of(const DenominationList& list, const Plan& plan) {
  size_t coins = 0;
  for (const auto& lines : plan.orders) {
    for (const auto& line : lines) {
      if (list.find(line.denom_id)->kind == Kind::kCoin) coins += line.count;
    }
  }
  return coins;
}

// Orders that the issuer takes, and a debit that is what they cost.
void check_orders(const DenominationList& list, const Plan& plan) {
  uint64_t cost = plan.load;
  for (const auto& lines : plan.orders) {
    ASSERT_TRUE(protocol::check_lines(lines).ok());
    for (const auto& line : lines) {
      const Denomination* d = list.find(line.denom_id);
      ASSERT_NE(d, nullptr);
      if (d->kind == Kind::kCoin) cost += d->value() * line.count;
    }
  }
  EXPECT_EQ(cost, plan.debit);
}

void pays_everything(const DenominationList& list, uint64_t most, const PlanOptions& options,
                     uint64_t step = 1) {
  const auto planned = plan(list, kNow_s, "EUR", most, {}, options);
  ASSERT_TRUE(planned.ok()) << planned.status();
  check_orders(list, *planned);
  EXPECT_GE(planned->payable_up_to, most / planned->unit * planned->unit);
  const Holdings holdings = holdings_after(list, {}, *planned);
  for (uint64_t amount = planned->unit; amount <= most; amount += step * planned->unit) {
    const auto chosen = choose(holdings, amount);
    ASSERT_TRUE(chosen.ok()) << amount << ": " << chosen.status();
    uint64_t sum = 0;
    for (const Chosen& each : *chosen) sum += each.value;
    ASSERT_EQ(sum, amount);
  }
}

TEST(PlanningTest, AWalletPaysEveryAmountUpToTenThousand) {
  pays_everything(euro().list(), 10'000, {});
}

TEST(PlanningTest, SoDoesOneWithCoinsAlone) {
  pays_everything(euro().list(), 10'000, {.cheques = false});
}

TEST(PlanningTest, AndOneWithChequesAloneOrWithAnyShare) {
  for (uint32_t percent : {0U, 1U, 10U, 80U, 100U}) {
    pays_everything(euro().list(), 10'000, {.coin_percent = percent}, 7);
  }
}

TEST(PlanningTest, AndOneOfCoinsThatSplit) {
  Lists lists;
  lists.add(Kind::kCoin, {4, 2, 1, 1}).add(Kind::kCoin, {64, 32, 16, 8});
  pays_everything(lists.list(), 400, {});
}

TEST(PlanningTest, PlansForLargeSumsWithCheques) {
  const auto planned = plan(euro().list(), kNow_s, "EUR", 250'000, {}, {.coin_percent = 10});
  ASSERT_TRUE(planned.ok()) << planned.status();
  EXPECT_EQ(planned->payable_up_to, 250'000U);
}

TEST(PlanningTest, TakesHalfAsCoinsUnlessToldOtherwise) {
  Lists lists = euro();
  const auto planned = plan(lists.list(), kNow_s, "EUR", 10'000, {}, {});
  ASSERT_TRUE(planned.ok());
  EXPECT_EQ(planned->unit, 1U);
  const uint64_t coins = planned->debit - planned->load;
  EXPECT_GE(coins, 5'000U);
  EXPECT_LT(coins, 6'000U);
  EXPECT_GE(planned->debit, 10'000U);
  EXPECT_LT(planned->debit, 10'100U);
  // Cheques of 100.00 are enough; five lie ready.
  const Holdings holdings = holdings_after(lists.list(), {}, *planned);
  EXPECT_EQ(std::count_if(
                holdings.candidates.begin(), holdings.candidates.end(),
                [](const Candidate& c) { return c.kind == Kind::kCheque && c.value == 10'000; }),
            5);
}

// The fewest coins of these values that cover 1..goal: breadth first over sorted multisets.
size_t fewest_by_trying(const std::vector<uint64_t>& values, uint64_t goal) {
  // Of coverage `reach`, what one more coin makes of it; any coin up to reach + 1 joins.
  std::set<uint64_t> reaches = {0};
  for (size_t n = 0;; ++n) {
    if (*reaches.rbegin() >= goal) return n;
    std::set<uint64_t> next;
    for (uint64_t reach : reaches) {
      for (uint64_t value : values) {
        if (value <= reach + 1) next.insert(reach + value);
      }
    }
    reaches = std::move(next);
  }
}

TEST(PlanningTest, TakesAsFewCoinsAsCanBe) {
  const std::vector<std::vector<uint64_t>> sets = {
      {1, 2, 5, 10, 20, 50}, {1, 3, 4}, {1, 2, 4, 8, 16}, {1, 7, 8}, {1}};
  for (const auto& values : sets) {
    Lists lists;
    for (uint64_t value : values) lists.add(Kind::kCoin, {value});
    for (uint64_t goal = 1; goal <= 60; ++goal) {
      const auto planned = plan(lists.list(), kNow_s, "EUR", goal, {}, {});
      ASSERT_TRUE(planned.ok()) << planned.status();
      EXPECT_EQ(coins_of(lists.list(), *planned), fewest_by_trying(values, goal)) << goal;
    }
  }
}

TEST(PlanningTest, OrdersWhatIsMissingOnly) {
  Lists lists = euro();
  const auto first = plan(lists.list(), kNow_s, "EUR", 10'000, {}, {});
  ASSERT_TRUE(first.ok());
  const Holdings full = holdings_after(lists.list(), {}, *first);
  const auto nothing = plan(lists.list(), kNow_s, "EUR", 10'000, full, {});
  ASSERT_TRUE(nothing.ok());
  EXPECT_TRUE(nothing->orders.empty());
  EXPECT_EQ(nothing->load, 0U);
  EXPECT_EQ(nothing->debit, 0U);

  // A payment later, the gap alone is filled.
  Holdings rest = full;
  const auto chosen = choose(rest, 1'234);
  ASSERT_TRUE(chosen.ok());
  for (auto it = chosen->rbegin(); it != chosen->rend(); ++it) {
    rest.candidates.erase(rest.candidates.begin() + static_cast<ptrdiff_t>(it->candidate));
  }
  const auto refill = plan(lists.list(), kNow_s, "EUR", 10'000, rest, {});
  ASSERT_TRUE(refill.ok());
  EXPECT_GT(refill->debit, 0U);
  EXPECT_LT(coins_of(lists.list(), *refill), coins_of(lists.list(), *first));
  EXPECT_EQ(refill->payable_up_to, 10'000U);
}

TEST(PlanningTest, SaysOfWhichUnitItPaysEveryMultiple) {
  Lists lists;
  lists.coins({10, 20, 50, 100, 200, 500});
  const auto coins = plan(lists.list(), kNow_s, "EUR", 1'005, {}, {});
  ASSERT_TRUE(coins.ok()) << coins.status();
  EXPECT_EQ(coins->unit, 10U);
  EXPECT_EQ(coins->payable_up_to, 1'000U);
  pays_everything(lists.list(), 1'000, {});
  // Cheques fill what lies between.
  lists.add(Kind::kCheque, {5'000});
  const auto both = plan(lists.list(), kNow_s, "EUR", 1'005, {}, {.coin_percent = 100});
  ASSERT_TRUE(both.ok()) << both.status();
  EXPECT_EQ(both->unit, 1U);
  EXPECT_GE(both->load, 9U);
  pays_everything(lists.list(), 1'000, {});
}

TEST(PlanningTest, OrdersSevenOfADenominationAtMost) {
  Lists lists;
  lists.coins({1, 2});
  const auto planned = plan(lists.list(), kNow_s, "EUR", 40, {}, {});
  ASSERT_TRUE(planned.ok()) << planned.status();
  EXPECT_GT(planned->orders.size(), 2U);
  check_orders(lists.list(), *planned);
}

TEST(PlanningTest, LooksAtOpenDenominationsOfTheCurrencyOnly) {
  Lists lists;
  lists.coins({1, 2}).add(Kind::kCoin, {4}, kNow_s + 1);
  lists.add(Kind::kCoin, {3});
  lists.list().compromised.push_back(lists.list().denominations.back().id());
  const auto planned = plan(lists.list(), kNow_s, "EUR", 10, {}, {});
  ASSERT_TRUE(planned.ok());
  for (const auto& lines : planned->orders) {
    for (const auto& line : lines) EXPECT_LE(lists.list().find(line.denom_id)->value(), 2U);
  }
  EXPECT_EQ(reason_of(plan(lists.list(), kNow_s, "CHF", 10, {}, {}).status()), "NOTHING_OPEN");
  EXPECT_EQ(reason_of(plan(lists.list(), kNow_s + kMonth_s * 3, "EUR", 10, {}, {}).status()),
            "NOTHING_OPEN");
}

TEST(PlanningTest, SaysWhatItCannotPlan) {
  Lists lists;
  lists.coins({1, 2, 5});
  // 128 slots of 5 come to 640.
  EXPECT_EQ(reason_of(plan(lists.list(), kNow_s, "EUR", 10'000, {}, {}).status()), "NOT_PLANNABLE");
  EXPECT_EQ(reason_of(plan(lists.list(), kNow_s, "EUR", 0, {}, {}).status()), "AMOUNT_ZERO");
  EXPECT_EQ(reason_of(plan(lists.list(), kNow_s, "EUR", uint64_t{1} << 40, {}, {}).status()),
            "AMOUNT_OVERFLOW");
}

TEST(PlanningTest, ProvesWhatSelectionCanPay) {
  protocol::SeededRng rng("proof");
  for (int round = 0; round < 200; ++round) {
    Holdings holdings;
    for (uint64_t i = 0; i < 2 + rng.below(10); ++i) {
      const bool cheque = rng.below(5) == 0;
      holdings.candidates.push_back(
          {1 + rng.below(cheque ? 20 : 6), 1, i, cheque ? Kind::kCheque : Kind::kCoin});
    }
    holdings.counter = rng.below(20);
    const uint64_t unit = 1 + rng.below(3);
    uint64_t paid = 0;
    while (paid + unit <= 120 && choose(holdings, paid + unit).ok()) paid += unit;
    ASSERT_EQ(payable_up_to(holdings, unit, 120), paid) << "round " << round << ", unit " << unit;
  }
  // And the number of slots counts.
  Holdings ones;
  for (size_t i = 0; i < 200; ++i) ones.candidates.push_back({1, 1, i});
  EXPECT_EQ(payable_up_to(ones, 1, 1'000), protocol::kMaxSpends);
}

}  // namespace
}  // namespace cafe::wallet
