// Calls of the operator's to the running services, with a certificate of her own
// ("operator.cafe.internal"): for acts that a service must decide and sign.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>

#include "cafe/v1/withdrawal.grpc.pb.h"
#include "libs/platform/client.h"

namespace cafe::cafectl {

struct ServiceOptions {
  std::string withdrawal;  // --withdrawal, CAFE_WITHDRAWAL: host:port
  platform::TlsOptions tls;
};

// Adds --withdrawal, --tls-cert, --tls-key, --tls-ca and --insecure, which are named in the
// environment as services name them.
void add_service_options(CLI::App& command, const std::shared_ptr<ServiceOptions>& options);

// INVALID_ARGUMENT NO_SERVICE, NO_CERTIFICATE where the options name none; those of
// platform::connect.
absl::StatusOr<std::unique_ptr<v1::Withdrawal::Stub>> connect_withdrawal(
    const ServiceOptions& options);

// How long an act may take, the service's restart included. All of them may be repeated.
inline platform::CallOptions operator_call() {
  return {.timeout = absl::Seconds(20), .idempotent = true};
}

}  // namespace cafe::cafectl
