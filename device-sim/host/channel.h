// Channels to the issuer's services, and what calls over them have in common.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "libs/protocol/bytes.h"

namespace cafe::host {

struct BackendOptions;

// Whose a connection is. [guard] One that is used alone is a new one, with a handshake of its own
// and without a client's certificate: nothing about it tells that it belongs to another.
enum class Line {
  kShared,  // everybody's
  kAlone,
  kOperator,  // shows the operator's certificate, where there is one
};

// NO_FILE where a certificate cannot be read.
absl::StatusOr<std::shared_ptr<grpc::Channel>> open_channel(const std::string& address,
                                                            const std::string& service,
                                                            const BackendOptions& options,
                                                            Line line);

// With the service's reason.
absl::Status from_grpc(const grpc::Status& status, const grpc::ClientContext& context);

inline void assign(std::string* field, protocol::ByteView bytes) {
  *field = protocol::to_string(bytes);
}
inline protocol::Bytes bytes_of(const std::string& field) {
  return protocol::to_bytes(protocol::view_of(field));
}

}  // namespace cafe::host
