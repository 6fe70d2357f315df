// The series of the recovery service.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>

#include "libs/platform/metrics.h"
#include "services/recovery/settle.h"

namespace cafe::recovery {

class RecoveryMetrics {
 public:
  explicit RecoveryMetrics(platform::Metrics& metrics);

  // cafe_recovery_claims_filed_total{kind}
  void filed(std::string_view kind);
  // cafe_recovery_claims_refused_total{reason}
  void refused(std::string_view reason);
  // cafe_recovery_credited_total{currency}: minor units.
  void credited(std::span<const protocol::ClaimTotal> totals);
  // cafe_recovery_paid_after_total: slots paid with after they were claimed; of charges also
  // cafe_recovery_charged_total{currency}, cafe_recovery_uncollected_total{currency}: minor units.
  void deducted(std::span<const Deducted> deducted);
  // cafe_recovery_cheques_overdrawn_total{currency}: minor units that cheques claimed beyond what
  // guardians were loaded with. Alarm.
  void cheques_overdrawn(std::string_view currency, uint64_t amount);
  // cafe_recovery_claims{state}, in the order of Stage.
  void count(const std::array<uint64_t, 4>& claims);

  platform::Counter& steps_failed;  // steps of claims that the worker has to try again
  // cafe_recovery_key_seconds_left: until the signing key's certificate ends; negative after it.
  platform::Gauge& key_seconds_left;
  // Final claims that hold more coins than were issued: the denomination's key is compromised.
  platform::Counter& coins_overdrawn;

 private:
  platform::Metrics& metrics_;
};

}  // namespace cafe::recovery
