// Authorize: whether a payment's slots are unspent, asked on line before the goods are handed out.
#pragma once

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

// Thread-safe.
class AuthorizeFlow {
 public:
  AuthorizeFlow(const DepositParts& parts, uint32_t hold_ms) : parts_(parts), hold_ms_(hold_ms) {}

  // A signed answer, granted or not, for terms that an enrolled terminal signed; what is wrong with
  // such a payment stands in the answer. Errors: INVALID_ARGUMENT for bytes that are no payment,
  // UNAUTHENTICATED (UNKNOWN_PAYEE, UNKNOWN_TERMINAL, BAD_SIGNATURE), PERMISSION_DENIED
  // (PAYEE_CLOSED), UNAVAILABLE (DENOMINATIONS_UNKNOWN, COIN_STORE_UNAVAILABLE).
  absl::StatusOr<AuthorizationAnswer> authorize(protocol::ByteView payment,
                                                absl::Time no_later_than);

 private:
  absl::StatusOr<CheckedPayment> check(const ReadPayment& read, uint64_t now_ms) const;

  const DepositParts& parts_;
  const uint32_t hold_ms_;
};

}  // namespace cafe::deposit
