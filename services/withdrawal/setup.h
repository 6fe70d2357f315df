// Puts the service together from its options: main.cc and the integration tests call it.
#pragma once

#include "libs/platform/server.h"
#include "services/withdrawal/issuer.h"

namespace cafe::withdrawal {

struct WithdrawalOptions {
  std::string trust;              // --trust: trust.json
  std::string denomination_keys;  // --denomination-keys: the denominations' secrets
  std::string signing_key;        // --signing-key: the on-line key of purpose "withdrawal"
  std::string load_key;           // --load-key: the RSA key that signs loads of guardians' counters
  // --key-certificates: a folder; its *.cert files hold the certificates of the issuer's other
  // on-line keys, each a signed document in hexadecimal. Empty: only our own is handed out.
  std::string key_certificates;
  uint32_t registrations_per_minute = 6000;  // of one address; 0: no limit
  uint32_t orders_per_minute = 600;  // calls about orders and loads of one account; 0: no limit
  // What the blank cheques of one account may be worth together until their deposit deadlines:
  // minor units, of each currency.
  uint64_t blank_cheque_cap = 1'000'000;
  // How often is looked for what was credited to replaced accounts.
  uint32_t replacement_interval_ms = 10'000;
  // Threads that answer groups of Open and of Complete, each with a database connection.
  uint32_t open_threads = 1;
  uint32_t complete_threads = 1;
};

// Loads and checks the key files. Errors: those of libs/storage/key_files.h, and of
// open_key_certificate with the file's name.
absl::StatusOr<IssuerKeys> load_keys(const WithdrawalOptions& options);

// Everything that host.start() then serves. Errors: wrong files or options, an unreachable
// database, key files of another issuer than --issuer-id.
absl::Status set_up(platform::ServiceHost& host, const WithdrawalOptions& options);

}  // namespace cafe::withdrawal
