// Finding and closing accounts (section 7), and stopping denominations: for other services and the
// operator.
#pragma once

#include "services/withdrawal/issuer.h"
#include "services/withdrawal/withdrawal_store.h"

namespace cafe::withdrawal {

// The account that either of its identity points names, closed ones included. Errors: those of
// Point::decode; NOT_FOUND UNKNOWN_IDENTITY.
absl::StatusOr<FoundAccount> find_identity(Issuer& issuer, protocol::ByteView identity_point);

// Closes the account that an encoded signed case convicts. The case is verified here again, with
// public keys alone: whoever asks is not believed. A lost account, closed already, is convicted
// from then on; convicting again changes nothing.
struct Closing {
  protocol::AccountId account;
  bool was_closed_already;
};
// Errors: those of protocol::verify_case; WRONG_ISSUER; NOT_FOUND UNKNOWN_ACCOUNT.
absl::StatusOr<Closing> close_convicted(Issuer& issuer, protocol::ByteView signed_case);

// Stops withdrawal of a denomination at once, in all replicas. Stopping again changes nothing.
// Errors: BAD_LENGTH; INVALID_ARGUMENT BAD_STOP_REASON (1 to 500 bytes of UTF-8); NOT_FOUND
// UNKNOWN_DENOMINATION.
absl::Status stop_denomination(Issuer& issuer, protocol::ByteView denom_id, std::string_view reason,
                               std::string_view caller);

}  // namespace cafe::withdrawal
