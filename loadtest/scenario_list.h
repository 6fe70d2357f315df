// The scenarios that `cafe-loadtest` knows, as subcommands. A new one adds a row in
// scenario_list.cc.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "loadtest/engine.h"

namespace cafe::loadtest {

// Makes the scenario from the options, once the command line has been read. It must not do I/O
// beyond reading small files; connecting and generating belong into Scenario::prepare().
using ScenarioFactory = std::function<absl::StatusOr<std::unique_ptr<Scenario>>()>;

struct ScenarioEntry {
  std::string name;  // of the subcommand: "deposit"
  std::string help;
  // Adds the scenario's own options to its subcommand. Their values live in the returned factory
  // (e.g. in a shared_ptr that it captures), which outlives parsing.
  std::function<ScenarioFactory(CLI::App& command)> add;
};

// In the order in which --help shows them.
const std::vector<ScenarioEntry>& scenario_list();

}  // namespace cafe::loadtest
