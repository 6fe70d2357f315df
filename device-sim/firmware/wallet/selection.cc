#include "device-sim/firmware/wallet/selection.h"

#include <algorithm>
#include <map>
#include <queue>
#include <set>
#include <tuple>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "device-sim/firmware/wallet/selection_items.h"

namespace cafe::wallet {

namespace {

constexpr size_t kMaxNodes = size_t{1} << 16;
constexpr uint32_t kNone = UINT32_MAX;

Cost operator+(const Cost& a, const Cost& b) {
  return {a.links + b.links, a.cheques + b.cheques, a.slots + b.slots, a.lifetime_s + b.lifetime_s};
}

// What is left to decide: how further coins of group `g` are used, from its use number `u` on (each
// group's uses in their order), `left` of its coins being free, and all that follows; `amount` is
// not paid yet.
struct Place {
  uint32_t g, u, left;
  uint64_t amount;
  bool operator==(const Place&) const = default;
  template <typename H>
  friend H AbslHashValue(H h, const Place& p) {
    return H::combine(std::move(h), p.g, p.u, p.left, p.amount);
  }
};

// A payment of a part of the amount.
struct Node {
  Place place;
  Cost cost;
  uint32_t parent;
  bool takes;  // one more coin than its parent, of the parent's group and use
};

// Best first (A*): Stock::least never says more than is needed, so the first complete payment that
// comes up is the cheapest.
class Search {
 public:
  Search(const Stock& stock, uint64_t amount, size_t most)
      : stock_(stock), amount_(amount), most_(most) {}

  absl::StatusOr<std::vector<Chosen>> run() {
    push(start_of(0, amount_), {}, kNone, false);
    while (!queue_.empty() && !full_) {
      const uint32_t at = queue_.top().node;
      const bool complete = queue_.top().complete;
      queue_.pop();
      if (complete) return chosen(at);
      if (!outdone(nodes_[at])) expand(at);
    }
    if (full_) {
      return protocol::refused("SELECTION_TOO_HARD",
                               "The coins in the wallet can be combined in too many ways to find "
                               "out whether they make up this amount: pay another amount.");
    }
    return protocol::refused("AMOUNT_NOT_PAYABLE",
                             "What is in the wallet does not make up this amount exactly: withdraw "
                             "more, or pay another amount.");
  }

 private:
  struct Queued {
    Cost at_least;
    uint64_t amount;  // of equal costs, what has least left
    uint32_t node;
    bool complete;
    bool operator<(const Queued& other) const {  // the queue's top is its greatest
      return std::tie(other.at_least, other.amount, other.node) < std::tie(at_least, amount, node);
    }
  };

  // Skips uses and groups that are too large for what is left.
  Place start_of(uint32_t g, uint64_t amount) const {
    const auto& groups = stock_.groups();
    if (amount == 0 || g >= groups.size()) {
      return {static_cast<uint32_t>(groups.size()), 0, 0, amount};
    }
    return fitting({g, 0, static_cast<uint32_t>(groups[g].items.size()), amount});
  }
  Place fitting(Place place) const {
    const std::vector<Use>& uses = stock_.groups()[place.g].uses;
    while (place.u < uses.size() && uses[place.u].value > place.amount) ++place.u;
    if (place.left == 0 || place.amount == 0 || place.u == uses.size()) {
      return start_of(place.g + 1, place.amount);
    }
    return place;
  }

  void push(const Place& place, const Cost& cost, uint32_t parent, bool takes) {
    if (cost.slots > most_) return;
    const auto least = stock_.least(place.g, place.left, place.amount, most_ - cost.slots);
    if (!least || !room()) return;
    nodes_.push_back({place, cost, parent, takes});
    queue_.push({cost + *least, place.amount, static_cast<uint32_t>(nodes_.size() - 1), false});
  }

  // The cheapest way to each place comes up first; a dearer one is of use only where it leaves more
  // slots.
  bool outdone(const Node& node) {
    auto& before = reached_[node.place];
    for (const Cost& cost : before) {
      if (cost <= node.cost && cost.slots <= node.cost.slots) return true;
    }
    before.push_back(node.cost);
    return false;
  }

  void expand(uint32_t at) {
    const Place place = nodes_[at].place;
    const Cost cost = nodes_[at].cost;
    const auto& groups = stock_.groups();
    if (place.g == groups.size()) return complete(at);
    const Group& group = groups[place.g];
    const Use& use = group.uses[place.u];
    const uint64_t lifetime_s = group.items[group.items.size() - place.left].lifetime_s;
    const auto slots = static_cast<uint32_t>(use.slots.size());
    push(fitting({place.g, place.u, place.left - 1, place.amount - use.value}),
         cost + Cost{use.links, 0, slots, slots * lifetime_s}, at, true);
    push(fitting({place.g, place.u + 1, place.left, place.amount}), cost, at, false);
  }

  // All coins are decided: the cheques that pay the rest.
  void complete(uint32_t at) {
    const auto cheques = choose_cheques(nodes_[at].place.amount);
    if (!cheques || !room()) return;
    const auto n = static_cast<uint32_t>(cheques->items.size());
    Node node = nodes_[at];
    node.cost = node.cost + Cost{0, n, n, cheques->lifetime_s};
    node.parent = at;
    node.takes = false;
    if (node.cost.slots > most_) return;
    nodes_.push_back(node);
    queue_.push({node.cost, 0, static_cast<uint32_t>(nodes_.size() - 1), true});
  }

  struct Cheques {
    std::vector<std::pair<size_t, uint64_t>> items;  // candidate, most; the largest first
    uint64_t lifetime_s = 0;
  };
  // The fewest that pay `amount`; of those, what expires first.
  std::optional<Cheques> choose_cheques(uint64_t amount) {
    if (amount == 0) return Cheques{};
    const auto needed = stock_.least(stock_.groups().size(), 0, amount, most_);
    if (!needed) return std::nullopt;
    std::optional<Cheques> best;
    Cheques taken;
    add_cheques(0, needed->cheques, amount, taken, best);
    return best;
  }
  void add_cheques(size_t g, size_t n, uint64_t amount, Cheques& taken,
                   std::optional<Cheques>& best) {
    if (n == 0) {
      if (amount == 0 && (!best || taken.lifetime_s < best->lifetime_s)) best = taken;
      return;
    }
    // Even n cheques as large as this group's do not pay the rest: nor do those that follow.
    const auto& groups = stock_.cheques();
    if (g == groups.size() || groups[g].most < (amount + n - 1) / n || full_) return;
    const ChequeGroup& group = groups[g];
    const Cheques before = taken;
    for (size_t k = 0;; ++k) {
      if (!room()) break;
      add_cheques(g + 1, n - k, amount, taken, best);
      if (k == n || k == group.items.size()) break;
      taken.items.emplace_back(group.items[k].slots.front(), group.most);
      taken.lifetime_s += group.items[k].lifetime_s;
      amount -= std::min(amount, group.most);
    }
    taken = before;
  }

  // Bounds memory and time of the whole search.
  bool room() {
    if (++steps_ > kMaxNodes) full_ = true;
    return !full_;
  }

  std::vector<Chosen> chosen(uint32_t at) {
    std::vector<Chosen> out;
    const uint64_t by_cheques = nodes_[at].place.amount;
    for (uint32_t n = at; nodes_[n].parent != kNone; n = nodes_[n].parent) {
      if (!nodes_[n].takes) continue;
      const Place& from = nodes_[nodes_[n].parent].place;
      const Group& group = stock_.groups()[from.g];
      const Item& item = group.items[group.items.size() - from.left];
      for (uint8_t position : group.uses[from.u].slots) {
        out.push_back({item.slots[position], group.values[position]});
      }
    }
    if (by_cheques > 0) {
      full_ = false;  // it was found within the bound before
      steps_ = 0;
      const auto cheques = choose_cheques(by_cheques);
      uint64_t rest = by_cheques;
      for (size_t i = 0; i < cheques->items.size(); ++i) {
        // Each of those that follow pays something.
        const uint64_t others = cheques->items.size() - i - 1;
        const uint64_t value = std::min(cheques->items[i].second, rest - others);
        out.push_back({cheques->items[i].first, value});
        rest -= value;
      }
    }
    std::sort(out.begin(), out.end(),
              [](const Chosen& a, const Chosen& b) { return a.candidate < b.candidate; });
    return out;
  }

  const Stock& stock_;
  uint64_t amount_;
  size_t most_;
  std::vector<Node> nodes_;
  std::priority_queue<Queued> queue_;
  absl::flat_hash_map<Place, absl::InlinedVector<Cost, 1>> reached_;
  size_t steps_ = 0;
  bool full_ = false;
};

}  // namespace

absl::StatusOr<std::vector<Chosen>> choose(const Holdings& holdings, uint64_t amount, size_t most) {
  if (amount == 0) {
    return protocol::refused("AMOUNT_ZERO", "There is nothing to pay: enter an amount.");
  }
  CAFE_ASSIGN_OR_RETURN(const Stock stock, Stock::sort(holdings, amount));
  return Search(stock, amount, most).run();
}

Cost cost_of(const Holdings& holdings, std::span<const Chosen> chosen) {
  uint64_t earliest = UINT64_MAX;
  std::map<size_t, size_t> slots;  // unspent ones of each coin
  for (const Candidate& c : holdings.candidates) {
    earliest = std::min(earliest, c.spend_until);
    if (c.kind == protocol::Kind::kCoin) ++slots[c.coin];
  }
  Cost cost;
  std::map<size_t, size_t> spent;
  std::set<size_t> used_before;
  for (const Chosen& each : chosen) {
    const Candidate& c = holdings.candidates[each.candidate];
    ++cost.slots;
    cost.lifetime_s += lifetime_of(c.spend_until, earliest);
    if (c.kind == protocol::Kind::kCheque) {
      ++cost.cheques;
      continue;
    }
    ++spent[c.coin];
    if (c.coin_used) used_before.insert(c.coin);
  }
  cost.links = static_cast<uint32_t>(used_before.size());
  for (const auto& [coin, n] : spent) cost.links += n < slots[coin] ? 1 : 0;
  return cost;
}

std::optional<size_t> choose_cheque(std::span<const Candidate> candidates, uint64_t at_least) {
  std::optional<size_t> best;
  for (size_t i = 0; i < candidates.size(); ++i) {
    const Candidate& c = candidates[i];
    if (c.kind != protocol::Kind::kCheque || c.value < at_least) continue;
    if (!best || std::tie(c.value, c.spend_until) <
                     std::tie(candidates[*best].value, candidates[*best].spend_until)) {
      best = i;
    }
  }
  return best;
}

}  // namespace cafe::wallet
