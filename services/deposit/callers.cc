#include "services/deposit/callers.h"

namespace cafe::deposit {

using protocol::make_error;

absl::Status unknown_payee() {
  return make_error(absl::StatusCode::kUnauthenticated, "UNKNOWN_PAYEE",
                    "This payee is not enrolled here: ask the acquirer to enrol it.");
}

absl::Status unknown_terminal() {
  return make_error(absl::StatusCode::kUnauthenticated, "UNKNOWN_TERMINAL",
                    "This terminal is not enrolled for this payee: ask the acquirer to enrol it.");
}

absl::Status payee_closed() {
  return make_error(absl::StatusCode::kPermissionDenied, "PAYEE_CLOSED",
                    "This payee's contract has ended: nothing new is taken from it.");
}

}  // namespace cafe::deposit
