// Ticks (section 6): the arithmetic that guardian, wallet and terminal share.
#pragma once

#include "libs/protocol/merkle.h"
#include "libs/protocol/payment.h"

namespace cafe::protocol {

// A guardian's t_i, from a seed that it draws fresh for each call: prf_scalar(seed,
// "cafe/v1/tick-secret", u32 i). So it keeps 32 bytes for any number of ticks.
Scalar tick_secret(const Seed& seed, uint32_t i);
// y_i = prf_scalar(y_seed, "cafe/v1/tick-blind", u32 i)
Scalar tick_blind(const Bytes32& y_seed, uint32_t i);
// P'_i = P_i + y_i·G1 for all i.
absl::StatusOr<std::vector<Point>> blind_tick_points(std::span<const Point> P,
                                                     const Bytes32& y_seed);
Bytes32 tick_root(std::span<const Point> blinded_points);
// t'_i·G1 = P'_i and its path in a tree of tick_count leaves [guard] (BAD_TICK).
absl::Status check_tick(const Bytes32& root, uint32_t tick_count, const TickReveal& reveal);

}  // namespace cafe::protocol
