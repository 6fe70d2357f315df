#include "services/doublespend/wiring.h"

#include <chrono>
#include <utility>

#include "libs/platform/background.h"
#include "libs/platform/log.h"
#include "libs/storage/key_files.h"
#include "libs/storage/redis.h"
#include "libs/storage/session_settings.h"
#include "services/doublespend/case_worker.h"
#include "services/doublespend/doublespend_service.h"

namespace cafe::doublespend {
namespace {

using platform::BackgroundWorker;
using platform::ServiceHost;
using std::chrono::milliseconds;

// A new case wakes the worker; the interval only finds those that were put off.
constexpr absl::Duration kCaseInterval = absl::Seconds(1);
constexpr absl::Duration kRetentionInterval = absl::Minutes(1);

absl::StatusOr<storage::Database*> open_database(ServiceHost& host, const Options& options) {
  if (options.database_connections <= options.writers) {
    return protocol::invalid("BAD_OPTION", "--database-connections must be more than --writers.");
  }
  CAFE_ASSIGN_OR_RETURN(
      auto database,
      storage::Database::open({.url = host.options().database_url,
                               .pool_size = static_cast<int>(options.database_connections),
                               .application_name = "cafe-doublespend",
                               .settings = storage::kByKey}));
  return &host.own(std::move(database));
}

// Null: run without one.
absl::StatusOr<storage::Cache*> open_cache(ServiceHost& host) {
  if (host.options().redis_url.empty()) return nullptr;
  CAFE_ASSIGN_OR_RETURN(const std::string address,
                        storage::redis_address(host.options().redis_url));
  return &host.own(std::make_unique<storage::RedisCache>(
      storage::RedisOptions{.address = address, .password = {}}));
}

absl::StatusOr<const storage::OnlineKey*> load_key(ServiceHost& host, const Options& options,
                                                   const protocol::TrustAnchors& trust) {
  CAFE_ASSIGN_OR_RETURN(
      storage::OnlineKey key,
      storage::load_online_key(options.signing_key, protocol::kPurposeCoinstore, trust));
  const std::string& expected = host.options().issuer_id;
  if (!expected.empty() && key.opened.issuer_id != expected) {
    return protocol::invalid(
        "WRONG_ISSUER",
        "--issuer-id is " + expected + ", but --signing-key is of " + key.opened.issuer_id + ".");
  }
  return &host.own(std::make_unique<storage::OnlineKey>(std::move(key)));
}

absl::Status retain(CoinStore& coins) {
  CAFE_RETURN_IF_ERROR(coins.sweep_reservations().status());
  CAFE_ASSIGN_OR_RETURN(const std::vector<std::string> dropped, coins.drop_expired());
  for (const std::string& name : dropped) {
    platform::log_info("partition dropped", {{"partition", name}});
  }
  return absl::OkStatus();
}

// Null: no limit. Of one address.
storage::RateLimiter* make_limit(ServiceHost& host, const char* name, uint32_t calls_per_minute,
                                 storage::Cache* cache) {
  if (calls_per_minute == 0) return nullptr;
  const platform::Clock& clock = host.clock();
  return &host.own(std::make_unique<storage::RateLimiter>(
      storage::RateLimit{
          .name = name, .calls = calls_per_minute, .window = std::chrono::minutes(1)},
      cache, [&clock] { return absl::ToChronoTime(clock.now()); }));
}

}  // namespace

absl::Status set_up(ServiceHost& host, const Options& options) {
  CAFE_ASSIGN_OR_RETURN(auto loaded_trust, storage::load_trust(options.trust));
  const auto& trust = host.own(std::make_unique<protocol::TrustAnchors>(std::move(loaded_trust)));
  CAFE_ASSIGN_OR_RETURN(const storage::OnlineKey* const key, load_key(host, options, trust));
  CAFE_ASSIGN_OR_RETURN(storage::Database* const database, open_database(host, options));
  CAFE_ASSIGN_OR_RETURN(storage::Cache* const cache, open_cache(host));
  CAFE_ASSIGN_OR_RETURN(auto connected_peers,
                        connect_peers(options.withdrawal, options.deposit, host.options().tls));
  CasePeers& peers = host.own(std::move(connected_peers));

  auto& coins = host.own(std::make_unique<CoinStore>(*database, host.clock()));
  auto& cases = host.own(std::make_unique<CaseStore>(*database));
  auto& claims = host.own(std::make_unique<ClaimStore>(*database));
  auto& worker = host.own(std::make_unique<CaseWorker>(
      cases, CaseBench{key->opened.issuer_id, trust, *key, peers}, host.clock(), host.metrics()));
  auto& case_thread = host.own(std::make_unique<BackgroundWorker>(
      "cases", kCaseInterval, host.metrics(),
      [&worker](const std::stop_token& stop) { return worker.run(stop); }));
  host.own(std::make_unique<BackgroundWorker>(
      "retention", kRetentionInterval, host.metrics(),
      [&coins](const std::stop_token&) { return retain(coins); }));

  auto& commits = host.own(std::make_unique<GroupCommit>(
      GroupCommitOptions{.writers = options.writers,
                         .max_rows_per_commit = options.max_rows_per_commit,
                         .max_queued_rows = options.max_queued_rows,
                         .queue_wait = absl::Milliseconds(host.options().queue_wait_ms)},
      coins, host.clock(), host.metrics()));
  const bool cached = options.lookup_cache_ms > 0;
  auto& spent_cache = host.own(std::make_unique<SpentCache>(cached ? cache : nullptr, key->key,
                                                            milliseconds(options.lookup_cache_ms)));
  auto& lookups = host.own(std::make_unique<Lookups>(
      key->opened.issuer_id, *key,
      [&coins](std::span<const protocol::CoinId> ids) { return coins.spent_slots(ids); },
      spent_cache, host.clock()));
  auto& prefixes = host.own(std::make_unique<PrefixLookups>(
      key->opened.issuer_id, *key,
      [&coins](std::span<const protocol::CoinPrefix> asked) { return coins.spent_under(asked); },
      host.clock()));
  const platform::ServiceOptions& service = host.options();
  host.serve(std::make_unique<DoubleSpendService>(
      host.runtime(), host.metrics(),
      ServiceParts{
          .commits = commits,
          .coins = coins,
          .cases = cases,
          .claims = claims,
          .lookups = lookups,
          .prefixes = prefixes,
          .lookup_limit = make_limit(host, "lookup", options.lookups_per_minute, cache),
          .prefix_limit = make_limit(host, "prefix", options.prefix_lookups_per_minute, cache),
          .clock = host.clock(),
          .on_double = [&case_thread] { case_thread.notify(); },
          .limits = {.capacity = service.queue_capacity,
                     .bytes = size_t{service.queue_mebibytes} << 20,
                     .wait = absl::Milliseconds(service.queue_wait_ms)}}));
  return absl::OkStatus();
}

}  // namespace cafe::doublespend
