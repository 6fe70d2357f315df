// How the parts of the service are put together; main.cc and the tests start it with this.
#pragma once

#include <string>

#include "libs/platform/server.h"
#include "services/doublespend/peers.h"

namespace cafe::doublespend {

// What this service can be told beside platform::ServiceOptions.
struct Options {
  std::string trust;                      // --trust: trust.json
  std::string signing_key;                // --signing-key: the on-line key of purpose coinstore
  std::string withdrawal;                 // --withdrawal: host:port
  std::string deposit;                    // --deposit: host:port
  uint32_t writers = 2;                   // --writers
  uint32_t max_rows_per_commit = 10'000;  // --max-rows-per-commit
  uint32_t max_queued_rows = 200'000;     // --max-queued-rows
  uint32_t lookups_per_minute = 60;       // --lookups-per-minute; 0: no limit
  // --prefix-lookups-per-minute; 0: no limit. A wallet that is recovered asks for hundreds.
  uint32_t prefix_lookups_per_minute = 1'200;
  uint32_t lookup_cache_ms = 30'000;   // --lookup-cache-ms; 0: every look-up reads the database
  uint32_t database_connections = 16;  // --database-connections, the writers' included
};

// Builds everything into `host`, which then serves it. `options` must outlive the host. Errors:
// those of the key files and the database, with messages that say what to do.
absl::Status set_up(platform::ServiceHost& host, const Options& options);

}  // namespace cafe::doublespend
