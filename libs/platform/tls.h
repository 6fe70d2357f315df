// TLS of servers and channels, from PEM files.
//
// Between services it is mutual. A server asks every client for a certificate and verifies one that
// is presented, but lets a client without any through: wallets and payees authenticate by
// signature, and each method that is for services only calls require_caller. Clients check that the
// server's certificate names the service they want.
#pragma once

#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_context.h>

#include <memory>

#include "absl/status/statusor.h"
#include "libs/platform/identity.h"
#include "libs/platform/service_options.h"

namespace cafe::platform {

// Errors: InvalidArgument (a file is missing, unreadable, not PEM, or the key does not fit the
// certificate; the message names the option and the file, never the content).
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> server_credentials(const TlsOptions& tls);

// With an identity if `tls.cert` is set, else with the CA only. Errors as above.
absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> channel_credentials(
    const TlsOptions& tls);

// The identity that the caller proved in the handshake.
PeerIdentity peer_identity(const grpc::ServerContextBase& context);

}  // namespace cafe::platform
