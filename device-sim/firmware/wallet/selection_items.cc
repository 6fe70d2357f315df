#include "device-sim/firmware/wallet/selection_items.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <tuple>

namespace cafe::wallet {

namespace {

// Ways to use a coin, of all groups together.
constexpr size_t kMaxUses = 1024;
// Two thousand million years: no list lasts longer, and 128 of them can be added.
constexpr uint64_t kLongest_s = uint64_t{1} << 56;

uint64_t saturating_add(uint64_t a, uint64_t b) { return a > UINT64_MAX - b ? UINT64_MAX : a + b; }

uint64_t saturating_multiply(uint64_t a, uint64_t b) {
  return b != 0 && a > UINT64_MAX / b ? UINT64_MAX : a * b;
}

// Every sum up to `amount` of some of `values`, with the fewest slots for it. False where there are
// too many.
bool find_uses(const std::vector<uint64_t>& values, uint64_t amount,
               std::map<uint64_t, std::vector<uint8_t>>& sums) {
  sums.emplace(0, std::vector<uint8_t>{});
  for (size_t position = 0; position < values.size(); ++position) {
    for (const auto& [sum, slots] : std::map<uint64_t, std::vector<uint8_t>>(sums)) {
      if (values[position] > amount || sum > amount - values[position]) continue;
      std::vector<uint8_t> more = slots;
      more.push_back(static_cast<uint8_t>(position));
      const auto [at, fresh] = sums.try_emplace(sum + values[position], more);
      if (!fresh && more.size() < at->second.size()) at->second = std::move(more);
    }
    if (sums.size() > kMaxUses) return false;
  }
  sums.erase(0);
  return true;
}

absl::Status too_hard() {
  return protocol::refused("SELECTION_TOO_HARD",
                           "The coins in the wallet can be combined in too many ways to find out "
                           "whether they make up this amount: pay another amount, or pay some of "
                           "them back.");
}

}  // namespace

uint64_t lifetime_of(uint64_t spend_until, uint64_t earliest) {
  return std::min(spend_until - earliest, kLongest_s);
}

absl::StatusOr<Stock> Stock::sort(const Holdings& holdings, uint64_t amount) {
  uint64_t earliest = UINT64_MAX;
  for (const Candidate& c : holdings.candidates) earliest = std::min(earliest, c.spend_until);
  std::map<size_t, std::vector<size_t>> coins;
  std::map<uint64_t, ChequeGroup, std::greater<>> cheques;
  for (size_t i = 0; i < holdings.candidates.size(); ++i) {
    const Candidate& c = holdings.candidates[i];
    if (c.kind == protocol::Kind::kCoin) {
      coins[c.coin].push_back(i);
    } else {
      ChequeGroup& group = cheques.try_emplace(c.value, ChequeGroup{c.value, {}}).first->second;
      group.items.push_back({lifetime_of(c.spend_until, earliest), {i}});
    }
  }

  std::map<std::pair<std::vector<uint64_t>, bool>, Group, std::greater<>> shapes;
  for (auto& [number, slots] : coins) {
    std::stable_sort(slots.begin(), slots.end(), [&](size_t a, size_t b) {
      return holdings.candidates[a].value > holdings.candidates[b].value;
    });
    std::vector<uint64_t> values;
    uint64_t sum = 0;
    for (size_t i : slots) {
      values.push_back(holdings.candidates[i].value);
      sum = saturating_add(sum, values.back());
    }
    const Candidate& any = holdings.candidates[slots.front()];
    Group& group =
        shapes.try_emplace({values, any.coin_used}, Group{values, any.coin_used, sum, {}, {}})
            .first->second;
    group.items.push_back({lifetime_of(any.spend_until, earliest), std::move(slots)});
  }

  const auto sooner = [](const Item& a, const Item& b) { return a.lifetime_s < b.lifetime_s; };
  Stock stock;
  size_t uses = 0;
  for (auto& [shape, group] : shapes) {
    std::stable_sort(group.items.begin(), group.items.end(), sooner);
    std::map<uint64_t, std::vector<uint8_t>> sums;
    if (!find_uses(group.values, amount, sums)) return too_hard();
    for (auto& [value, slots] : sums) {
      const bool whole = slots.size() == group.values.size();
      group.uses.push_back({value, (group.used ? 1U : 0U) + (whole ? 0U : 1U), std::move(slots)});
    }
    std::stable_sort(group.uses.begin(), group.uses.end(), [](const Use& a, const Use& b) {
      return std::make_tuple(a.slots.size(), a.value) > std::make_tuple(b.slots.size(), b.value);
    });
    uses += group.uses.size();
    if (uses > kMaxUses) return too_hard();
    if (!group.uses.empty()) stock.groups_.push_back(std::move(group));
  }
  for (auto& [most, group] : cheques) {
    std::stable_sort(group.items.begin(), group.items.end(), sooner);
    stock.cheques_.push_back(std::move(group));
  }
  stock.prepare_bounds(holdings.counter);
  return stock;
}

void Stock::prepare_bounds(uint64_t counter) {
  cheques_up_to_ = {0};
  for (const ChequeGroup& group : cheques_) {
    for (size_t n = 0; n < group.items.size(); ++n) {
      cheques_up_to_.push_back(
          std::min(counter, saturating_add(cheques_up_to_.back(), group.most)));
    }
  }
  rest_.assign(groups_.size() + 1, {0, 0, 0, 0});
  std::vector<uint64_t> slots;
  for (size_t g = groups_.size(); g-- > 0;) {
    const Group& group = groups_[g];
    Rest rest = rest_[g + 1];
    const uint64_t all = saturating_multiply(group.value, group.items.size());
    rest.value = saturating_add(rest.value, all);
    if (!group.used) rest.unlinked = saturating_add(rest.unlinked, all);
    for (size_t n = 0; n < group.items.size(); ++n) {
      slots.insert(slots.end(), group.values.begin(), group.values.end());
    }
    for (uint64_t value : group.values) rest.divisor = std::gcd(rest.divisor, value);
    if (!group.used) rest.unlinked_divisor = std::gcd(rest.unlinked_divisor, group.value);
    rest_[g] = rest;
  }
  std::sort(slots.begin(), slots.end(), std::greater<>());
  largest_ = {0};
  for (uint64_t value : slots) largest_.push_back(saturating_add(largest_.back(), value));
  for (const Group& group : groups_) {
    const auto at =
        std::lower_bound(slots.begin(), slots.end(), group.values.front(), std::greater<>());
    first_.push_back(static_cast<size_t>(at - slots.begin()));
  }
  first_.push_back(slots.size());
}

std::optional<uint32_t> Stock::fewest_cheques(uint64_t amount) const {
  const auto at = std::lower_bound(cheques_up_to_.begin(), cheques_up_to_.end(), amount);
  if (at == cheques_up_to_.end()) return std::nullopt;
  return static_cast<uint32_t>(at - cheques_up_to_.begin());
}

// With the n largest cheques, and of all slots that are no larger than group g's largest as many of
// the largest as come to the rest: coins of group g and later are among them.
uint32_t Stock::fewest_slots(size_t g, size_t n, uint64_t amount) const {
  if (amount <= cheques_up_to_[n]) return static_cast<uint32_t>(n);
  const auto begin = largest_.begin() + static_cast<ptrdiff_t>(first_[g]);
  const auto at =
      std::lower_bound(begin, largest_.end(), saturating_add(*begin, amount - cheques_up_to_[n]));
  return static_cast<uint32_t>(n + static_cast<size_t>(at - begin));
}

std::optional<Cost> Stock::least(size_t g, size_t left, uint64_t amount, size_t slots) const {
  if (amount == 0) return Cost{};
  Rest rest = rest_[std::min(g + 1, groups_.size())];
  if (g < groups_.size()) {
    const Group& group = groups_[g];
    const uint64_t all = saturating_multiply(group.value, left);
    rest.value = saturating_add(rest.value, all);
    if (!group.used) rest.unlinked = saturating_add(rest.unlinked, all);
    if (left > 0) {
      rest.divisor = rest_[g].divisor;
      rest.unlinked_divisor = rest_[g].unlinked_divisor;
    }
  }
  // With at least `links` links, and so with coins that come to `value` at most and to multiples of
  // `divisor`.
  const auto besides = [&](uint32_t links, uint64_t value,
                           uint64_t divisor) -> std::optional<Cost> {
    auto cheques = fewest_cheques(amount > value ? amount - value : 0);
    if (cheques == 0U && (divisor == 0 || amount % divisor != 0)) cheques = fewest_cheques(1);
    if (!cheques) return std::nullopt;
    // More than that where the payment would have too many slots otherwise.
    for (size_t n = *cheques; n < cheques_up_to_.size(); ++n) {
      const uint32_t needed = fewest_slots(g, n, amount);
      if (needed <= slots) return Cost{links, static_cast<uint32_t>(n), needed, 0};
    }
    return std::nullopt;
  };
  const auto unlinked = besides(0, rest.unlinked, rest.unlinked_divisor);
  return unlinked ? unlinked : besides(1, rest.value, rest.divisor);
}

}  // namespace cafe::wallet
