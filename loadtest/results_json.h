// The results of a load test as JSON. The fields are documented in loadtest/README.md; the table
// and the page are made from nothing else.
#pragma once

#include <string>
#include <vector>

#include "loadtest/campaign.h"
#include "loadtest/machine.h"

namespace cafe::loadtest {

// Rises when a field changes its meaning or goes; new fields do not change it.
inline constexpr std::string_view kSchema = "cafe-loadtest/1";

// What a load test was, beside its runs.
struct TestDescription {
  std::string scenario;   // the subcommand
  std::string item_name;  // plural
  std::string mix;        // of which items there are, or empty
  uint32_t items_per_request = 1;
  std::string started;  // RFC 3339
  std::vector<std::string> command;
  Json options;   // name to value
  Json versions;  // name to text
  Machine machine;
};

Json to_json(const RunResult& run);

// What became of throughput at a rate far above what is sustained; null where no run was at least
// 1.9 times `sustained_per_s`, or, where that is 0, the highest throughput of all runs.
Json overload(const std::vector<RunResult>& runs, double sustained_per_s);

// The whole document. `audit` as run_audit() gives it, or null. "result" is "pass" where nothing in
// the campaign is wrong and the audit, if any, passes.
Json to_json(const TestDescription& description, const Campaign& campaign, const Json& audit);

// The run of a document that stands for it: the confirmed one, else the last one at a chosen rate,
// else that with the highest throughput. Null where there is none.
const Json* main_run(const Json& document);

}  // namespace cafe::loadtest
