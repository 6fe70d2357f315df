#include "services/deposit/metrics.h"

#include <map>
#include <string_view>

namespace cafe::deposit {

DepositMetrics::DepositMetrics(platform::Metrics& metrics)
    : swept(metrics.counter("cafe_deposit_swept_total", "Batches by the sweeper, by outcome.",
                            {{"outcome", "finished"}})),
      sweep_failed(metrics.counter("cafe_deposit_swept_total",
                                   "Batches by the sweeper, by outcome.", {{"outcome", "failed"}})),
      overdrawn(metrics.counter("cafe_deposit_denominations_overdrawn_total",
                                "Denominations of which more was deposited than issued. Alarm.")),
      unacknowledged(metrics.gauge("cafe_deposit_stops_unacknowledged",
                                   "Denominations that withdrawal has yet to stop.")),
      metrics_(metrics) {}

void DepositMetrics::settled(const protocol::Receipt& receipt) {
  // Summed first: finding a series costs more than all else that is done for a payment here.
  std::map<protocol::VerdictCode, double> payments;
  std::map<std::string_view, double> credited;
  for (const protocol::PaymentVerdict& verdict : receipt.verdicts) {
    ++payments[verdict.code];
    if (verdict.credited > 0) {
      credited[verdict.currency] += static_cast<double>(verdict.credited);
    }
  }
  for (const auto& [code, count] : payments) {
    metrics_
        .counter("cafe_deposit_payments_total", "Payments by verdict.",
                 {{"verdict", std::string(verdict_name(code))}})
        .Increment(count);
  }
  for (const auto& [currency, amount] : credited) {
    metrics_
        .counter("cafe_deposit_credited_total", "Minor units credited to payees.",
                 {{"currency", std::string(currency)}})
        .Increment(amount);
  }
}

void DepositMetrics::took(std::string_view step, absl::Duration duration) {
  metrics_
      .histogram("cafe_deposit_step_seconds", "Time of a batch's steps.",
                 {{"step", std::string(step)}})
      .Observe(absl::ToDoubleSeconds(duration));
}

void DepositMetrics::cheques_overdrawn(std::string_view currency, uint64_t amount) {
  metrics_
      .counter("cafe_deposit_cheques_overdrawn_total",
               "Minor units deposited by cheques beyond what guardians were loaded with. Alarm.",
               {{"currency", std::string(currency)}})
      .Increment(static_cast<double>(amount));
}

void DepositMetrics::authorized(const protocol::Authorization& authorization) {
  metrics_
      .counter("cafe_deposit_authorizations_total", "Authorizations by outcome.",
               {{"outcome", authorization.granted ? "granted" : authorization.reason}})
      .Increment();
}

}  // namespace cafe::deposit
