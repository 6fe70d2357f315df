#include "loadtest/campaign.h"

#include "absl/strings/str_format.h"
#include "libs/protocol/status.h"
#include "loadtest/rate_search.h"

namespace cafe::loadtest {

namespace {

class CampaignRun {
 public:
  CampaignRun(const CampaignOptions& options, const Runner& runner)
      : options_(options), runner_(runner) {}

  absl::StatusOr<Campaign> run() {
    if (options_.find_rate) CAFE_RETURN_IF_ERROR(search());
    for (const double rate : options_.rates) CAFE_RETURN_IF_ERROR(chosen(rate));
    if (options_.sweep) CAFE_RETURN_IF_ERROR(sweep());
    if (stopped()) campaign_.wrong.emplace_back("the load was stopped before its end");
    return std::move(campaign_);
  }

 private:
  bool stopped() const { return !campaign_.runs.empty() && campaign_.runs.back().stopped; }

  // Whether the rate was sustained; false also when stopped.
  absl::StatusOr<bool> try_rate(const RunRequest& request) {
    if (stopped()) return false;
    CAFE_ASSIGN_OR_RETURN(RunResult result, runner_(request));
    campaign_.runs.push_back(std::move(result));
    return !stopped() && shortfalls(campaign_.runs.back(), options_.limits).empty();
  }

  RunRequest step(const char* purpose, double rate) const {
    return {purpose, rate, options_.step_warmup_s, options_.step_s};
  }
  RunRequest full(const char* purpose, double rate) const {
    return {purpose, rate, options_.warmup_s, options_.measure_s};
  }

  absl::Status search() {
    RateSearch search(options_.start_rate, options_.resolution);
    for (auto rate = search.next(); rate && !stopped(); rate = search.next()) {
      CAFE_ASSIGN_OR_RETURN(const bool sustained, try_rate(step("search", *rate)));
      search.report(sustained);
    }
    double rate = search.best();
    for (int i = 0; i < kMostConfirmations && rate > 0 && !stopped(); ++i, rate *= 0.95) {
      CAFE_ASSIGN_OR_RETURN(const bool sustained, try_rate(full("confirm", rate)));
      if (!sustained) continue;
      campaign_.sustained_per_s = rate;
      return absl::OkStatus();
    }
    campaign_.wrong.emplace_back("no rate was sustained within the limits");
    return absl::OkStatus();
  }

  void add_wrong(const std::vector<std::string>& wrong) {
    const RunShape& shape = campaign_.runs.back().shape;
    for (const std::string& each : wrong) {
      campaign_.wrong.push_back(
          absl::StrFormat("at %.0f/s: %s", shape.requests_per_s * shape.items_per_request, each));
    }
  }

  absl::Status chosen(double rate) {
    if (stopped()) return absl::OkStatus();
    CAFE_RETURN_IF_ERROR(try_rate(full("rate", rate)).status());
    // Several rates are a curve, which may go above the limits; nothing may fail on it.
    const bool limited = options_.limits.p99_ms > 0 && options_.rates.size() == 1;
    add_wrong(limited ? shortfalls(campaign_.runs.back(), options_.limits)
                      : faults(campaign_.runs.back()));
    return absl::OkStatus();
  }

  absl::Status sweep() {
    double base = campaign_.sustained_per_s;
    if (base == 0 && !options_.find_rate && !options_.rates.empty()) base = options_.rates.front();
    for (const double share : kSweepShares) {
      if (base == 0 || stopped()) break;
      CAFE_RETURN_IF_ERROR(try_rate(step("sweep", base * share)).status());
      add_wrong(faults(campaign_.runs.back()));
    }
    return absl::OkStatus();
  }

  const CampaignOptions& options_;
  const Runner& runner_;
  Campaign campaign_;
};

}  // namespace

absl::StatusOr<Campaign> run_campaign(const CampaignOptions& options, const Runner& runner) {
  return CampaignRun(options, runner).run();
}

}  // namespace cafe::loadtest
