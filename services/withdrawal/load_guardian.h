// Loading a guardian's counter from its holder's account (section 5). Both take and return encoded
// signed documents.
//
// What they have in common: the document is for this issuer (WRONG_ISSUER), of an account that it
// has (NOT_FOUND UNKNOWN_ACCOUNT) and signed by its key (UNAUTHENTICATED BAD_SIGNATURE).
#pragma once

#include "services/withdrawal/issuer.h"

namespace cafe::withdrawal {

// Debits the account by what a signed LoadOrder says and answers with the load, in one transaction.
// A recorded sequence is looked up first: the same order gets the same bytes, however late and
// whatever became of the account since; another one is refused, LOAD_CLASH.
//
// Errors: RATE_LIMITED; ACCOUNT_CLOSED; LOAD_SEQUENCE; AMOUNT_OVERFLOW; CURRENCY_UNSUPPORTED;
// UNAVAILABLE NO_DENOMINATIONS; INSUFFICIENT_FUNDS; UNAVAILABLE COMMIT_IN_DOUBT (send the same
// bytes again).
absl::StatusOr<protocol::Bytes> load_guardian(Issuer& issuer, protocol::ByteView order);

// The answer to the load of a sequence, or to the newest one, by a signed LoadQuery.
// Errors: RATE_LIMITED; NOT_FOUND UNKNOWN_LOAD.
absl::StatusOr<protocol::Bytes> find_load(Issuer& issuer, protocol::ByteView query);

}  // namespace cafe::withdrawal
