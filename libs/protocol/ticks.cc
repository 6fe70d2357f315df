#include "libs/protocol/ticks.h"

#include "libs/protocol/hash.h"

namespace cafe::protocol {

Scalar tick_secret(const Seed& seed, uint32_t i) {
  return prf_scalar(seed.view(), Frame("cafe/v1/tick-secret").add_u32(i));
}

Scalar tick_blind(const Bytes32& y_seed, uint32_t i) {
  return prf_scalar(y_seed, Frame("cafe/v1/tick-blind").add_u32(i));
}

absl::StatusOr<std::vector<Point>> blind_tick_points(std::span<const Point> P,
                                                     const Bytes32& y_seed) {
  if (P.empty() || P.size() > kMaxTicks) {
    return invalid("TICK_COUNT", "A call is paid with 1 to 1048576 ticks.");
  }
  std::vector<Scalar> y;
  y.reserve(P.size());
  for (uint32_t i = 0; i < P.size(); ++i) y.push_back(tick_blind(y_seed, i));
  CAFE_ASSIGN_OR_RETURN(std::vector<Point> blinded, multiples(y, g1()));
  for (size_t i = 0; i < P.size(); ++i) {
    CAFE_ASSIGN_OR_RETURN(blinded[i], not_identity(add(P[i], blinded[i])));
  }
  return blinded;
}

Bytes32 tick_root(std::span<const Point> blinded_points) {
  MerkleRoot root;
  for (size_t i = 0; i < blinded_points.size(); ++i) {
    root.add(point_leaf(static_cast<uint32_t>(i), blinded_points[i]));
  }
  return root.root();
}

absl::Status check_tick(const Bytes32& root, uint32_t tick_count, const TickReveal& reveal) {
  const std::optional<Point> point = multiply(reveal.t, g1());
  if (!point || !merkle_verify(root, tick_count, reveal.index, point_leaf(reveal.index, *point),
                               reveal.path)) {
    return invalid("BAD_TICK", "A tick that was shown is not the one under the call's root.");
  }
  return absl::OkStatus();
}

}  // namespace cafe::protocol
