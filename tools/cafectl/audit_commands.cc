// cafectl audit.
#include "libs/storage/key_files.h"
#include "tools/cafectl/audit.h"
#include "tools/cafectl/command.h"

namespace cafe::cafectl {

namespace {

struct AuditOptions {
  std::string trust;
};

absl::StatusOr<Json> audit(const Context& context, const AuditOptions& options) {
  std::optional<storage::TrustFile> trust;
  if (!options.trust.empty()) {
    CAFE_ASSIGN_OR_RETURN(trust, storage::load_trust_file(options.trust));
  }
  CAFE_ASSIGN_OR_RETURN(const auto db, context.database());
  CAFE_ASSIGN_OR_RETURN(
      const Audit result,
      db->transaction({.isolation = storage::Isolation::kRepeatableRead, .read_only = true},
                      [&](storage::Transaction& tx) { return run_audit(tx, trust); }));
  if (context.json) return result.to_json();
  // For people: a line for each check, then what is wrong.
  Json table = result.to_json();
  Json lines{{"result", table["result"]}};
  for (const Json& check : table["checks"]) {
    lines[check["check"].get<std::string>()] = check["result"].get<std::string>() + "  (" +
                                               std::to_string(check["examined"].get<uint64_t>()) +
                                               ": " + check["rule"].get<std::string>() + ")";
    if (check.contains("first")) {
      int number = 0;
      for (const Json& violation : check["first"])
        lines[check["check"].get<std::string>() + " violation " + std::to_string(++number)] =
            violation;
    }
  }
  const auto amount = [](const Json& row, const char* key) {
    return format_amount(row[key].get<int64_t>(), row["currency"].get<std::string>());
  };
  for (const Json& sum : table["cheques"]) {
    lines["cheques of " + sum["issuer"].get<std::string>() + " in " +
          sum["currency"].get<std::string>()] =
        "loaded " + amount(sum, "loaded") + ", deposited " + amount(sum, "deposited") +
        ", overdrawn " + amount(sum, "overdrawn") + ", recovered " + amount(sum, "recovered") +
        ", outstanding " + amount(sum, "outstanding");
  }
  for (const Json& sum : table["claims"]) {
    lines["claims in " + sum["currency"].get<std::string>()] =
        "claimed " + amount(sum, "claimed") + ", credited " + amount(sum, "credited") +
        ", charged " + amount(sum, "charged") + ", uncollected " + amount(sum, "uncollected") +
        ", recovered " + amount(sum, "recovered") + ", pending " + amount(sum, "pending");
  }
  for (const Json& given : table["loadtest"]) {
    lines["given for load tests, " + given["kind"].get<std::string>() + " of " +
          given["of"].get<std::string>().substr(0, 16)] = amount(given, "given");
  }
  for (const Json& blank : table["blank_cheques"]) {
    lines["blank cheques up to " + amount(blank, "up_to") + ", " +
          blank["denomination"].get<std::string>().substr(0, 16)] = blank["issued"];
  }
  for (const Json& alarm : table["alarms"]) {
    lines["ALARM in batch " + alarm["batch"].dump()] =
        "cheques of " + alarm["issuer"].get<std::string>() + " took " + amount(alarm, "overdrawn") +
        " more than guardians were loaded with (" + alarm["raised"].get<std::string>() + ")";
  }
  for (const Json& alarm : table["claim_alarms"]) {
    lines["ALARM in claim " + alarm["claim"].dump()] =
        "its cheques drew " + amount(alarm, "overdrawn") + " more than guardians were loaded with";
  }
  lines["batches in progress"] = result.batches_in_progress;
  lines["cases in progress"] = result.cases_in_progress;
  for (const auto& [state, count] : table["claims_by_state"].items()) {
    lines["claims " + state] = count;
  }
  return lines;
}

}  // namespace

void register_audit(CLI::App& app, Context& context) {
  auto options = std::make_shared<AuditOptions>();
  CLI::App* command =
      add_command(app, context, "audit",
                  "Recompute everything: money is neither lost nor made (exit code 1 where it is)",
                  [&context, options] { return audit(context, *options); });
  command
      ->add_option("--trust", options->trust,
                   "trust.json: also check every signature and every case")
      ->check(CLI::ExistingFile);
}

}  // namespace cafe::cafectl
