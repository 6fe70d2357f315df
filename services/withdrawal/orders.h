// The three operations on an order (section 4). Each takes and returns encoded documents.
//
// What they have in common: the document is for this issuer (WRONG_ISSUER), of an account that it
// has (NOT_FOUND UNKNOWN_ACCOUNT) and signed by its key (UNAUTHENTICATED BAD_SIGNATURE); the
// account stays within its rate (RATE_LIMITED).
#pragma once

#include <variant>

#include "services/withdrawal/issuer.h"

namespace cafe::withdrawal {

// Answers a signed OpenRequest with commitments for each coin. Writes nothing.
// Errors: ACCOUNT_CLOSED; ORDER_NUMBER; ORDER_VOID (N is void for the present time slot: its nonces
// are spent, open it in the next); LIST_OUTDATED; those of select_lines; INSUFFICIENT_FUNDS.
absl::StatusOr<protocol::Bytes> open_order(Issuer& issuer, protocol::ByteView document);

// Debits the account and answers one challenge of each coin of a signed Order, in one transaction.
// A completed N is looked up first: the same order gets the stored completion, however late and
// whatever became of the account since; a different one is refused, ORDER_COMPLETED_DIFFERENTLY.
//
// Errors: ORDER_VOID; ORDER_DEAD (not an answer of this issuer under the database's present
// lineage: ask for a void); ORDER_TOO_OLD; ACCOUNT_CLOSED; ORDER_NUMBER; those of select_lines;
// INSUFFICIENT_FUNDS; UNAVAILABLE COMMIT_IN_DOUBT (send the same bytes again).
absl::StatusOr<protocol::Bytes> complete_order(Issuer& issuer, protocol::ByteView document);

// Settles what became of order N opened in a time slot, by a signed void request: its completion,
// where N completed, else the signed statement that it never will. The same request again gets the
// same statement.
// Errors: ORDER_NUMBER; TIME_SLOT_AHEAD (nothing can have been opened in that slot yet).
struct VoidOutcome {
  bool completed;            // whether `document` is a completion
  protocol::Bytes document;  // a void statement, or a completion
};
absl::StatusOr<VoidOutcome> void_order(Issuer& issuer, protocol::ByteView document);

}  // namespace cafe::withdrawal
