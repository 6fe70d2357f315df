// k1·P1 + k2·P2 + ... of thousands of public terms (Pippenger's bucket method).
//
//   AffinePoint sum = multiply_sum(scalars, points);
//   if (!sum.is_identity()) ...
#pragma once

#include "libs/protocol/p256_var/sums_var.h"

namespace cafe::protocol::p256_var {

// As many scalars as points, at most 2^24. Scalars are any 256-bit numbers; short ones cost less:
// one of 128 bits half as much.
AffinePoint multiply_sum(std::span<const Limbs> scalars, std::span<const AffinePoint> points);

// The window width, 2 to 13 bits, that costs the fewest additions for scalars of these lengths in
// bits.
int best_window(std::span<const int> lengths);

// Digits d_0, d_1, ... of a scalar to the base 2^width, each in (-2^(width-1), 2^(width-1)], one
// for each of `digits`, which has room for all: 257 / width, rounded up.
void signed_digits(const Limbs& scalar, int width, std::span<int16_t> digits);

// Bits of a number; 0 for 0.
int bit_length(const Limbs& value);

}  // namespace cafe::protocol::p256_var
