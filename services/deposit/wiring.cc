#include "services/deposit/wiring.h"

#include "libs/platform/background.h"
#include "libs/platform/client.h"
#include "libs/storage/session_settings.h"
#include "services/deposit/confirm_stops.h"
#include "services/deposit/deposit_service.h"
#include "services/deposit/grpc_peers.h"
#include "services/deposit/sweeper.h"

namespace cafe::deposit {
namespace {

using platform::BackgroundWorker;
using platform::ServiceHost;

absl::Status check_options(const ServiceHost& host, const DepositOptions& options) {
  const auto wrong = [](std::string_view what) { return protocol::invalid("BAD_OPTION", what); };
  if (host.options().issuer_id.empty()) return wrong("--issuer-id is missing.");
  if (host.options().database_url.empty()) return wrong("--database-url is missing.");
  if (options.max_batch < 1 || options.max_batch > protocol::kMaxBatch) {
    return wrong("--max-batch is from 1 to 1000.");
  }
  if (options.hold_ms < 1 || options.hold_ms > 600'000) {
    return wrong("--hold-ms is from 1 to 600000.");
  }
  if (options.check_threads < 1 || options.check_threads > 256) {
    return wrong("--check-threads is from 1 to 256.");
  }
  if (options.authorize_threads < 1 || options.authorize_threads > 256) {
    return wrong("--authorize-threads is from 1 to 256.");
  }
  for (const uint32_t ms :
       {options.sweep_interval_ms, options.refresh_interval_ms, options.peer_timeout_ms}) {
    if (ms == 0) return wrong("Intervals and timeouts are at least 1 ms.");
  }
  return absl::OkStatus();
}

// Everything that the service is made of, in the order in which it is built; it goes in the reverse
// order, so background work ends before what it works with.
struct DepositApp {
  static absl::StatusOr<std::unique_ptr<DepositApp>> create(ServiceHost& host,
                                                            const DepositOptions& options);

  // What can fail to be had.
  struct Loaded {
    protocol::TrustAnchors anchors;
    protocol::Point master_key;
    storage::OnlineKey key;
    std::unique_ptr<storage::Database> database;
    std::shared_ptr<grpc::Channel> doublespend;
    std::shared_ptr<grpc::Channel> withdrawal;
  };

  DepositApp(ServiceHost& host, const DepositOptions& options, Loaded loaded)
      : anchors(std::move(loaded.anchors)),
        key(std::move(loaded.key)),
        database(std::move(loaded.database)),
        coin_store(make_coin_store(std::move(loaded.doublespend), ms(options.peer_timeout_ms))),
        withdrawal(make_withdrawal(std::move(loaded.withdrawal), ms(options.peer_timeout_ms))),
        denominations(host.options().issuer_id, loaded.master_key, *database, *withdrawal,
                      host.clock(), host.metrics(), host.options().production),
        terminals(anchors, host.options().issuer_id),
        metrics(host.metrics()),
        check_pool({.name = "check", .workers = options.check_threads}, host.clock(),
                   host.metrics()),
        parts{host.options().issuer_id,
              anchors,
              key,
              *database,
              *ledger,
              *coin_store,
              denominations,
              terminals,
              check_pool,
              options.check_threads,
              host.clock(),
              metrics},
        stops("deposit-stops", ms(options.sweep_interval_ms), host.metrics(),
              [this](const std::stop_token& stop) {
                return confirm_stops(parts, *withdrawal, stop);
              }),
        deposits(parts, options.max_batch, [this] { stops.notify(); }),
        authorizations(parts,
                       {.hold_ms = options.hold_ms,
                        .threads = options.authorize_threads,
                        .limits = {.capacity = host.options().queue_capacity,
                                   .bytes = size_t{host.options().queue_mebibytes} << 20,
                                   .wait = ms(host.options().queue_wait_ms)}},
                       host.metrics()),
        sweeper(parts, deposits, ms(options.sweep_after_ms)) {}

  // Once the denominations are loaded.
  void start_background(const DepositOptions& options, platform::Metrics& metrics) {
    refresher.emplace("deposit-denominations", ms(options.refresh_interval_ms), metrics,
                      [this](const std::stop_token&) { return denominations.refresh(); });
    sweeping.emplace("deposit-sweeper", ms(options.sweep_interval_ms), metrics,
                     [this](const std::stop_token& stop) { return sweeper.sweep(stop); });
  }

  static absl::Duration ms(uint32_t value) { return absl::Milliseconds(value); }

  const protocol::TrustAnchors anchors;
  const storage::OnlineKey key;
  const std::unique_ptr<storage::Database> database;
  const std::unique_ptr<storage::Ledger> ledger = storage::make_postgres_ledger();
  const std::unique_ptr<CoinStore> coin_store;
  const std::unique_ptr<Withdrawal> withdrawal;

  Denominations denominations;
  TerminalOpener terminals;
  DepositMetrics metrics;
  platform::WorkPool check_pool;
  const DepositParts parts;
  BackgroundWorker stops;
  DepositFlow deposits;
  AuthorizeFlow authorizations;
  Sweeper sweeper;
  std::optional<BackgroundWorker> refresher;
  std::optional<BackgroundWorker> sweeping;
};

absl::StatusOr<std::unique_ptr<DepositApp>> DepositApp::create(ServiceHost& host,
                                                               const DepositOptions& options) {
  const platform::ServiceOptions& service = host.options();
  CAFE_ASSIGN_OR_RETURN(protocol::TrustAnchors anchors, storage::load_trust(options.trust));
  CAFE_ASSIGN_OR_RETURN(const protocol::Point master_key, anchors.master_key(service.issuer_id));
  CAFE_ASSIGN_OR_RETURN(
      storage::OnlineKey key,
      storage::load_online_key(options.signing_key, protocol::kPurposeDeposit, anchors));
  if (key.opened.issuer_id != service.issuer_id) {
    return protocol::invalid("WRONG_ISSUER", "--signing-key is another issuer's.");
  }
  CAFE_ASSIGN_OR_RETURN(
      std::unique_ptr<storage::Database> database,
      storage::Database::open(
          {.url = service.database_url,
           // Requests, both queues of authorizations, the sweeper, the refresher, the stops.
           .pool_size = static_cast<int>(service.workers + 2 * options.authorize_threads + 3),
           .application_name = "cafe-deposit",
           .settings = storage::kByKey}));
  CAFE_ASSIGN_OR_RETURN(auto doublespend,
                        platform::connect(options.doublespend, "doublespend", service.tls));
  CAFE_ASSIGN_OR_RETURN(auto withdrawal,
                        platform::connect(options.withdrawal, "withdrawal", service.tls));
  auto app = std::make_unique<DepositApp>(
      host, options,
      Loaded{std::move(anchors), master_key, std::move(key), std::move(database),
             std::move(doublespend), std::move(withdrawal)});
  CAFE_RETURN_IF_ERROR(app->denominations.load());
  app->start_background(options, host.metrics());
  return app;
}

}  // namespace

absl::Status set_up(ServiceHost& host, const DepositOptions& options) {
  CAFE_RETURN_IF_ERROR(check_options(host, options));
  CAFE_ASSIGN_OR_RETURN(auto created, DepositApp::create(host, options));
  DepositApp& app = host.own(std::move(created));
  host.serve(std::make_unique<DepositService>(host.runtime(), app.parts, app.deposits,
                                              app.authorizations));
  return absl::OkStatus();
}

}  // namespace cafe::deposit
