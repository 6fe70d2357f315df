// Which slots pay an amount.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace cafe::wallet {

struct Candidate {
  uint64_t value;        // minor units, > 0
  uint64_t spend_until;  // unix seconds
  size_t coin;           // which coin it belongs to
};

// Indices of at most `most` candidates that sum to exactly `amount`, or nothing.
//
// The rule: the largest values first, as many of each as fit, fewer where that leads nowhere.
// Of equal values, what expires first goes first, and slots of one coin go together: spends of one
// coin can be linked to each other, so they do least harm inside one payment.
//
// The search remembers what led nowhere and looks at 2^18 combinations at most; a holding so
// contrived that this is not enough counts as not payable.
std::optional<std::vector<size_t>> select_exact(std::span<const Candidate> candidates,
                                                uint64_t amount, size_t most);

}  // namespace cafe::wallet
