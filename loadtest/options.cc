#include "loadtest/options.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/protocol/status.h"

namespace cafe::loadtest {

namespace {

absl::Status wrong(std::string_view message) { return protocol::invalid("OPTIONS", message); }

}  // namespace

void add_options(CLI::App& command, Options& options) {
  const auto option = [&](const char* group, const std::string& name, auto& value,
                          const std::string& help) {
    return command.add_option(name, value, help)->capture_default_str()->group(group);
  };
  const char* const load = "Load";
  const char* const results = "Results";
  CampaignOptions& campaign = options.campaign;
  LoadRunnerOptions& runner = options.runner;
  option(load, "--rate", options.rate, "Items/s offered")->check(CLI::PositiveNumber);
  option(load, "--rates", options.rates, "Several rates, one run each: a,b,c")
      ->delimiter(',')
      ->check(CLI::PositiveNumber);
  command
      .add_flag("--find-rate", campaign.find_rate,
                "Look for the highest rate within the limits, then confirm it in a full run")
      ->group(load);
  command
      .add_flag("--sweep", campaign.sweep,
                "Then measure from a tenth of that rate (or of --rate) to twice it")
      ->group(load);
  option(load, "--p99-ms", campaign.limits.p99_ms, "Limit of a request's p99; 0: none")
      ->check(CLI::NonNegativeNumber);
  option(load, "--refused-share", campaign.limits.refused_share,
         "Share of requests that may be refused at a sustained rate")
      ->check(CLI::Range(0.0, 1.0));
  option(load, "--duration", campaign.measure_s, "Measured seconds of a run")
      ->check(CLI::Range(1.0, 40'000.0));
  option(load, "--warm-up", campaign.warmup_s, "Seconds before them, shown but not counted")
      ->check(CLI::Range(0.0, 3'000.0));
  option(load, "--step-duration", campaign.step_s, "Measured seconds of a step of search and sweep")
      ->check(CLI::Range(1.0, 40'000.0));
  option(load, "--step-warm-up", campaign.step_warmup_s, "Seconds before them")
      ->check(CLI::Range(0.0, 3'000.0));
  option(load, "--start-rate", campaign.start_rate, "Items/s where the search begins")
      ->check(CLI::PositiveNumber);
  option(load, "--resolution", campaign.resolution, "How close the search comes: 0.03 is 3 %")
      ->check(CLI::Range(0.001, 1.0));
  option(load, "--arrival", options.arrival, "Times at which requests are due: uniform or poisson")
      ->check(CLI::IsMember({"uniform", "poisson"}));
  option(load, "--seed", runner.seed, "Poisson arrivals are drawn from it");
  option(load, "--max-in-flight", runner.max_in_flight,
         "Requests in flight above which due ones are counted as not started")
      ->check(CLI::Range(1u, 10'000'000u));
  option(load, "--drain", runner.drain_s, "Seconds to wait for answers after a run")
      ->check(CLI::Range(0.0, 3'600.0));
  option(load, "--pause", runner.pause_s, "Seconds between two runs")
      ->check(CLI::Range(0.0, 3'600.0));
  option(results, "--watch-pid", options.watch_pids,
         "NAME=PID: sample memory and CPU time of a process and its children (repeatable)");
  option(results, "--audit-command", options.audit_command,
         "Audits the issuer after the load and prints JSON, e.g. 'cafectl audit --json'");
  option(results, "--json", options.json_file, "Write the results to this file, as JSON");
  option(results, "--html", options.html_file, "Write them to this file, as a page with plots");
}

absl::Status finish_options(Options& options) {
  CampaignOptions& campaign = options.campaign;
  if (options.rate > 0 && !options.rates.empty()) return wrong("give --rate or --rates, not both");
  campaign.rates = options.rates;
  if (options.rate > 0) campaign.rates = {options.rate};
  if (campaign.rates.empty() && !campaign.find_rate)
    return wrong("say which load: --rate N, --rates a,b,c or --find-rate --p99-ms X");
  if (campaign.find_rate && campaign.limits.p99_ms == 0)
    return wrong("--find-rate needs a limit: --p99-ms X");
  if (campaign.find_rate && options.rate > 0)
    return wrong("give --rate or --find-rate, not both (the search begins at --start-rate)");
  options.runner.arrival = options.arrival == "poisson" ? Arrival::kPoisson : Arrival::kUniform;
  options.processes.clear();
  for (const std::string& each : options.watch_pids) {
    const size_t equals = each.rfind('=');
    pid_t pid = 0;
    if (equals == std::string::npos || equals == 0 ||
        !absl::SimpleAtoi(each.substr(equals + 1), &pid) || pid <= 0)
      return wrong(absl::StrCat("--watch-pid takes NAME=PID, not \"", each, "\""));
    options.processes.emplace_back(each.substr(0, equals), pid);
  }
  return absl::OkStatus();
}

Json options_json(const CLI::App& command) {
  Json values = Json::object();
  for (const CLI::Option* option : command.get_options()) {
    const std::string name = option->get_single_name();
    if (name == "help") continue;
    if (option->count() == 0) {
      values[name] = option->get_default_str();
      continue;
    }
    std::string text;
    for (const std::string& each : option->results())
      absl::StrAppend(&text, text.empty() ? "" : ",", each);
    values[name] = redacted(text);
  }
  return values;
}

}  // namespace cafe::loadtest
