// cafe-recovery: gives the money of lost wallets back.
#include "libs/platform/config.h"
#include "libs/platform/server.h"
#include "services/recovery/wiring.h"

int main(int argc, char** argv) {
  cafe::platform::ServiceOptions service{
      .service = "recovery", .listen = "127.0.0.1:7104", .metrics_listen = "127.0.0.1:9104"};
  cafe::recovery::RecoveryOptions options;
  CLI::App app("Gives the money of lost wallets back: backups, listings of orders, claims.");
  register_service_options(app, service);
  using cafe::platform::add_option;
  add_option(app, "--trust", options.trust,
             "File with the master keys that are trusted (trust.json)")
      ->required();
  add_option(app, "--signing-key", options.signing_key,
             "File with the certified key of purpose \"recovery\"; its owner's alone")
      ->required();
  add_option(app, "--withdrawal", options.withdrawal, "host:port of cafe-withdrawal")->required();
  add_option(app, "--doublespend", options.doublespend, "host:port of cafe-doublespend")
      ->required();
  add_option(app, "--deposit", options.deposit, "host:port of cafe-deposit")->required();
  add_option(app, "--holding-time-s", options.holding_time_s,
             "The longest that a claim of coins is held for payments that were made before it");
  add_option(app, "--settlement-period-s", options.settlement_period_s,
             "After a deposit deadline, for what an acquirer took in before it: claims are final "
             "then");
  add_option(app, "--claim-interval-ms", options.claim_interval_ms,
             "Between two looks for claims of which something is due");
  add_option(app, "--clock-ahead-s", options.clock_ahead_s,
             "Lets this service's clock be ahead, so that tests see claims become due; "
             "--production refuses it");
  add_option(app, "--refresh-interval-ms", options.refresh_interval_ms,
             "Between two fetches of the list of denominations");
  add_option(app, "--peer-timeout-ms", options.peer_timeout_ms,
             "Of each call to another service, retries included");
  add_option(app, "--calls-per-minute", options.calls_per_minute, "From one address; 0: no limit");
  if (auto exit_code = cafe::platform::parse_command_line(app, service, argc, argv)) {
    return *exit_code;
  }
  return cafe::platform::run_service(service, [&](cafe::platform::ServiceHost& host) {
    return cafe::recovery::set_up(host, options);
  });
}
