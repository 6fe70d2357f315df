#include "loadtest/verdict.h"

#include "absl/strings/str_format.h"

namespace cafe::loadtest {

std::vector<std::string> faults(const RunResult& run) {
  std::vector<std::string> out;
  uint64_t failed = 0;
  for (const Second& second : run.series) failed += second.failed.requests;
  if (failed > 0) {
    std::string most = "in the warm-up";
    uint64_t count = 0;
    for (const auto& [reason, times] : run.tally.reasons) {
      if (times > count) most = reason, count = times;
    }
    out.push_back(absl::StrFormat("%d requests failed (%s)", failed, most));
  }
  if (run.tally.unanswered.requests > 0 && !run.stopped)
    out.push_back(absl::StrFormat("%d requests had no answer", run.tally.unanswered.requests));
  if (run.tally.not_started.requests > 0) {
    out.push_back(absl::StrFormat("%d requests were not started: too many were in flight",
                                  run.tally.not_started.requests));
  }
  return out;
}

std::vector<std::string> shortfalls(const RunResult& run, const Limits& limits) {
  std::vector<std::string> out = faults(run);
  if (limits.p99_ms > 0 && run.p99_ms() > limits.p99_ms) {
    out.push_back(absl::StrFormat("p99 is %.1f ms, above %.1f ms", run.p99_ms(), limits.p99_ms));
  }
  if (run.refused_share() > limits.refused_share) {
    out.push_back(
        absl::StrFormat("%.2f %% of the requests were refused", run.refused_share() * 100));
  }
  if (static_cast<double>(run.tally.done.requests + 1) <
      limits.done_share * static_cast<double>(run.tally.due.requests)) {
    out.push_back(absl::StrFormat("only %.0f of %.0f items/s were done", run.done_per_s(),
                                  run.offered_per_s()));
  }
  return out;
}

}  // namespace cafe::loadtest
