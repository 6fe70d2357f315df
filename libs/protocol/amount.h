// Sums of money: u64 minor units, checked.
#pragma once

#include "libs/protocol/status.h"

namespace cafe::protocol {

// a + b, a·b; AMOUNT_OVERFLOW (OUT_OF_RANGE) where it does not fit 2^63 - 1, the most a ledger
// entry holds.
absl::StatusOr<uint64_t> checked_add(uint64_t a, uint64_t b);
absl::StatusOr<uint64_t> checked_multiply(uint64_t a, uint64_t b);

}  // namespace cafe::protocol
