#include "services/recovery/due.h"

#include <algorithm>

namespace cafe::recovery {

using protocol::ClaimKind;
using protocol::Denomination;

namespace {
constexpr uint64_t kLongestLook_ms = 3'600'000;
}  // namespace

uint64_t settled_ms(uint64_t deposit_until_s, const Periods& periods) {
  return deposit_until_s * 1000 + periods.settlement_ms;
}

DueTimes due_times(ClaimKind kind, std::span<const Denomination* const> denominations,
                   bool any_refused, uint64_t now_ms, const Periods& periods) {
  uint64_t first_deadline_ms = UINT64_MAX;
  uint64_t all_settled_ms = 0;
  for (const Denomination* denomination : denominations) {
    first_deadline_ms = std::min(first_deadline_ms, denomination->deposit_until * 1000);
    all_settled_ms = std::max(all_settled_ms, settled_ms(denomination->deposit_until, periods));
  }
  uint64_t held_until_ms = now_ms;
  if (kind == ClaimKind::kCheques) {
    held_until_ms = all_settled_ms;
  } else if (kind == ClaimKind::kCoins || any_refused) {
    held_until_ms = std::min(first_deadline_ms, now_ms + periods.holding_ms);
  }
  held_until_ms = std::max(held_until_ms, now_ms);
  return {.held_until_ms = held_until_ms, .final_at_ms = std::max(held_until_ms, all_settled_ms)};
}

uint64_t next_look_ms(const DueTimes& due, uint64_t now_ms, uint64_t least_ms) {
  const uint64_t since_ms = now_ms > due.held_until_ms ? now_ms - due.held_until_ms : 0;
  const uint64_t pause_ms = std::max(least_ms, std::min(since_ms / 64, kLongestLook_ms));
  return std::min(now_ms + pause_ms, std::max(due.final_at_ms, now_ms));
}

}  // namespace cafe::recovery
