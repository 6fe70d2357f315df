// The three operations on an order (section 4). Each takes and returns encoded documents.
//
// What they have in common: the document is for this issuer (WRONG_ISSUER), of an account that it
// has (NOT_FOUND UNKNOWN_ACCOUNT) and signed by its key (UNAUTHENTICATED BAD_SIGNATURE); the
// account stays within its rate (RATE_LIMITED).
//
// Orders that wait at the same time are opened and completed in groups (libs/platform/batcher.h):
// they share statements and a commit, and each is decided by itself.
#pragma once

#include <vector>

#include "absl/functional/any_invocable.h"
#include "services/withdrawal/issuer.h"

namespace cafe::withdrawal {

// A signed document about an order, and what to do with the answer to it.
struct OrderQuestion {
  protocol::ByteView document;  // valid until the answer
  // Called exactly once.
  absl::AnyInvocable<void(absl::StatusOr<protocol::Bytes>)> answer;
};

// Answers each signed OpenRequest with commitments for each coin. Writes nothing.
// Errors: ACCOUNT_CLOSED; ORDER_NUMBER; ORDER_VOID (N is void for the present time slot: its nonces
// are spent, open it in the next); LIST_OUTDATED; those of select_lines; INSUFFICIENT_FUNDS.
void open_orders(Issuer& issuer, std::vector<OrderQuestion> questions);

// For each signed Order, debits the account and answers one challenge of each coin, in one
// transaction, which orders of different accounts share.
// A completed N is looked up first: the same order gets the stored completion, however late and
// whatever became of the account since; a different one is refused, ORDER_COMPLETED_DIFFERENTLY.
//
// Errors: ORDER_VOID; ORDER_DEAD (not an answer of this issuer under the database's present
// lineage: ask for a void); ORDER_TOO_OLD; ACCOUNT_CLOSED; ORDER_NUMBER; those of select_lines;
// INSUFFICIENT_FUNDS; UNAVAILABLE COMMIT_IN_DOUBT (send the same bytes again).
void complete_orders(Issuer& issuer, std::vector<OrderQuestion> questions);

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
