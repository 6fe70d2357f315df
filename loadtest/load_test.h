// One load test from its options to its results.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "loadtest/engine.h"
#include "loadtest/options.h"
#include "loadtest/results_json.h"

namespace cafe::loadtest {

// Prepares the scenario, carries out the runs that `options` (finished) ask for, lets the scenario
// check itself, runs the audit, and returns the document of results_json.h. `description` needs
// everything but what the scenario tells of its items. Errors are those of the
// scenario's preparation.
absl::StatusOr<Json> run_load_test(Scenario& scenario, const Options& options,
                                   TestDescription description, PaceClock& clock,
                                   const Progress& progress, const std::atomic<bool>& stop);

// Results from files, as --json wrote them. Errors: NOT_FOUND RESULTS_FILE, INVALID_ARGUMENT
// RESULTS_FORM.
absl::StatusOr<std::vector<Json>> read_results(const std::vector<std::string>& files);

// Writes `text` to a file. Errors: UNAVAILABLE OUTPUT_FILE.
absl::Status write_file(const std::string& path, const std::string& text);

}  // namespace cafe::loadtest
