// Authorize: whether a payment's slots are unspent, asked on line before the goods are handed out.
// Questions that wait at the same time are answered together (libs/platform/batcher.h).
#pragma once

#include "absl/functional/any_invocable.h"
#include "libs/platform/batcher.h"
#include "libs/protocol/deposit.h"
#include "services/deposit/parts.h"

namespace cafe::deposit {

// How far the terms' time may be from ours: who asks on line just made them.
inline constexpr uint64_t kTermsWindow_ms = 5 * 60 * 1000;
// FAILED_PRECONDITION (TERMS_TIME).
absl::Status check_terms_time(uint64_t terms_ms, uint64_t now_ms);

// What the answer says of a reservation that was not granted: ALREADY_DEPOSITED (this very payment
// was), SLOT_SPENT (by another payment), SLOT_HELD (reserved by another payment; ask again later),
// in this order. "" where it was granted.
std::string refusal_of(const Reservation& reservation);

struct AuthorizationAnswer {
  protocol::Bytes authorization;    // signed document
  protocol::Bytes key_certificate;  // signed document
};

// One payment that a terminal asks about.
struct AuthorizationQuestion {
  protocol::ByteView payment;  // valid until the answer
  absl::Time no_later_than;
  // Called exactly once. A signed answer, granted or not, for terms that an enrolled terminal
  // signed; what is wrong with such a payment stands in the answer. Errors: INVALID_ARGUMENT for
  // bytes that are no payment, UNAUTHENTICATED (UNKNOWN_PAYEE, UNKNOWN_TERMINAL, BAD_SIGNATURE),
  // PERMISSION_DENIED (PAYEE_CLOSED), UNAVAILABLE (DENOMINATIONS_UNKNOWN, COIN_STORE_UNAVAILABLE),
  // RESOURCE_EXHAUSTED (QUEUE_FULL: of the coin store), DEADLINE_EXCEEDED (DEADLINE_PASSED: nothing
  // was done).
  absl::AnyInvocable<void(absl::StatusOr<AuthorizationAnswer>)> answer;
};

// Thread-safe.
class AuthorizeFlow {
 public:
  AuthorizeFlow(const DepositParts& parts, uint32_t hold_ms) : parts_(parts), hold_ms_(hold_ms) {}

  // Answers all questions. They share one look at the database, one verification and one commit;
  // each is decided by itself.
  void authorize_all(std::vector<AuthorizationQuestion> questions);

 private:
  class Batch;
  const DepositParts& parts_;
  const uint32_t hold_ms_;
};

// Questions that wait for their turn.
using AuthorizationQueue = platform::Batcher<AuthorizationQuestion>;

}  // namespace cafe::deposit
