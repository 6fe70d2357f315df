// absl::Status over gRPC, both ways. The reason travels as the trailing metadata "cafe-reason", the
// request id as "cafe-request-id".
#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/status.h>

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace cafe::platform {

inline constexpr char kReasonMetadata[] = "cafe-reason";
inline constexpr char kRequestIdMetadata[] = "cafe-request-id";

// What a client may see of `status`. INTERNAL, UNKNOWN and DATA_LOSS come from our own faults and
// may quote a database or a file: they become INTERNAL with the reason INTERNAL_ERROR and a
// sentence that names only the request id. The caller logs the detail.
absl::Status public_status(const absl::Status& status, std::string_view request_id);

// public_status as a gRPC status; its reason and the request id go into `context`'s trailing
// metadata. Call once, before Finish.
grpc::Status finish_status(const absl::Status& status, std::string_view request_id,
                           grpc::ServerContextBase& context);

// The request id that the client sent, or a new one when it sent none or a malformed one.
std::string request_id_of(const grpc::ServerContextBase& context);

// The status of a finished call with its reason, if the server gave one.
absl::Status from_grpc(const grpc::Status& status, const grpc::ClientContext& context);

// Code and message only.
absl::Status from_grpc(const grpc::Status& status);
grpc::Status to_grpc(const absl::Status& status);

}  // namespace cafe::platform
