#include "libs/protocol/amount.h"

#include <cstdint>

namespace cafe::protocol {

namespace {

constexpr uint64_t kMost = INT64_MAX;

absl::Status overflow() {
  return make_error(absl::StatusCode::kOutOfRange, "AMOUNT_OVERFLOW",
                    "A sum of money is larger than 2^63 - 1 minor units; split it.");
}

}  // namespace

absl::StatusOr<uint64_t> checked_add(uint64_t a, uint64_t b) {
  if (a > kMost || b > kMost - a) return overflow();
  return a + b;
}

absl::StatusOr<uint64_t> checked_multiply(uint64_t a, uint64_t b) {
  if (a != 0 && b > kMost / a) return overflow();
  return a * b;
}

}  // namespace cafe::protocol
