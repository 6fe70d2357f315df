#include "loadtest/generator/call_ticks.h"

namespace cafe::loadtest {

absl::StatusOr<CallTicks> CallTicks::make(uint32_t count, protocol::Rng& rng) {
  if (count == 0 || count > protocol::kMaxTicks) {
    return protocol::invalid("TICK_COUNT", "A call is paid with 1 to 1048576 ticks.");
  }
  std::vector<protocol::Scalar> t;
  t.reserve(count);
  for (uint32_t i = 0; i < count; ++i) t.push_back(rng.scalar());
  CAFE_ASSIGN_OR_RETURN(const auto points, protocol::multiples(t, protocol::g1()));
  return CallTicks(std::move(t), protocol::MerkleTree(protocol::point_leaves(points)));
}

protocol::TickReveal CallTicks::reveal(uint32_t index) const {
  return {.index = index, .t = t_[index], .path = tree_.path(index)};
}

}  // namespace cafe::loadtest
