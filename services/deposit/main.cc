// cafe-deposit: takes payments in, and authorizes them on line.
#include "libs/platform/config.h"
#include "libs/platform/server.h"
#include "services/deposit/wiring.h"

int main(int argc, char** argv) {
  cafe::platform::ServiceOptions service{.service = "deposit", .listen = "127.0.0.1:7102"};
  cafe::deposit::DepositOptions options;
  CLI::App app("Takes payments in for an issuer: checks them, credits payees, signs receipts.");
  register_service_options(app, service);
  using cafe::platform::add_option;
  add_option(app, "--trust", options.trust,
             "File with the master keys that are trusted (trust.json)")
      ->required();
  add_option(app, "--signing-key", options.signing_key,
             "File with the certified key that signs receipts")
      ->required();
  add_option(app, "--doublespend", options.doublespend, "host:port of cafe-doublespend")
      ->required();
  add_option(app, "--withdrawal", options.withdrawal, "host:port of cafe-withdrawal")->required();
  add_option(app, "--hold-ms", options.hold_ms, "How long an authorization reserves its slots");
  add_option(app, "--max-batch", options.max_batch, "Most payments in a deposit");
  add_option(app, "--sweep-interval-ms", options.sweep_interval_ms,
             "Between two looks for batches that nobody finished");
  add_option(app, "--sweep-after-ms", options.sweep_after_ms,
             "Age at which an unfinished batch is finished without a retry");
  add_option(app, "--refresh-interval-ms", options.refresh_interval_ms,
             "Between two fetches of the list of denominations");
  add_option(app, "--peer-timeout-ms", options.peer_timeout_ms,
             "Of each call to another service, retries included");
  add_option(app, "--check-threads", options.check_threads,
             "Threads that share the checks of large deposits");
  add_option(app, "--authorize-threads", options.authorize_threads,
             "Threads that answer authorizations, each all that wait when it becomes free");
  if (auto exit_code = cafe::platform::parse_command_line(app, service, argc, argv)) {
    return *exit_code;
  }
  return cafe::platform::run_service(service, [&](cafe::platform::ServiceHost& host) {
    return cafe::deposit::set_up(host, options);
  });
}
