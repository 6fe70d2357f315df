// What of a claim is due when.
#pragma once

#include <span>

#include "libs/protocol/claim_documents.h"

namespace cafe::recovery {

struct Periods {
  uint64_t holding_ms;     // the longest that a claim is held
  uint64_t settlement_ms;  // after a deposit deadline, for what an acquirer took in before it
};

struct DueTimes {
  uint64_t held_until_ms;  // what is left is credited
  uint64_t final_at_ms;    // later payments are charged until then
  bool operator==(const DueTimes&) const = default;
};

// When nothing comes in any more: one settlement period after the deposit deadline.
uint64_t settled_ms(uint64_t deposit_until_s, const Periods& periods);

// Of a claim that is filed at `now_ms`, of coins of these denominations (at least one).
// Coins are held until the first deposit deadline of any of them, at most the holding period;
// cheques until all of them are settled; payments that nobody can deposit any more not at all,
// those that were refused (`any_refused`) as coins. All are final when all are settled.
DueTimes due_times(protocol::ClaimKind kind,
                   std::span<const protocol::Denomination* const> denominations, bool any_refused,
                   uint64_t now_ms, const Periods& periods);

// When to look again for late payments of a claim that was due for its credit at `held_until_ms`:
// after a 64th of the time since then, between `least_ms` and an hour, but not later than
// `final_at_ms`. They become rarer, and there may be many claims.
uint64_t next_look_ms(const DueTimes& due, uint64_t now_ms, uint64_t least_ms);

}  // namespace cafe::recovery
