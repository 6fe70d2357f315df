#include "libs/platform/error.h"

#include "absl/strings/cord.h"
#include "libs/platform/string_view.h"

namespace cafe::platform {

absl::Status make_error(absl::StatusCode code, std::string_view reason, std::string_view message) {
  absl::Status status(code, to_absl(message));
  if (!status.ok() && !reason.empty()) {
    status.SetPayload(to_absl(kReasonUrl), absl::Cord(to_absl(reason)));
  }
  return status;
}

std::string reason_of(const absl::Status& status) {
  const auto payload = status.GetPayload(to_absl(kReasonUrl));
  return payload.has_value() ? std::string(*payload) : std::string();
}

absl::Status deadline_passed() {
  return make_error(absl::StatusCode::kDeadlineExceeded, "DEADLINE_PASSED",
                    "The deadline passed before the request was run: nothing was done.");
}

}  // namespace cafe::platform
