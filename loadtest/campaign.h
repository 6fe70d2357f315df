// Which runs a load test consists of: one rate, several, a search for the highest sustained rate,
// or the curve around it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "loadtest/results.h"
#include "loadtest/verdict.h"

namespace cafe::loadtest {

struct CampaignOptions {
  // Items/s: one run each; with find_rate, the rates to run after the search. One rate alone must
  // keep the limits, where there are any; several are a curve, on which only faults() fail.
  std::vector<double> rates{};
  bool find_rate = false;
  // Runs at kSweepShares of the sustained rate: what find_rate found, else the first of `rates`.
  // Overload may be refused there, but faults() fail.
  bool sweep = false;
  Limits limits{};
  double start_rate = 1'000;  // where the search begins
  double resolution = 0.03;
  double measure_s = 30;
  double warmup_s = 5;
  // Of the short runs of search and sweep.
  double step_s = 8;
  double step_warmup_s = 2;
};

inline constexpr double kSweepShares[] = {0.1, 0.25, 0.5, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0};

struct Campaign {
  std::vector<RunResult> runs;
  double sustained_per_s = 0;      // confirmed by a long run; 0: not looked for, or none
  std::vector<std::string> wrong;  // why the test fails, a sentence each
};

struct RunRequest {
  std::string purpose;
  double items_per_s;
  double warmup_s;
  double measure_s;
};
// Carries out one run. After a run with `stopped` no other is asked for.
using Runner = std::function<absl::StatusOr<RunResult>(const RunRequest&)>;

// A rate that a search found in short steps must hold in a run of full length; where it does not,
// 5 % less is tried, at most kMostConfirmations times. Errors are those of the runner.
inline constexpr int kMostConfirmations = 6;
absl::StatusOr<Campaign> run_campaign(const CampaignOptions& options, const Runner& runner);

}  // namespace cafe::loadtest
