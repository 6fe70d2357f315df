// The series of the deposit service.
#pragma once

#include <string>
#include <string_view>

#include "libs/platform/metrics.h"
#include "libs/protocol/deposit.h"

namespace cafe::deposit {

class DepositMetrics {
 public:
  explicit DepositMetrics(platform::Metrics& metrics);

  // A receipt was signed: cafe_deposit_payments_total{verdict} and
  // cafe_deposit_credited_total{currency} (minor units).
  void settled(const protocol::Receipt& receipt);
  // cafe_deposit_step_seconds{step}: check, store, record, credit.
  void took(std::string_view step, absl::Duration duration);
  // cafe_deposit_authorizations_total{outcome}: granted, or the reason.
  void authorized(const protocol::Authorization& authorization);

  // Minor units that were deposited by cheques beyond what guardians were loaded with.
  void cheques_overdrawn(std::string_view currency, uint64_t amount);

  platform::Counter& swept;         // batches that the sweeper finished
  platform::Counter& sweep_failed;  // and those that it could not finish yet
  platform::Counter& overdrawn;     // denominations stopped: their key is compromised
  platform::Gauge& unacknowledged;  // stops that withdrawal has not confirmed yet

 private:
  platform::Metrics& metrics_;
};

}  // namespace cafe::deposit
