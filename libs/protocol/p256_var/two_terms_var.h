// k·P + l·Q of many pairs of points that have nothing in common: no table serves two of them, so
// they go side by side, bit by bit. Public data only.
#pragma once

#include "libs/protocol/p256_var/sums_var.h"

namespace cafe::protocol::p256_var {

struct TwoTerms {
  Limbs k;  // below q
  AffinePoint P;
  Limbs l;  // below q
  AffinePoint Q;
};

// The sum of each; the identity where it is that. Pays off from some dozens on.
std::vector<AffinePoint> sums_of_two(std::span<const TwoTerms> sums);

}  // namespace cafe::protocol::p256_var
