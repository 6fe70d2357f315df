#include "libs/platform/config.h"
#include "libs/platform/server.h"
#include "services/withdrawal/setup.h"

int main(int argc, char** argv) {
  using cafe::platform::add_option;

  cafe::platform::ServiceOptions common{.service = "withdrawal", .listen = "127.0.0.1:7101"};
  cafe::withdrawal::WithdrawalOptions options;
  CLI::App app(
      "cafe-withdrawal: registers wallets and issues coins. The only holder of the denominations' "
      "keys.");
  cafe::platform::register_service_options(app, common);
  add_option(app, "--trust", options.trust, "trust.json: the master keys and the manufacturers'")
      ->required();
  add_option(app, "--denomination-keys", options.denomination_keys,
             "file of the denominations' secret keys; its owner's alone")
      ->required();
  add_option(app, "--signing-key", options.signing_key,
             "file of the on-line key of purpose \"withdrawal\"; its owner's alone")
      ->required();
  add_option(app, "--load-key", options.load_key,
             "file of the key that signs loads of guardians' counters; its owner's alone")
      ->required();
  add_option(app, "--key-certificates", options.key_certificates,
             "folder whose *.cert files are handed out: the certificates of the issuer's on-line "
             "keys, in hexadecimal");
  add_option(app, "--registrations-per-minute", options.registrations_per_minute,
             "from one address; 0: no limit");
  add_option(app, "--orders-per-minute", options.orders_per_minute,
             "calls about orders and loads of one account; 0: no limit");
  add_option(app, "--blank-cheque-cap", options.blank_cheque_cap,
             "what the blank cheques of one account may be worth together until their deposit "
             "deadlines: minor units, of each currency")
      ->check(CLI::Range(uint64_t{0}, cafe::withdrawal::kMostMinorUnits));
  add_option(app, "--replacement-interval-ms", options.replacement_interval_ms,
             "how often money that was credited to replaced accounts is moved to their successors")
      ->check(CLI::Range(uint32_t{1}, uint32_t{3'600'000}));
  add_option(app, "--open-threads", options.open_threads,
             "threads that open orders, each with a database connection of its own");
  add_option(app, "--complete-threads", options.complete_threads,
             "threads that complete orders, in groups that share a commit, each with a database "
             "connection of its own");
  if (const auto exit_code = cafe::platform::parse_command_line(app, common, argc, argv)) {
    return *exit_code;
  }
  return cafe::platform::run_service(common, [&](cafe::platform::ServiceHost& host) {
    return cafe::withdrawal::set_up(host, options);
  });
}
