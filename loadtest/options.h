// The command line's options that all scenarios share.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "loadtest/campaign.h"
#include "loadtest/load_runner.h"
#include "loadtest/machine.h"

namespace cafe::loadtest {

struct Options {
  double rate = 0;
  std::vector<double> rates;
  std::string arrival = "uniform";
  CampaignOptions campaign;  // complete after finish_options()
  LoadRunnerOptions runner;  // likewise
  std::vector<std::string> watch_pids;
  std::vector<std::pair<std::string, pid_t>> processes;  // from watch_pids
  std::string audit_command;
  std::string json_file;
  std::string html_file;
};

// Adds them to a scenario's subcommand, in groups of their own. `options` must outlive parsing.
void add_options(CLI::App& command, Options& options);

// Checks what parsing alone does not, and fills in what follows from it. Errors: INVALID_ARGUMENT
// OPTIONS, with a sentence for the terminal.
absl::Status finish_options(Options& options);

// Each option of the subcommand with its value, given or default; passwords are left out.
Json options_json(const CLI::App& command);

}  // namespace cafe::loadtest
