#include "loadtest/load_test.h"

#include <unistd.h>

#include <fstream>

#include "absl/strings/str_cat.h"
#include "libs/protocol/status.h"
#include "loadtest/load_runner.h"

namespace cafe::loadtest {

absl::StatusOr<Json> run_load_test(Scenario& scenario, const Options& options,
                                   TestDescription description, PaceClock& clock,
                                   const Progress& progress, const std::atomic<bool>& stop) {
  CAFE_RETURN_IF_ERROR(scenario.prepare(progress));
  description.item_name = scenario.item_name();
  description.mix = scenario.item_mix();
  description.items_per_request = scenario.items_per_request();
  auto processes = options.processes;
  processes.emplace_back("load generator", getpid());
  ProcessWatch watch(std::move(processes));
  LoadRunner runner(scenario, options.runner, watch, clock, progress, stop);
  CAFE_ASSIGN_OR_RETURN(Campaign campaign,
                        run_campaign(options.campaign, [&](const RunRequest& request) {
                          return runner.run(request);
                        }));
  if (const absl::Status finished = scenario.finish(progress); !finished.ok())
    campaign.wrong.emplace_back(finished.message());
  Json audit;
  if (!options.audit_command.empty()) {
    progress("audit");
    audit = run_audit(options.audit_command);
  }
  return to_json(description, campaign, audit);
}

absl::StatusOr<std::vector<Json>> read_results(const std::vector<std::string>& files) {
  std::vector<Json> documents;
  for (const std::string& file : files) {
    std::ifstream in(file);
    if (!in) {
      return protocol::make_error(absl::StatusCode::kNotFound, "RESULTS_FILE",
                                  absl::StrCat(file, " cannot be read"));
    }
    Json document = Json::parse(in, nullptr, false);
    if (!document.is_object() || document.value("schema", "") != kSchema) {
      return protocol::invalid("RESULTS_FORM", absl::StrCat(file, " holds no results of the form ",
                                                            std::string(kSchema)));
    }
    documents.push_back(std::move(document));
  }
  return documents;
}

absl::Status write_file(const std::string& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary);
  out << text << std::flush;
  if (out) return absl::OkStatus();
  return protocol::make_error(absl::StatusCode::kUnavailable, "OUTPUT_FILE",
                              absl::StrCat(path, " cannot be written"));
}

}  // namespace cafe::loadtest
