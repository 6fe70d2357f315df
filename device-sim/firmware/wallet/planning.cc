#include "device-sim/firmware/wallet/planning.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "libs/protocol/amount.h"

namespace cafe::wallet {

namespace {

using protocol::Denomination;
using protocol::DenominationList;
using protocol::Kind;
using protocol::OrderLine;

// Beyond this no payment could use them all.
constexpr size_t kMostNewCoins = 2 * protocol::kMaxSpends;
constexpr uint16_t kUnpayable = UINT16_MAX;

absl::Status not_plannable() {
  return protocol::refused("NOT_PLANNABLE",
                           "What the issuer offers cannot pay every amount up to this sum in one "
                           "payment: choose a smaller sum, or allow cheques.");
}

// For each number of units up to `units`, the fewest slots of coins that make it up; every coin is
// worth whole units.
std::vector<uint16_t> fewest_slots(const Holdings& holdings, uint64_t unit, uint64_t units) {
  std::map<uint64_t, uint64_t> counts;
  for (const Candidate& c : holdings.candidates) {
    if (c.kind == Kind::kCoin) ++counts[c.value / unit];
  }
  std::vector<uint16_t> fewest(units + 1, kUnpayable);
  fewest[0] = 0;
  for (const auto& [value, count] : counts) {
    // 1, 2, 4, … of them at once, so that every number up to `count` is some of these.
    for (uint64_t taken = 0, n = 1; taken < count; taken += n, n *= 2) {
      n = std::min(n, count - taken);
      if (value > units / n) break;
      const uint64_t step = value * n;
      for (uint64_t a = units; a >= step; --a) {
        if (fewest[a - step] == kUnpayable) continue;
        fewest[a] = static_cast<uint16_t>(std::min<uint64_t>(fewest[a], fewest[a - step] + n));
      }
    }
  }
  return fewest;
}

// What the n largest cheques can pay, for n = 0, 1, …
std::vector<uint64_t> cheques_up_to(const Holdings& holdings) {
  std::vector<uint64_t> mosts;
  for (const Candidate& c : holdings.candidates) {
    if (c.kind == Kind::kCheque) mosts.push_back(c.value);
  }
  std::sort(mosts.rbegin(), mosts.rend());
  std::vector<uint64_t> sums = {0};
  for (uint64_t most : mosts) {
    sums.push_back(std::min(holdings.counter, sums.back() + std::min(most, holdings.counter)));
  }
  return sums;
}

// Marks what n cheques of together at most `up_to` units pay besides coins: wherever the fewest
// slots of one of the `up_to` amounts below leave n of a payment's.
void mark_with_cheques(const std::vector<uint16_t>& fewest, size_t n, uint64_t up_to,
                       std::vector<bool>& payable) {
  uint64_t last = 0;  // the last amount below that can be paid so, counted from 1; 0: none
  for (uint64_t a = 1; a < fewest.size(); ++a) {
    if (fewest[a - 1] != kUnpayable && fewest[a - 1] + n <= protocol::kMaxSpends) last = a;
    if (last != 0 && a - (last - 1) <= up_to) payable[a] = true;
  }
}

// What the planner may order, values in units.
struct Offered {
  struct Item {
    protocol::DenomId id;
    std::vector<uint64_t> slots;
    uint64_t value;
    size_t rank;  // where it stands in an order
  };
  std::vector<Item> plain;      // by value
  std::vector<Item> splitting;  // several slots, by value
  std::vector<Item> cheques;    // by most
};

Offered offered(const DenominationList& list, uint64_t now_s, std::string_view currency) {
  Offered out;
  for (const Denomination& d : list.denominations) {
    if (d.currency != currency || now_s < d.withdraw_from || d.withdraw_until <= now_s) continue;
    const protocol::DenomId id = d.id();
    if (list.is_compromised(id)) continue;
    auto& kind = d.kind == Kind::kCheque     ? out.cheques
                 : d.slot_values.size() == 1 ? out.plain
                                             : out.splitting;
    kind.push_back({id, d.slot_values, d.value(), 0});
  }
  size_t rank = 0;
  for (auto* items : {&out.plain, &out.splitting, &out.cheques}) {
    std::sort(items->begin(), items->end(),
              [](const auto& a, const auto& b) { return a.value < b.value; });
    for (auto& item : *items) item.rank = rank++;
  }
  return out;
}

// Coins that cover 1, 2, …, `reach` units gapless.
class Coverage {
 public:
  Coverage(const Holdings& holdings, uint64_t unit) : unit_(unit) {
    for (const Candidate& c : holdings.candidates) {
      if (c.kind == Kind::kCoin && c.value % unit == 0) waiting_.push_back(c.value / unit);
    }
    std::sort(waiting_.rbegin(), waiting_.rend());
    absorb();
  }
  uint64_t reach() const { return reach_; }

  // Whether all slots of the coin join without a gap.
  bool fits(const Offered::Item& item) const {
    std::vector<uint64_t> slots = item.slots;
    std::sort(slots.begin(), slots.end());
    uint64_t reach = reach_;
    for (uint64_t value : slots) {
      if (value % unit_ != 0 || value / unit_ > reach + 1) return false;
      reach += value / unit_;
    }
    return true;
  }
  void add(const Offered::Item& item) {
    reach_ += item.value / unit_;
    absorb();
  }

 private:
  void absorb() {
    while (!waiting_.empty() && waiting_.back() <= reach_ + 1) {
      reach_ += waiting_.back();
      waiting_.pop_back();
    }
  }
  uint64_t unit_;
  uint64_t reach_ = 0;
  std::vector<uint64_t> waiting_;  // held, descending
};

// The next coin: the smallest that reaches the goal, else the one that reaches farthest.
const Offered::Item* next_coin(const std::vector<Offered::Item>& items, const Coverage& coverage,
                               uint64_t goal, uint64_t unit) {
  const Offered::Item* best = nullptr;
  for (const Offered::Item& item : items) {
    if (!coverage.fits(item)) continue;
    best = &item;
    if (coverage.reach() + item.value / unit >= goal) break;
  }
  return best;
}

struct ByRank {
  bool operator()(const Offered::Item* a, const Offered::Item* b) const {
    return a->rank < b->rank;
  }
};
using Counts = std::map<const Offered::Item*, uint32_t, ByRank>;

// Orders of at most kMaxCoinsPerLine of each, kMaxLines lines.
std::vector<std::vector<OrderLine>> pack(Counts counts) {
  std::vector<std::vector<OrderLine>> orders;
  while (!counts.empty()) {
    auto& lines = orders.emplace_back();
    for (auto it = counts.begin(); it != counts.end() && lines.size() < protocol::kMaxLines;) {
      const uint32_t n = std::min(it->second, protocol::kMaxCoinsPerLine);
      lines.push_back({it->first->id, n});
      it->second -= n;
      it = it->second == 0 ? counts.erase(it) : std::next(it);
    }
  }
  return orders;
}

// The cheques to order: the smallest denomination of which one pays `sum`, else as many of the
// largest as needed; and blank ones in reserve.
void add_cheques(const Offered& from, const Holdings& holdings, uint64_t sum, uint32_t reserve,
                 Counts& counts) {
  uint64_t held_most = 0;
  uint32_t held = 0;
  for (const Candidate& c : holdings.candidates) {
    if (c.kind != Kind::kCheque) continue;
    ++held;
    held_most += std::min(c.value, sum);
  }
  const auto enough = std::find_if(from.cheques.begin(), from.cheques.end(),
                                   [&](const auto& item) { return item.value >= sum; });
  const Offered::Item& item = enough == from.cheques.end() ? from.cheques.back() : *enough;
  const uint64_t missing = sum > held_most ? sum - held_most : 0;
  const uint64_t needed = missing / item.value + (missing % item.value != 0 ? 1 : 0);
  const uint64_t wanted = std::max<uint64_t>(needed, reserve > held ? reserve - held : 0);
  if (wanted > 0) counts[&item] = static_cast<uint32_t>(std::min<uint64_t>(wanted, kMostNewCoins));
}

}  // namespace

uint64_t payable_up_to(const Holdings& holdings, uint64_t unit, uint64_t limit) {
  // Coins that are no multiples of the unit may make one up together.
  uint64_t grain = unit;
  for (const Candidate& c : holdings.candidates) {
    if (c.kind == Kind::kCoin) grain = std::gcd(grain, c.value);
  }
  const uint64_t grains = std::min(limit / grain, kMostUnits);
  const std::vector<uint16_t> fewest = fewest_slots(holdings, grain, grains);
  std::vector<bool> payable(grains + 1);
  for (uint64_t a = 0; a <= grains; ++a) payable[a] = fewest[a] <= protocol::kMaxSpends;
  const auto first_gap = [&] {
    uint64_t a = unit / grain;
    while (a <= grains && payable[a]) a += unit / grain;
    return a;
  };
  const std::vector<uint64_t> sums = cheques_up_to(holdings);
  for (size_t n = 1; n < sums.size() && n <= protocol::kMaxSpends; ++n) {
    if (first_gap() > grains) break;
    mark_with_cheques(fewest, n, sums[n] / grain, payable);
  }
  return first_gap() * grain - unit;
}

Holdings holdings_after(const DenominationList& list, const Holdings& holdings,
                        const Plan& planned) {
  Holdings after = holdings;
  size_t coin = 0;
  for (const Candidate& c : after.candidates) coin = std::max(coin, c.coin + 1);
  for (const auto& lines : planned.orders) {
    for (const OrderLine& line : lines) {
      const Denomination* d = list.find(line.denom_id);
      for (uint32_t i = 0; d != nullptr && i < line.count; ++i, ++coin) {
        for (uint64_t value : d->slot_values) {
          after.candidates.push_back({value, d->spend_until, coin, d->kind});
        }
      }
    }
  }
  after.counter += planned.load;
  return after;
}

absl::StatusOr<Plan> plan(const DenominationList& list, uint64_t now_s, std::string_view currency,
                          uint64_t most, const Holdings& holdings, const PlanOptions& options) {
  if (most == 0) {
    return protocol::refused("AMOUNT_ZERO", "Choose a sum that the wallet shall be able to pay.");
  }
  const Offered from = offered(list, now_s, currency);
  const bool cheques = options.cheques && !from.cheques.empty();
  if (from.plain.empty() && from.splitting.empty() && !cheques) {
    return protocol::refused("NOTHING_OPEN", "The issuer offers nothing in this currency now.");
  }
  Plan plan;
  // Coins alone pay multiples of the smallest one that makes up all of them.
  uint64_t unit = 0;
  for (const auto& item : from.plain) unit = unit == 0 ? item.value : std::min(unit, item.value);
  for (const auto& item : from.splitting) {
    const uint64_t smallest = *std::min_element(item.slots.begin(), item.slots.end());
    if (from.plain.empty()) unit = unit == 0 ? smallest : std::min(unit, smallest);
  }
  const bool with_coins = unit != 0 && !(cheques && options.coin_percent == 0);
  if (unit == 0) unit = 1;
  plan.unit = cheques ? 1 : unit;
  if (most / plan.unit > kMostUnits) {
    return protocol::make_error(absl::StatusCode::kOutOfRange, "AMOUNT_OVERFLOW",
                                "No wallet is planned for such a sum: choose a smaller one.");
  }

  Counts counts;
  Coverage coverage(holdings, unit);
  const uint64_t percent = cheques ? std::min(options.coin_percent, 100U) : 100;
  const uint64_t by_coins = (most / 100 * percent + most % 100 * percent / 100) / unit;
  size_t coins = 0;
  while (with_coins && coverage.reach() < by_coins && coins++ < kMostNewCoins) {
    const Offered::Item* item = next_coin(from.plain, coverage, by_coins, unit);
    if (item == nullptr) item = next_coin(from.splitting, coverage, by_coins, unit);
    if (item == nullptr) break;
    ++counts[item];
    coverage.add(*item);
    CAFE_ASSIGN_OR_RETURN(plan.debit, protocol::checked_add(plan.debit, item->value));
  }
  if (cheques) {
    // What coins do not reach, and what lies between their multiples.
    const uint64_t reached = std::min(most, coverage.reach() * unit);
    const uint64_t by_cheques = std::max(most - reached, unit - 1);
    plan.load = by_cheques > holdings.counter ? by_cheques - holdings.counter : 0;
    add_cheques(from, holdings, by_cheques, options.blank_cheques, counts);
    CAFE_ASSIGN_OR_RETURN(plan.debit, protocol::checked_add(plan.debit, plan.load));
  }
  plan.orders = pack(std::move(counts));
  plan.payable_up_to = wallet::payable_up_to(holdings_after(list, holdings, plan), plan.unit, most);
  if (plan.payable_up_to < most / plan.unit * plan.unit) return not_plannable();
  return plan;
}

}  // namespace cafe::wallet
