// Works through the cases: evidence, signature, the account's closing. Every step can be done
// again, so a crash anywhere only delays a case.
#pragma once

#include <stop_token>

#include "libs/platform/clock.h"
#include "libs/platform/metrics.h"
#include "services/doublespend/evidence.h"

namespace cafe::doublespend {

class CaseWorker {
 public:
  // All must outlive the worker. Series: cafe_coinstore_cases{state},
  // cafe_coinstore_alarms_total{reason}.
  CaseWorker(CaseStore& store, CaseBench bench, const platform::Clock& clock,
             platform::Metrics& metrics)
      : store_(store), bench_(bench), clock_(clock), metrics_(metrics) {}

  // Works on all cases that are due; one thread at a time. Returns the first error of the store;
  // what a peer fails at is noted in its case and tried again later.
  absl::Status run(const std::stop_token& stop);

 private:
  absl::Status work_on(const DueCase& due);
  absl::Status prove(const DueCase& open_case);
  absl::Status raise_alarm(const DueCase& open_case, const Alarm& alarm);
  absl::Status close_account(uint64_t number, protocol::ByteView signed_case);
  absl::Status put_off(uint64_t number, const absl::Status& why);
  absl::Status count_cases();

  CaseStore& store_;
  const CaseBench bench_;
  const platform::Clock& clock_;
  platform::Metrics& metrics_;
  bool counts_are_stale_ = true;
};

}  // namespace cafe::doublespend
