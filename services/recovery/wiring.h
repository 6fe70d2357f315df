// The service put together from its options.
#pragma once

#include "libs/platform/server.h"

namespace cafe::recovery {

struct RecoveryOptions {
  std::string trust;                         // --trust: trust.json
  std::string signing_key;                   // --signing-key: the key of purpose "recovery"
  std::string withdrawal;                    // --withdrawal: host:port
  std::string doublespend;                   // --doublespend: host:port
  std::string deposit;                       // --deposit: host:port
  uint64_t holding_time_s = 7 * 86400;       // --holding-time-s: the longest that coins are held
  uint64_t settlement_period_s = 7 * 86400;  // --settlement-period-s: after a deposit deadline
  uint32_t claim_interval_ms = 60'000;       // --claim-interval-ms: between two looks at claims
  uint64_t clock_ahead_s = 0;                // --clock-ahead-s: for tests; never in production
  uint32_t refresh_interval_ms = 60'000;     // --refresh-interval-ms: of the denominations
  uint32_t peer_timeout_ms = 10'000;         // --peer-timeout-ms: of each call to another service
  uint32_t calls_per_minute = 600;           // --calls-per-minute: of one address; 0: no limit
};

// A setup function for platform::run_service. Errors: InvalidArgument for an option that is out of
// range, and those of the files and the database.
absl::Status set_up(platform::ServiceHost& host, const RecoveryOptions& options);

}  // namespace cafe::recovery
