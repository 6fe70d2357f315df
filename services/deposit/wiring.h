// The service put together from its options.
#pragma once

#include "libs/platform/server.h"

namespace cafe::deposit {

struct DepositOptions {
  std::string trust;           // --trust: trust.json
  std::string signing_key;     // --signing-key: the key that signs receipts, purpose "deposit"
  std::string doublespend;     // --doublespend: host:port
  std::string withdrawal;      // --withdrawal: host:port
  uint32_t hold_ms = 120'000;  // --hold-ms: how long an authorization reserves
  uint32_t max_batch = 1000;   // --max-batch: payments in a deposit
  uint32_t sweep_interval_ms = 5'000;     // --sweep-interval-ms
  uint32_t sweep_after_ms = 10'000;       // --sweep-after-ms: age at which a batch is swept
  uint32_t refresh_interval_ms = 60'000;  // --refresh-interval-ms: of the denominations
  uint32_t peer_timeout_ms = 10'000;      // --peer-timeout-ms: of each call to another service
  uint32_t check_threads = 2;             // --check-threads: that share the checks of a large batch
  uint32_t authorize_threads = 1;         // --authorize-threads: groups of questions at a time
};

// A setup function for platform::run_service. Errors: InvalidArgument for an option that is out of
// range, and those of the files and the database.
absl::Status set_up(platform::ServiceHost& host, const DepositOptions& options);

}  // namespace cafe::deposit
