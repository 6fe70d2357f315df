// cafe-loadtest: open-loop load on an issuer's services, and reports of it.
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <iostream>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "libs/protocol/status.h"
#include "loadtest/load_test.h"
#include "loadtest/report_html.h"
#include "loadtest/results_table.h"
#include "loadtest/scenario_list.h"

namespace {

using namespace cafe::loadtest;  // NOLINT: this file wires it up

std::atomic<bool> stop = false;

int fail(const absl::Status& status) {
  const std::string reason = cafe::protocol::reason_of(status);
  std::cerr << "cafe-loadtest: " << status.message() << (reason.empty() ? "" : " (" + reason + ")")
            << "\n";
  return 2;
}

// The first signal ends the load and still reports it; the second one kills.
void stop_on_signals() {
  for (const int signal : {SIGINT, SIGTERM}) {
    std::signal(signal, [](int number) {
      stop = true;
      std::signal(number, SIG_DFL);
    });
  }
}

// A scenario may hold thousands of connections.
void raise_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

TestDescription describe(const CLI::App& command, int argc, char** argv) {
  TestDescription description;
  description.scenario = command.get_name();
  description.started = absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::Now(), absl::UTCTimeZone());
  for (int i = 0; i < argc; ++i) description.command.push_back(redacted(argv[i]));
  description.options = options_json(command);
  description.versions = {{"cafe", CAFE_VERSION}, {"compiler", __VERSION__}};
  description.machine = read_machine();
  return description;
}

absl::Status write_results(const Options& options, const Json& document) {
  if (!options.json_file.empty())
    CAFE_RETURN_IF_ERROR(write_file(options.json_file, document.dump(1) + "\n"));
  if (!options.html_file.empty())
    CAFE_RETURN_IF_ERROR(write_file(options.html_file, to_html({document})));
  return absl::OkStatus();
}

int run(const CLI::App& command, Options& options, const ScenarioFactory& make, int argc,
        char** argv) {
  if (const absl::Status status = finish_options(options); !status.ok()) return fail(status);
  options.runner.progress_every_s = isatty(STDERR_FILENO) == 1 ? 1 : 5;
  const auto progress = [](std::string_view line) { std::cerr << std::string(line) + "\n"; };
  stop_on_signals();
  raise_file_limit();
  MonotonicClock clock;  // outlives the scenario
  const auto scenario = make();
  if (!scenario.ok()) return fail(scenario.status());
  const auto document =
      run_load_test(**scenario, options, describe(command, argc, argv), clock, progress, stop);
  if (!document.ok()) return fail(document.status());
  std::cout << to_table(*document);
  if (const absl::Status status = write_results(options, *document); !status.ok())
    return fail(status);
  return document->at("result") == "pass" ? 0 : 1;
}

int report(const std::vector<std::string>& files, const std::string& html_file) {
  const auto documents = read_results(files);
  if (!documents.ok()) return fail(documents.status());
  for (const Json& document : *documents) std::cout << to_table(document);
  if (html_file.empty()) return 0;
  const absl::Status status = write_file(html_file, to_html(*documents));
  return status.ok() ? 0 : fail(status);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "Loads an issuer's services at a chosen rate, open loop, and reports throughput and "
      "latency.\n"
      "Exit code: 0 pass, 1 the load or the audit failed, 2 it could not be carried out.",
      "cafe-loadtest");
  app.require_subcommand(1);
  app.set_version_flag("--version", CAFE_VERSION);
  int exit_code = 2;
  Options options;
  std::vector<ScenarioFactory> factories;  // live until the end, with their options
  factories.reserve(scenario_list().size());
  for (const ScenarioEntry& entry : scenario_list()) {
    CLI::App* const command = app.add_subcommand(entry.name, entry.help);
    add_options(*command, options);
    const ScenarioFactory& make = factories.emplace_back(entry.add(*command));
    command->callback([&, command] { exit_code = run(*command, options, make, argc, argv); });
  }
  std::vector<std::string> files;
  std::string html_file;
  CLI::App* const reporter =
      app.add_subcommand("report", "Show results again, or combine several on one page");
  reporter->add_option("files", files, "Files that --json wrote")->required();
  reporter->add_option("--html", html_file, "Write the page to this file");
  reporter->callback([&] { exit_code = report(files, html_file); });
  CLI11_PARSE(app, argc, argv);
  return exit_code;
}
