#include "services/withdrawal/issuer.h"

#include "absl/time/time.h"

namespace cafe::withdrawal {
namespace {

platform::Counter& order_counter(platform::Metrics& metrics, const std::string& outcome) {
  return metrics.counter("cafe_withdrawal_orders_total", "Orders by what became of them.",
                         {{"outcome", outcome}});
}

platform::Counter& load_counter(platform::Metrics& metrics, const std::string& outcome) {
  return metrics.counter("cafe_withdrawal_loads_total",
                         "Loads of guardians by what became of them.", {{"outcome", outcome}});
}

platform::Counter& loss_counter(platform::Metrics& metrics, const std::string& authority) {
  return metrics.counter("cafe_withdrawal_losses_total",
                         "Accounts reported lost, by the account's key or the operator's word.",
                         {{"authority", authority}});
}

platform::Counter& replacement_counter(platform::Metrics& metrics, const std::string& authority) {
  return metrics.counter("cafe_withdrawal_replacements_total",
                         "Lost accounts that got a successor.", {{"authority", authority}});
}

std::unique_ptr<storage::RateLimiter> limiter(const std::string& name, int64_t calls,
                                              storage::Cache* cache, const platform::Clock& clock) {
  if (calls == 0) return nullptr;
  return std::make_unique<storage::RateLimiter>(
      storage::RateLimit{.name = name, .calls = calls, .window = std::chrono::minutes(1)}, cache,
      [&clock] { return absl::ToChronoTime(clock.now()); });
}

absl::Status admit(storage::RateLimiter* limiter, std::string_view key) {
  if (limiter == nullptr || limiter->allow(key)) return absl::OkStatus();
  return protocol::make_error(absl::StatusCode::kResourceExhausted, "RATE_LIMITED",
                              "Too many calls within a minute: wait a minute and try again.");
}

}  // namespace

OrderMetrics::OrderMetrics(platform::Metrics& metrics)
    : opened(order_counter(metrics, "opened")),
      completed(order_counter(metrics, "completed")),
      repeated(order_counter(metrics, "repeated")),
      voided(order_counter(metrics, "voided")),
      registered(metrics.counter("cafe_withdrawal_registrations_total", "Accounts registered.")),
      metrics_(metrics) {}

void OrderMetrics::issued(const protocol::Denomination& denomination, const protocol::DenomId& id,
                          uint32_t count, uint64_t value) {
  metrics_
      .counter("cafe_withdrawal_coins_issued_total", "Coins issued, by denomination.",
               {{"denomination", id.hex().substr(0, 16)}, {"currency", denomination.currency}})
      .Increment(count);
  metrics_
      .counter("cafe_withdrawal_value_issued_total", "Value issued, in minor units.",
               {{"currency", denomination.currency}})
      .Increment(static_cast<double>(value));
}

LoadMetrics::LoadMetrics(platform::Metrics& metrics)
    : repeated(load_counter(metrics, "repeated")),
      loaded_(load_counter(metrics, "loaded")),
      metrics_(metrics) {}

void LoadMetrics::count(const std::string& currency, uint64_t amount) {
  loaded_.Increment();
  metrics_
      .counter("cafe_withdrawal_value_loaded_total",
               "Value that guardians were loaded with, in minor units.", {{"currency", currency}})
      .Increment(static_cast<double>(amount));
}

LossMetrics::LossMetrics(platform::Metrics& metrics)
    : lost_by_key_(loss_counter(metrics, "key")),
      lost_by_operator_(loss_counter(metrics, "operator")),
      replaced_by_key_(replacement_counter(metrics, "key")),
      replaced_by_operator_(replacement_counter(metrics, "operator")),
      metrics_(metrics) {}

void LossMetrics::moved(const std::string& currency, uint64_t amount) {
  metrics_
      .counter("cafe_withdrawal_value_moved_total",
               "What was moved from lost accounts to their successors, in minor units.",
               {{"currency", currency}})
      .Increment(static_cast<double>(amount));
}

absl::StatusOr<std::unique_ptr<Issuer>> Issuer::create(
    IssuerKeys keys, const CallLimits& limits, storage::Database& db, storage::Cache* cache,
    const platform::Clock& clock, protocol::Rng& rng, platform::Metrics& metrics, bool production) {
  const std::string& id = keys.denominations.issuer_id;
  CAFE_ASSIGN_OR_RETURN(const protocol::Point master_key, keys.anchors.master_key(id));
  for (const auto& [what, of] : {std::pair("signing", &keys.signing.opened.issuer_id),
                                 std::pair("load", &keys.load.opened.issuer_id)}) {
    if (*of == id) continue;
    return protocol::refused("WRONG_ISSUER", "The denomination keys are of " + id + ", the " +
                                                 what + " key is of " + *of + ".");
  }
  // Judged at the start, and of losses and replacements whenever one is signed: else a service that
  // runs goes on, wallets judge the certificate.
  CAFE_RETURN_IF_ERROR(protocol::open_key_certificate(keys.signing.certificate, keys.anchors,
                                                      protocol::kPurposeWithdrawal,
                                                      platform::unix_seconds(clock))
                           .status());
  return std::unique_ptr<Issuer>(
      new Issuer(std::move(keys), limits, master_key, db, cache, clock, rng, metrics, production));
}

Issuer::Issuer(IssuerKeys keys_in, const CallLimits& limits, const protocol::Point& master_key,
               storage::Database& db_in, storage::Cache* cache, const platform::Clock& clock_in,
               protocol::Rng& rng_in, platform::Metrics& metrics_in, bool production)
    : keys(std::move(keys_in)),
      secret(keys.denominations.seed),
      nonces(keys.denominations.issuer_id, keys.denominations.seed),
      db(db_in),
      accounts(db_in),
      ledger(storage::make_postgres_ledger()),
      clock(clock_in),
      rng(rng_in),
      lists(master_key, keys.denominations, clock_in, metrics_in, production),
      metrics(metrics_in),
      load_metrics(metrics_in),
      loss_metrics(metrics_in),
      blank_cheque_cap(limits.blank_cheque_cap),
      peers_(limiter("withdrawal-peer", limits.registrations_per_minute, cache, clock_in)),
      accounts_(limiter("withdrawal-account", limits.orders_per_minute, cache, clock_in)) {}

absl::Status Issuer::check_own(std::string_view issuer_id) const {
  if (issuer_id == id()) return absl::OkStatus();
  return protocol::invalid("WRONG_ISSUER", "This is " + id() +
                                               ", but the document is for another "
                                               "issuer: send it there.");
}

absl::Status Issuer::admit_peer(std::string_view address) { return admit(peers_.get(), address); }

absl::Status Issuer::admit_account(const protocol::AccountId& account) {
  return admit(accounts_.get(), account.hex());
}

}  // namespace cafe::withdrawal
