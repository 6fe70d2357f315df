// Who may not ask: the answers to those that are not enrolled, or no longer.
#pragma once

#include "libs/protocol/status.h"

namespace cafe::deposit {

absl::Status unknown_payee();     // UNAUTHENTICATED UNKNOWN_PAYEE
absl::Status unknown_terminal();  // UNAUTHENTICATED UNKNOWN_TERMINAL
absl::Status payee_closed();      // PERMISSION_DENIED PAYEE_CLOSED

}  // namespace cafe::deposit
