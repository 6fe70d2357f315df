#include "services/doublespend/case_worker.h"

#include <variant>

#include "absl/strings/str_cat.h"
#include "libs/platform/failpoint.h"
#include "libs/platform/log.h"

namespace cafe::doublespend {
namespace {

using platform::log_error;
using platform::log_info;
using platform::log_warning;

constexpr int kCasesAtOnce = 16;

}  // namespace

absl::Status CaseWorker::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    CAFE_ASSIGN_OR_RETURN(const std::vector<DueCase> due,
                          store_.take_due(platform::unix_ms(clock_), kCasesAtOnce));
    if (due.empty()) break;
    counts_are_stale_ = true;
    for (const DueCase& one : due) {
      if (stop.stop_requested()) break;
      CAFE_RETURN_IF_ERROR(work_on(one));
    }
  }
  return counts_are_stale_ ? count_cases() : absl::OkStatus();
}

absl::Status CaseWorker::work_on(const DueCase& due) {
  if (due.summary.state == "proved") {
    return close_account(due.summary.number, due.signed_case);
  }
  return prove(due);
}

absl::Status CaseWorker::prove(const DueCase& open_case) {
  const uint64_t number = open_case.summary.number;
  const absl::StatusOr<Finding> finding = investigate(open_case, bench_);
  if (!finding.ok()) return put_off(number, finding.status());
  if (const auto* alarm = std::get_if<Alarm>(&*finding)) return raise_alarm(open_case, *alarm);

  const Proof& proof = std::get<Proof>(*finding);
  CAFE_RETURN_IF_ERROR(platform::failpoint("doublespend/case-before-store"));
  CAFE_ASSIGN_OR_RETURN(const bool first,
                        store_.store_proof(number, proof.account, proof.signed_case));
  CAFE_RETURN_IF_ERROR(platform::failpoint("doublespend/case-after-store"));
  log_info("case proved", {{"case", number}, {"account", proof.account.hex()}, {"first", first}});
  // Only the first proves anything: from then on the issuer knows the secret.
  return first ? close_account(number, proof.signed_case) : absl::OkStatus();
}

absl::Status CaseWorker::raise_alarm(const DueCase& open_case, const Alarm& alarm) {
  CAFE_RETURN_IF_ERROR(store_.raise_alarm(open_case.summary.number, alarm.note));
  metrics_
      .counter("cafe_coinstore_alarms_total", "Cases that people have to look at.",
               {{"reason", alarm.reason}})
      .Increment();
  log_error("case raises an alarm", {{"case", open_case.summary.number}, {"note", alarm.note}});
  return absl::OkStatus();
}

absl::Status CaseWorker::close_account(uint64_t number, protocol::ByteView signed_case) {
  const absl::Status closed = bench_.peers.close_account(signed_case);
  if (!closed.ok()) return put_off(number, closed);
  CAFE_RETURN_IF_ERROR(store_.mark_closed(number, platform::unix_ms(clock_)));
  log_info("account closed", {{"case", number}});
  return absl::OkStatus();
}

absl::Status CaseWorker::put_off(uint64_t number, const absl::Status& why) {
  log_warning("case is put off", {{"case", number}, {"why", why}});
  return store_.set_note(number,
                         absl::StrCat(protocol::reason_of(why), ": ", std::string(why.message())));
}

absl::Status CaseWorker::count_cases() {
  CAFE_ASSIGN_OR_RETURN(const auto counts, store_.count_by_state());
  for (const auto& [state, count] : counts) {
    metrics_.gauge("cafe_coinstore_cases", "Cases by state.", {{"state", state}})
        .Set(static_cast<double>(count));
  }
  counts_are_stale_ = false;
  return absl::OkStatus();
}

}  // namespace cafe::doublespend
