// Errors as services give them to clients: a status code, a machine-readable reason (UPPER_SNAKE)
// and a sentence that says what to do. The reason is a payload of the status, so that it survives
// every layer that passes the status on; grpc_status.h carries it over the wire.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace cafe::platform {

// The payload's URL. libs/protocol attaches its reasons under the same one.
inline constexpr std::string_view kReasonUrl = "cafe.v1/reason";

// A status with `reason` attached. `message` never holds a secret, a coin or an SQL text.
absl::Status make_error(absl::StatusCode code, std::string_view reason, std::string_view message);

// The reason attached to `status`; empty when there is none.
std::string reason_of(const absl::Status& status);

// DEADLINE_EXCEEDED (DEADLINE_PASSED): what nobody waits for any more is not begun.
absl::Status deadline_passed();

}  // namespace cafe::platform
