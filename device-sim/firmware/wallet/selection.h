// Which slots pay an amount, and how much each of them (section 5).
//
//   CAFE_ASSIGN_OR_RETURN(auto chosen, choose(holdings, 1250));
//   for (const Chosen& c : chosen) pay(holdings.candidates[c.candidate], c.value);
//
// The rule, strictly in this order:
//
//   1. The amount exactly. There is no change.
//   2. As little linking of payments as possible. Spends of one coin can be linked to each other by
//      everybody who sees them, so each coin that an earlier payment used is one link, and each
//      coin that stays partly spent is one, which a later payment will show.
//   3. As few cheques as possible: no payee and no issuer can link them, but whoever takes the
//      guardian out and reads it later can.
//   4. As few slots as possible: each one costs time at the till and in the coin store.
//   5. What expires first: the least sum of the slots' remaining times.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "libs/protocol/denomination.h"
#include "libs/protocol/payment.h"

namespace cafe::wallet {

// One unspent slot.
struct Candidate {
  uint64_t value;  // minor units, > 0: what a coin's slot pays; the most that a cheque can pay
  uint64_t spend_until;  // unix seconds
  size_t coin;           // which coin it belongs to: slots of one coin have one number
  protocol::Kind kind = protocol::Kind::kCoin;
  bool coin_used = false;  // an earlier payment used another slot of that coin
};

// All that can pay in one currency at one time: every unspent slot of every coin and every blank
// cheque, and what the guardian's counter holds for cheques (Wallet::holdings).
struct Holdings {
  std::vector<Candidate> candidates;
  uint64_t counter = 0;  // minor units
};

struct Chosen {
  size_t candidate;  // its index
  uint64_t value;    // > 0; less than the candidate's only for a cheque
  bool operator==(const Chosen&) const = default;
};

// Points 2 to 5 of the rule, to be compared in this order.
struct Cost {
  uint32_t links = 0;
  uint32_t cheques = 0;
  uint32_t slots = 0;
  uint64_t lifetime_s = 0;  // summed, beyond the earliest expiry of all candidates
  auto operator<=>(const Cost&) const = default;
};
Cost cost_of(const Holdings& holdings, std::span<const Chosen> chosen);

// At most `most` slots that pay exactly `amount` at the least cost, by ascending index. Cheques pay
// together no more than the counter, each at least 1; the largest of them pays as much as it can.
//
// The search keeps 2^16 partial payments at most, which is a few megabytes and milliseconds.
// Ordinary holdings need hundreds; one so contrived that this is not enough counts as not payable.
//
// AMOUNT_ZERO; AMOUNT_NOT_PAYABLE: no slots make up the amount; SELECTION_TOO_HARD: none were found
// within the bound.
absl::StatusOr<std::vector<Chosen>> choose(const Holdings& holdings, uint64_t amount,
                                           size_t most = protocol::kMaxSpends);

// The blank cheque that serves for a call that may come to `at_least`: the smallest that is large
// enough, of equal ones the first to expire. Nothing where none is.
std::optional<size_t> choose_cheque(std::span<const Candidate> candidates, uint64_t at_least);

}  // namespace cafe::wallet
