// Wallets that are lost, and those that take their place (section 8).
//
// Both acts rest on a document that the lost account's key signed, or on the operator's word. What
// was stated before is stated again, in the same bytes, to whoever asks for the same; the request
// that it names is the first one's.
#pragma once

#include "services/withdrawal/issuer.h"
#include "services/withdrawal/loss_rules.h"

namespace cafe::withdrawal {

// The operator's word for a holder whose key is gone.
struct OperatorWord {
  protocol::AccountId account;
  std::string identified_by;  // how, and by whom; check_identification
  std::string asked_by;       // whose certificate asked
};

// Closes an account for good, by an encoded signed LossReport or the operator's word: nothing of it
// is opened, completed or loaded afterwards. Returns the signed LossRecorded. A convicted account
// gets one, too, and stays convicted.
//
// Errors: WRONG_ISSUER; NOT_FOUND UNKNOWN_ACCOUNT; UNAUTHENTICATED BAD_SIGNATURE; RATE_LIMITED (of
// the account, reports only); BAD_IDENTIFICATION; UNAVAILABLE COMMIT_IN_DOUBT (send the same
// again).
absl::StatusOr<Statement> report_loss(Issuer& issuer, protocol::ByteView report);
absl::StatusOr<Statement> report_loss(Issuer& issuer, const OperatorWord& word);

// Lets an open account take the place of a lost one, by an encoded signed Replacement and that
// account's consent to it (libs/protocol/successor_consent.h), or by the operator's word for the
// lost account, and moves what the lost one holds, in one transaction. Returns the signed Replaced.
// Errors: those of report_loss and decide_replacement; SAME_ACCOUNT; SUCCESSOR_UNWILLING.
absl::StatusOr<Statement> replace_account(Issuer& issuer, protocol::ByteView replacement,
                                          protocol::ByteView consent);
absl::StatusOr<Statement> replace_account(Issuer& issuer, const OperatorWord& word,
                                          const protocol::AccountId& successor);

}  // namespace cafe::withdrawal
