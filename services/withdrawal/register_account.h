// Registration (section 3): a wallet and its guardian get an account.
#pragma once

#include "services/withdrawal/issuer.h"

namespace cafe::withdrawal {

// Checks an encoded registration file and opens its account. Returns the signed receipt, encoded;
// the same registration again, however late, gets the same one.
//
// Errors: those of protocol::check_registration; UNKNOWN_NONCE, NONCE_EXPIRED, WRONG_ISSUER; and
// ALREADY_EXISTS ACCOUNT_TAKEN, SERIAL_TAKEN, U_TAKEN, IDENTITY_TAKEN, closed accounts included.
absl::StatusOr<protocol::Bytes> register_account(Issuer& issuer, protocol::ByteView file);

}  // namespace cafe::withdrawal
