// What every service can be told at its start. config.h registers these as options.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace cafe::platform {

// Where a process finds its certificate (PEM files). All services and their clients use one set for
// both directions.
struct TlsOptions {
  std::string cert{};  // chain, leaf first; DNS SAN <service>.cafe.internal. Empty: no identity
  std::string key{};   // private key of `cert`
  std::string ca{};    // the CAs that are trusted to name services
  // Plaintext; callers are then believed whoever they are. Never in production.
  bool insecure = false;
};

// Host and port are one string, "127.0.0.1:7102"; port 0 takes a free one.
struct ServiceOptions {
  std::string service{};               // the service's own name: "deposit". No option
  std::string listen{};                // --listen: host:port of gRPC
  std::string metrics_listen{};        // --metrics-listen: host:port of /metrics; empty: none
  std::string port_file{};             // --port-file: gets {"grpc":port,"metrics":port}
  std::string log_level = "info";      // --log-level: debug, info, warning, error
  std::string log_format = "text";     // --log-format: text, json
  TlsOptions tls{};                    // --tls-cert, --tls-key, --tls-ca, --insecure
  uint32_t workers = 8;                // --workers: threads that run requests
  uint32_t queue_capacity = 1024;      // --queue-capacity: requests that may wait for a worker
  uint32_t queue_mebibytes = 64;       // --queue-mebibytes: that they may hold together
  uint32_t queue_wait_ms = 1'000;      // --queue-wait-ms: the longest that one may have to wait
  std::string database_url{};          // --database-url: libpq connection string or URL
  std::string redis_url{};             // --redis-url: redis://host:port/db; empty: run without
  std::string issuer_id{};             // --issuer-id
  uint32_t drain_timeout_ms = 10'000;  // --drain-timeout-ms
  bool production = false;             // --production: refuses --insecure and --failpoints
  std::string failpoints{};            // --failpoints, see failpoint.h
};

// Checks what one option's own check cannot see: options that need or exclude each other.
// Errors: InvalidArgument, with a message that names the option.
absl::Status validate(const ServiceOptions& options);

// Splits "host:port" or "[v6]:port". Errors: InvalidArgument.
absl::Status check_listen_address(const std::string& address);

}  // namespace cafe::platform
