#include "services/recovery/wiring.h"

#include "libs/platform/background.h"
#include "libs/platform/client.h"
#include "libs/platform/log.h"
#include "libs/storage/redis.h"
#include "libs/storage/session_settings.h"
#include "services/recovery/ahead_clock.h"
#include "services/recovery/claims_worker.h"
#include "services/recovery/grpc_peers.h"
#include "services/recovery/recovery_service.h"

namespace cafe::recovery {
namespace {

using platform::BackgroundWorker;
using platform::ServiceHost;

constexpr uint64_t kDay_s = 86400;
constexpr uint64_t kYear_s = 366 * kDay_s;

absl::Status check_options(const ServiceHost& host, const RecoveryOptions& options) {
  const auto wrong = [](std::string_view what) { return protocol::invalid("BAD_OPTION", what); };
  const platform::ServiceOptions& service = host.options();
  if (service.issuer_id.empty()) return wrong("--issuer-id is missing.");
  if (service.database_url.empty()) return wrong("--database-url is missing.");
  if (options.clock_ahead_s > 0 && service.production) {
    return wrong("--clock-ahead-s is for tests: claims would be credited too early.");
  }
  for (const uint64_t s : {options.holding_time_s, options.settlement_period_s}) {
    if (s > kYear_s) return wrong("--holding-time-s and --settlement-period-s are a year at most.");
  }
  // Until then acquirers hand in what they took in before the deadline; of what is final sooner,
  // the issuer would pay twice.
  if (service.production && options.settlement_period_s < kDay_s) {
    return wrong("--settlement-period-s is a day at least.");
  }
  if (options.clock_ahead_s > 100 * kYear_s) return wrong("--clock-ahead-s is 100 years at most.");
  for (const uint32_t ms :
       {options.claim_interval_ms, options.refresh_interval_ms, options.peer_timeout_ms}) {
    if (ms == 0) return wrong("Intervals and timeouts are at least 1 ms.");
  }
  return absl::OkStatus();
}

absl::Duration ms(uint32_t value) { return absl::Milliseconds(value); }

// Everything that the service is made of, in the order in which it is built; it goes in the reverse
// order, so background work ends before what it works with.
struct RecoveryApp {
  static absl::StatusOr<std::unique_ptr<RecoveryApp>> create(ServiceHost& host,
                                                             const RecoveryOptions& options);

  // What can fail to be had.
  struct Loaded {
    protocol::TrustAnchors anchors;
    protocol::Point master_key;
    storage::OnlineKey key;
    std::unique_ptr<storage::Database> database;
    std::unique_ptr<storage::Cache> cache;  // may be null
    std::shared_ptr<grpc::Channel> withdrawal, doublespend, deposit;
  };

  RecoveryApp(ServiceHost& host, const RecoveryOptions& options, Loaded loaded)
      : clock(host.clock(), absl::Seconds(options.clock_ahead_s)),
        anchors(std::move(loaded.anchors)),
        key(std::move(loaded.key)),
        database(std::move(loaded.database)),
        cache(std::move(loaded.cache)),
        withdrawal(make_withdrawal(loaded.withdrawal, ms(options.peer_timeout_ms))),
        coin_store(make_coin_store(loaded.doublespend, ms(options.peer_timeout_ms))),
        deposit(make_deposit(loaded.deposit, ms(options.peer_timeout_ms))),
        denominations(host.options().issuer_id, loaded.master_key, *withdrawal, clock,
                      host.metrics(), host.options().production),
        metrics(host.metrics()),
        parts{.issuer_id = host.options().issuer_id,
              .anchors = anchors,
              .key = key,
              .database = *database,
              .ledger = *ledger,
              .withdrawal = *withdrawal,
              .coin_store = *coin_store,
              .deposit = *deposit,
              .denominations = denominations,
              .periods = {.holding_ms = options.holding_time_s * 1000,
                          .settlement_ms = options.settlement_period_s * 1000},
              .claim_interval_ms = options.claim_interval_ms,
              .clock = clock,
              .ahead_ms = options.clock_ahead_s * 1000,
              .metrics = metrics} {
    if (options.calls_per_minute > 0) {
      limit.emplace(storage::RateLimit{.name = "recovery",
                                       .calls = options.calls_per_minute,
                                       .window = std::chrono::minutes(1)},
                    cache.get(), [this] { return absl::ToChronoTime(clock.now()); });
    }
    refresher.emplace("recovery-denominations", ms(options.refresh_interval_ms), host.metrics(),
                      [this](const std::stop_token&) { return denominations.refresh(); });
    worker.emplace("recovery-claims", ms(options.claim_interval_ms), host.metrics(),
                   [this](const std::stop_token& stop) { return advance_due_claims(parts, stop); });
  }

  const AheadClock clock;
  const protocol::TrustAnchors anchors;
  const storage::OnlineKey key;
  const std::unique_ptr<storage::Database> database;
  const std::unique_ptr<storage::Cache> cache;
  const std::unique_ptr<storage::Ledger> ledger = storage::make_postgres_ledger();
  const std::unique_ptr<Withdrawal> withdrawal;
  const std::unique_ptr<CoinStore> coin_store;
  const std::unique_ptr<Deposit> deposit;
  Denominations denominations;
  RecoveryMetrics metrics;
  const RecoveryParts parts;
  std::optional<storage::RateLimiter> limit;
  std::optional<BackgroundWorker> refresher;
  std::optional<BackgroundWorker> worker;
};

absl::StatusOr<std::unique_ptr<storage::Cache>> open_cache(const std::string& url, int pool_size) {
  if (url.empty()) return nullptr;
  CAFE_ASSIGN_OR_RETURN(const std::string address, storage::redis_address(url));
  return std::make_unique<storage::RedisCache>(
      storage::RedisOptions{.address = address, .password = {}, .pool_size = pool_size});
}

absl::StatusOr<std::unique_ptr<RecoveryApp>> RecoveryApp::create(ServiceHost& host,
                                                                 const RecoveryOptions& options) {
  const platform::ServiceOptions& service = host.options();
  CAFE_ASSIGN_OR_RETURN(protocol::TrustAnchors anchors, storage::load_trust(options.trust));
  CAFE_ASSIGN_OR_RETURN(const protocol::Point master_key, anchors.master_key(service.issuer_id));
  CAFE_ASSIGN_OR_RETURN(
      storage::OnlineKey key,
      storage::load_online_key(options.signing_key, protocol::kPurposeRecovery, anchors));
  if (key.opened.issuer_id != service.issuer_id) {
    return protocol::invalid("WRONG_ISSUER", "--signing-key is another issuer's.");
  }
  const AheadClock clock(host.clock(), absl::Seconds(options.clock_ahead_s));
  CAFE_RETURN_IF_ERROR(storage::check_validity(key, unix_ms(clock) / 1000));
  // Requests and the worker.
  const auto connections = static_cast<int>(service.workers + 1);
  CAFE_ASSIGN_OR_RETURN(std::unique_ptr<storage::Database> database,
                        storage::Database::open({.url = service.database_url,
                                                 .pool_size = connections,
                                                 .application_name = "cafe-recovery",
                                                 .settings = storage::kByKey}));
  CAFE_ASSIGN_OR_RETURN(std::unique_ptr<storage::Cache> cache,
                        open_cache(service.redis_url, connections));
  CAFE_ASSIGN_OR_RETURN(auto withdrawal,
                        platform::connect(options.withdrawal, "withdrawal", service.tls));
  CAFE_ASSIGN_OR_RETURN(auto doublespend,
                        platform::connect(options.doublespend, "doublespend", service.tls));
  CAFE_ASSIGN_OR_RETURN(auto deposit, platform::connect(options.deposit, "deposit", service.tls));
  return std::make_unique<RecoveryApp>(
      host, options,
      Loaded{std::move(anchors), master_key, std::move(key), std::move(database), std::move(cache),
             std::move(withdrawal), std::move(doublespend), std::move(deposit)});
}

}  // namespace

absl::Status set_up(ServiceHost& host, const RecoveryOptions& options) {
  CAFE_RETURN_IF_ERROR(check_options(host, options));
  CAFE_ASSIGN_OR_RETURN(auto created, RecoveryApp::create(host, options));
  RecoveryApp& app = host.own(std::move(created));
  if (options.clock_ahead_s > 0) {
    platform::log_warning("the clock is ahead: claims are due early",
                          {{"seconds", options.clock_ahead_s}});
  }
  host.serve(std::make_unique<RecoveryService>(host.runtime(), app.parts,
                                               app.limit ? &*app.limit : nullptr));
  return absl::OkStatus();
}

}  // namespace cafe::recovery
