#include "services/recovery/metrics.h"

#include "services/recovery/claim_store.h"

namespace cafe::recovery {

RecoveryMetrics::RecoveryMetrics(platform::Metrics& metrics)
    : steps_failed(metrics.counter("cafe_recovery_steps_failed_total",
                                   "Steps of claims that have to be tried again.")),
      key_seconds_left(metrics.gauge("cafe_recovery_key_seconds_left",
                                     "Seconds until the certificate of the signing key ends; "
                                     "nothing is signed after it.")),
      coins_overdrawn(metrics.counter(
          "cafe_recovery_coins_overdrawn_total",
          "Attempts to draw more coins than were issued: a key is compromised. Alarm.")),
      metrics_(metrics) {}

void RecoveryMetrics::filed(std::string_view kind) {
  metrics_
      .counter("cafe_recovery_claims_filed_total", "Claims that were taken, by kind.",
               {{"kind", std::string(kind)}})
      .Increment();
}

void RecoveryMetrics::refused(std::string_view reason) {
  metrics_
      .counter("cafe_recovery_claims_refused_total", "Claims that were refused, by reason.",
               {{"reason", std::string(reason)}})
      .Increment();
}

void RecoveryMetrics::credited(std::span<const protocol::ClaimTotal> totals) {
  for (const protocol::ClaimTotal& total : totals) {
    metrics_
        .counter("cafe_recovery_credited_total", "Minor units credited to claimants.",
                 {{"currency", total.currency}})
        .Increment(static_cast<double>(total.credited));
  }
}

void RecoveryMetrics::deducted(std::span<const Deducted> deducted) {
  for (const Deducted& each : deducted) {
    if (each.deduction.code == protocol::Deduction::Code::kPaidAfter) {
      metrics_
          .counter("cafe_recovery_paid_after_total",
                   "Slots that were paid with after they were claimed.")
          .Increment();
    }
    if (!each.deduction.charged) continue;
    metrics_
        .counter("cafe_recovery_charged_total",
                 "Minor units charged to claimants for payments that came after the credit.",
                 {{"currency", each.currency}})
        .Increment(static_cast<double>(each.deduction.value));
    metrics_
        .counter("cafe_recovery_uncollected_total",
                 "Minor units of charges that the claimants' accounts did not hold.",
                 {{"currency", each.currency}})
        .Increment(static_cast<double>(each.uncollected));
  }
}

void RecoveryMetrics::cheques_overdrawn(std::string_view currency, uint64_t amount) {
  metrics_
      .counter("cafe_recovery_cheques_overdrawn_total",
               "Minor units claimed of cheques beyond what guardians were loaded with. Alarm.",
               {{"currency", std::string(currency)}})
      .Increment(static_cast<double>(amount));
}

void RecoveryMetrics::count(const std::array<uint64_t, 4>& claims) {
  for (size_t i = 0; i < claims.size(); ++i) {
    metrics_
        .gauge("cafe_recovery_claims", "Claims by state.",
               {{"state", std::string(stage_name(static_cast<Stage>(i)))}})
        .Set(static_cast<double>(claims[i]));
  }
}

}  // namespace cafe::recovery
