// Additions eight at a time, with AVX-512's 52-bit multiply-add (IFMA), where the processor has it.
#pragma once

#include "libs/protocol/p256_var/sums_var.h"

namespace cafe::protocol::p256_var {

// Whether add_pairs_in_lanes may be called on this machine.
bool has_lanes();

// sums[i] = ±points[a] ± points[b] for the pairs that have a slope of different points. The others
// are appended to `left` by their number, and their sums are undefined: an identity, equal or
// opposite points. `pairs` and `sums` have one size.
void add_pairs_in_lanes(std::span<const AffinePoint> points, std::span<const IndexPair> pairs,
                        std::span<AffinePoint> sums, std::vector<uint32_t>& left);

}  // namespace cafe::protocol::p256_var
