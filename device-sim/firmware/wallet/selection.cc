#include "device-sim/firmware/wallet/selection.h"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "absl/container/flat_hash_map.h"

namespace cafe::wallet {

namespace {

constexpr size_t kMaxSteps = size_t{1} << 18;

// All candidates of one value: a range of the sorted order.
struct Group {
  uint64_t value;
  size_t first;
  size_t count;
  uint64_t sum_from_here;  // of this and all later groups, saturated
};

class Search {
 public:
  explicit Search(std::vector<Group> groups) : groups_(std::move(groups)), taken_(groups_.size()) {}

  // Fills taken() with how many of each group, from group `g` on, make up `amount`.
  bool find(size_t g, uint64_t amount, size_t most) {
    if (amount == 0) return true;
    if (g == groups_.size() || most == 0 || groups_[g].sum_from_here < amount) return false;
    const auto key = std::make_pair(g, amount);
    // What led nowhere with as many slots to spare leads nowhere with fewer.
    if (const auto it = dead_ends_.find(key); it != dead_ends_.end() && most <= it->second) {
      return false;
    }
    if (++steps_ > kMaxSteps) return false;
    const uint64_t fit = std::min<uint64_t>(amount / groups_[g].value, groups_[g].count);
    for (size_t n = std::min<uint64_t>(fit, most) + 1; n-- > 0;) {
      taken_[g] = n;
      if (find(g + 1, amount - n * groups_[g].value, most - n)) return true;
    }
    taken_[g] = 0;
    dead_ends_[key] = most;
    return false;
  }
  const std::vector<size_t>& taken() const { return taken_; }

 private:
  std::vector<Group> groups_;
  std::vector<size_t> taken_;
  absl::flat_hash_map<std::pair<size_t, uint64_t>, size_t> dead_ends_;
  size_t steps_ = 0;
};

uint64_t saturating_add(uint64_t a, uint64_t b) { return a > UINT64_MAX - b ? UINT64_MAX : a + b; }

}  // namespace

std::optional<std::vector<size_t>> select_exact(std::span<const Candidate> candidates,
                                                uint64_t amount, size_t most) {
  std::vector<size_t> order(candidates.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    const Candidate &x = candidates[a], &y = candidates[b];
    return std::make_tuple(y.value, x.spend_until, x.coin, a) <
           std::make_tuple(x.value, y.spend_until, y.coin, b);
  });

  std::vector<Group> groups;
  for (size_t i = 0; i < order.size(); ++i) {
    const uint64_t value = candidates[order[i]].value;
    if (groups.empty() || groups.back().value != value) groups.push_back({value, i, 0, 0});
    ++groups.back().count;
  }
  uint64_t sum = 0;
  for (auto group = groups.rbegin(); group != groups.rend(); ++group) {
    for (size_t n = 0; n < group->count; ++n) sum = saturating_add(sum, group->value);
    group->sum_from_here = sum;
  }

  Search search(groups);
  if (!search.find(0, amount, most)) return std::nullopt;
  std::vector<size_t> chosen;
  for (size_t g = 0; g < groups.size(); ++g) {
    for (size_t n = 0; n < search.taken()[g]; ++n) chosen.push_back(order[groups[g].first + n]);
  }
  return chosen;
}

}  // namespace cafe::wallet
