#include "libs/platform/grpc_status.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "libs/platform/error.h"
#include "libs/platform/request_scope.h"
#include "libs/platform/string_view.h"

namespace cafe::platform {
namespace {

// gRPC aborts the process on a metadata value with other bytes than these.
bool is_metadata_value(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

}  // namespace

absl::Status public_status(const absl::Status& status, std::string_view request_id) {
  switch (status.code()) {
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kDataLoss:
      return make_error(absl::StatusCode::kInternal, "INTERNAL_ERROR",
                        absl::StrCat("The service failed. Its log tells more under request ",
                                     to_absl(request_id), "."));
    default:
      return status;
  }
}

grpc::Status finish_status(const absl::Status& status, std::string_view request_id,
                           grpc::ServerContextBase& context) {
  if (is_metadata_value(request_id)) {
    context.AddTrailingMetadata(kRequestIdMetadata, std::string(request_id));
  }
  const absl::Status shown = public_status(status, request_id);
  if (const std::string reason = reason_of(shown); !reason.empty() && is_metadata_value(reason)) {
    context.AddTrailingMetadata(kReasonMetadata, reason);
  }
  return to_grpc(shown);
}

std::string request_id_of(const grpc::ServerContextBase& context) {
  const auto& metadata = context.client_metadata();
  if (const auto found = metadata.find(kRequestIdMetadata); found != metadata.end()) {
    const std::string_view id(found->second.data(), found->second.size());
    if (is_valid_request_id(id)) {
      return std::string(id);
    }
  }
  return new_request_id();
}

absl::Status from_grpc(const grpc::Status& status, const grpc::ClientContext& context) {
  absl::Status result = from_grpc(status);
  if (result.ok()) {
    return result;
  }
  const auto& metadata = context.GetServerTrailingMetadata();
  if (const auto found = metadata.find(kReasonMetadata); found != metadata.end()) {
    const std::string_view reason(found->second.data(), found->second.size());
    return make_error(result.code(), reason, to_std(result.message()));
  }
  return result;
}

absl::Status from_grpc(const grpc::Status& status) {
  // The two lists of codes are the same, by number.
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

grpc::Status to_grpc(const absl::Status& status) {
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), std::string(status.message()));
}

}  // namespace cafe::platform
