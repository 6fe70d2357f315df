// The double-spend detection service. --help tells its options.
#include "libs/platform/config.h"
#include "services/doublespend/requests.h"
#include "services/doublespend/wiring.h"

int main(int argc, char** argv) {
  namespace platform = cafe::platform;
  platform::ServiceOptions options;
  options.service = "doublespend";
  options.listen = "127.0.0.1:7103";
  options.metrics_listen = "127.0.0.1:9103";
  // A Record waits in its thread for a commit that it shares with others: more of them share more.
  cafe::doublespend::Options own;

  CLI::App app("Records every slot that is spent, and proves who spends one twice.");
  platform::register_service_options(app, options);
  platform::add_option(app, "--trust", own.trust, "JSON file with the keys that are trusted")
      ->required();
  platform::add_option(app, "--signing-key", own.signing_key,
                       "JSON file with the issuer's on-line key of purpose coinstore")
      ->required();
  platform::add_option(app, "--withdrawal", own.withdrawal, "host:port of the withdrawal service")
      ->required();
  platform::add_option(app, "--deposit", own.deposit, "host:port of the deposit service")
      ->required();
  platform::add_option(app, "--writers", own.writers, "Threads that record, each with its commit")
      ->check(CLI::Range(1, 64));
  platform::add_option(app, "--max-rows-per-commit", own.max_rows_per_commit,
                       "Rows that share a commit at most")
      ->check(CLI::Range(1, 1'000'000));
  platform::add_option(app, "--max-queued-rows", own.max_queued_rows,
                       "Rows that may wait for a writer; more are refused")
      ->check(CLI::Range(cafe::doublespend::kMaxRows, size_t{100'000'000}));
  platform::add_option(app, "--lookups-per-minute", own.lookups_per_minute,
                       "Look-ups that one address may ask for; 0: no limit")
      ->check(CLI::Range(0, 1'000'000));
  platform::add_option(app, "--prefix-lookups-per-minute", own.prefix_lookups_per_minute,
                       "Look-ups by prefix that one address may ask for; 0: no limit")
      ->check(CLI::Range(0, 1'000'000));
  platform::add_option(app, "--lookup-cache-ms", own.lookup_cache_ms,
                       "How old a cached answer about a spent coin may be; 0: never cached")
      ->check(CLI::Range(0, 3'600'000));
  platform::add_option(app, "--database-connections", own.database_connections,
                       "Connections to PostgreSQL; more than --writers")
      ->check(CLI::Range(2, 1000));
  if (const auto exit_code = platform::parse_command_line(app, options, argc, argv)) {
    return *exit_code;
  }
  return platform::run_service(
      options, [&](platform::ServiceHost& host) { return cafe::doublespend::set_up(host, own); });
}
