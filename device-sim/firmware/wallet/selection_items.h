// What a selection chooses from: the candidates brought into groups of equals, and bounds on what a
// group and all after it can do.
#pragma once

#include <array>

#include "device-sim/firmware/wallet/selection.h"

namespace cafe::wallet {

// Beyond the earliest of all candidates, so that sums of them fit.
uint64_t lifetime_of(uint64_t spend_until, uint64_t earliest);

// A coin with its unspent slots.
struct Item {
  uint64_t lifetime_s;
  std::vector<size_t> slots;  // candidates, in the order of the group's values
};

// One way to use a coin of a group: these of its slots.
struct Use {
  uint64_t value;
  uint32_t links;
  std::vector<uint8_t> slots;  // positions in the group's values
};

// Coins that differ in their expiry only, the first to expire in front.
struct Group {
  std::vector<uint64_t> values;  // of the unspent slots, descending
  bool used;                     // an earlier payment used the coin
  uint64_t value;                // sum of `values`
  std::vector<Item> items;
  // The whole coin, then each smaller sum with the fewest slots that make it up; those with more
  // slots stand first, so that they get the items that expire first.
  std::vector<Use> uses;
};

// All cheques of one most, the first to expire in front.
struct ChequeGroup {
  uint64_t most;
  std::vector<Item> items;
};

class Stock {
 public:
  // Candidates of a value above `amount` are left out where they are coins. SELECTION_TOO_HARD
  // where coins of many different slots can be used in more ways than the search could try.
  static absl::StatusOr<Stock> sort(const Holdings& holdings, uint64_t amount);

  const std::vector<Group>& groups() const { return groups_; }
  const std::vector<ChequeGroup>& cheques() const { return cheques_; }

  // What is at least needed for `amount` more, of `left` coins of group `g` and all coins of later
  // groups (g = groups().size(): none) and cheques, with at most `slots` of them. Nothing where it
  // cannot be done.
  std::optional<Cost> least(size_t g, size_t left, uint64_t amount, size_t slots) const;

 private:
  void prepare_bounds(uint64_t counter);
  // The fewest cheques that pay `amount`; nothing where all of them do not.
  std::optional<uint32_t> fewest_cheques(uint64_t amount) const;
  uint32_t fewest_slots(size_t g, size_t n, uint64_t amount) const;

  std::vector<Group> groups_;         // by largest slot, descending
  std::vector<ChequeGroup> cheques_;  // by most, descending
  // Of group g and all later ones (one more entry, for none): what they come to, what without a
  // link, and what divides every sum of them, with and without links.
  struct Rest {
    uint64_t value, unlinked, divisor, unlinked_divisor;
  };
  std::vector<Rest> rest_;
  std::vector<uint64_t> cheques_up_to_;  // the most that n cheques can pay
  std::vector<uint64_t> largest_;        // sums of the n largest slots of coins
  std::vector<size_t> first_;            // how many slots are larger than any of group g
};

}  // namespace cafe::wallet
