#include "libs/protocol/status.h"

#include "absl/strings/cord.h"
#include "absl/strings/string_view.h"

namespace cafe::protocol {

namespace {
absl::string_view to_absl(std::string_view s) { return {s.data(), s.size()}; }
}  // namespace

absl::Status make_error(absl::StatusCode code, std::string_view reason, std::string_view message) {
  absl::Status status(code, to_absl(message));
  status.SetPayload(to_absl(kReasonUrl), absl::Cord(to_absl(reason)));
  return status;
}

std::string reason_of(const absl::Status& status) {
  const auto payload = status.GetPayload(to_absl(kReasonUrl));
  return payload ? std::string(*payload) : std::string();
}

absl::Status invalid(std::string_view reason, std::string_view message) {
  return make_error(absl::StatusCode::kInvalidArgument, reason, message);
}

absl::Status refused(std::string_view reason, std::string_view message) {
  return make_error(absl::StatusCode::kFailedPrecondition, reason, message);
}

}  // namespace cafe::protocol
