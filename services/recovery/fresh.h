// Whether a signed question is of just now: one that somebody overheard is of no use later.
#pragma once

#include "libs/protocol/status.h"

namespace cafe::recovery {

// How far an asker's clock may be off.
inline constexpr uint64_t kQueryClock_ms = 600'000;

// The time by which a caller's `time_ms` is judged: ours, and where a test has set our clock ahead,
// also the one that the others go by.
inline uint64_t callers_now_ms(uint64_t time_ms, uint64_t now_ms, uint64_t ahead_ms) {
  const uint64_t theirs_ms = now_ms - ahead_ms;
  return time_ms < theirs_ms + ahead_ms / 2 ? theirs_ms : now_ms;
}

// FAILED_PRECONDITION QUERY_STALE.
inline absl::Status check_fresh(uint64_t time_ms, uint64_t now_ms) {
  const uint64_t apart = time_ms > now_ms ? time_ms - now_ms : now_ms - time_ms;
  if (apart <= kQueryClock_ms) return absl::OkStatus();
  return protocol::refused("QUERY_STALE",
                           "The question was signed more than ten minutes ago, or ahead: set the "
                           "clock and sign it anew.");
}

// INVALID_ARGUMENT WRONG_ISSUER.
inline absl::Status check_issuer(std::string_view named, std::string_view issuer_id) {
  if (named == issuer_id) return absl::OkStatus();
  return protocol::invalid("WRONG_ISSUER", "The document is meant for another issuer.");
}

}  // namespace cafe::recovery
