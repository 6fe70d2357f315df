// cafectl claim: what was lost and is claimed, and the proof of what is owed for it.
#include "libs/storage/key_files.h"
#include "tools/cafectl/claim_json.h"
#include "tools/cafectl/claim_store.h"
#include "tools/cafectl/command.h"

namespace cafe::cafectl {

namespace {

struct ClaimOptions {
  uint64_t number = 0;
  uint64_t after = 0;
  uint32_t limit = 1000;
  std::string out;
  std::string file;
  std::string trust;
};

Json describe(const StoredClaim& claim) {
  return {{"claim", claim.number},
          {"state", claim.state},
          {"kind", claim.kind},
          {"coins", claim.coins},
          {"account", claim.account.hex()},
          {"claimant", claim.claimant.hex()},
          {"filed", format_time(claim.filed_ms / 1000)},
          {"held until", format_time(claim.held_until_ms / 1000)},
          {"final at", format_time(claim.final_at_ms / 1000)},
          {"note", claim.note}};
}

// One snapshot of the operator's.
constexpr storage::TransactionOptions kSnapshot{.isolation = storage::Isolation::kRepeatableRead,
                                                .read_only = true};

absl::StatusOr<Json> list(const Context& context, const ClaimOptions& options) {
  CAFE_ASSIGN_OR_RETURN(const auto db, context.database());
  return db->transaction(kSnapshot, [&](storage::Transaction& tx) -> absl::StatusOr<Json> {
    CAFE_ASSIGN_OR_RETURN(const auto claims, list_claims(tx, options.after, options.limit));
    Json rows = Json::array();
    for (const StoredClaim& claim : claims) rows.push_back(describe(claim));
    return rows;
  });
}

// Amounts as people write them, one line for each currency.
void add_totals(Json& json, const Json& totals) {
  for (const Json& total : totals) {
    const auto currency = total["currency"].get<std::string>();
    const auto amount = [&](const char* key) {
      return format_amount(total[key].get<int64_t>(), currency);
    };
    json["in " + currency] = "claimed " + amount("claimed") + ", deducted " + amount("deducted") +
                             ", credited " + amount("credited") + ", charged " + amount("charged") +
                             ", uncollected " + amount("uncollected");
  }
}

absl::StatusOr<Json> show(const Context& context, const ClaimOptions& options) {
  CAFE_ASSIGN_OR_RETURN(const auto db, context.database());
  return db->transaction(kSnapshot, [&](storage::Transaction& tx) -> absl::StatusOr<Json> {
    CAFE_ASSIGN_OR_RETURN(const StoredClaim claim, find_claim(tx, options.number));
    CAFE_ASSIGN_OR_RETURN(const auto file, load_claim_file(tx, options.number));
    CAFE_ASSIGN_OR_RETURN(const Json said, describe_claim(file));
    Json json = describe(claim);
    json["statements"] = file.statements.size();
    if (context.json) {
      json["totals"] = said["totals"];
      json["claimed coins"] = said["coins"];
      json["deductions"] = said["deductions"];
      return json;
    }
    add_totals(json, said["totals"]);
    for (const Json& deduction : said["deductions"]) {
      const std::string slot =
          "coin " + deduction["coin"].dump() + " slot " + deduction["slot"].dump();
      json[slot] = "paid " + deduction["paid"].get<std::string>() +
                   " the claim: " + deduction["value"].dump() +
                   (deduction["charged"].get<bool>() ? ", charged" : ", deducted");
    }
    return json;
  });
}

absl::StatusOr<Json> export_claim(const Context& context, const ClaimOptions& options) {
  CAFE_ASSIGN_OR_RETURN(const auto db, context.database());
  CAFE_ASSIGN_OR_RETURN(const auto file, db->transaction(kSnapshot, [&](storage::Transaction& tx) {
    return load_claim_file(tx, options.number);
  }));
  CAFE_ASSIGN_OR_RETURN(const Json evidence, to_claim_evidence(file));
  if (options.out.empty()) return evidence;
  CAFE_RETURN_IF_ERROR(storage::write_file(options.out, evidence.dump(2) + "\n"));
  return Json{{"claim", options.number}, {"file", options.out}};
}

absl::StatusOr<Json> verify(const Context& context, const ClaimOptions& options) {
  CAFE_ASSIGN_OR_RETURN(const auto anchors, storage::load_trust(options.trust));
  CAFE_ASSIGN_OR_RETURN(const std::string text, storage::read_file(options.file));
  CAFE_ASSIGN_OR_RETURN(const auto file, parse_claim_evidence(text));
  CAFE_ASSIGN_OR_RETURN(const auto judgement, protocol::verify_claim_file(file, anchors));
  Json json{{"verdict", "the issuer owes the claimant what it says here"},
            {"claim", judgement.number},
            {"account", judgement.account.hex()},
            {"claimant", judgement.by.hex()},
            {"kind", claim_kind_name(judgement.kind)},
            {"state", claim_state_name(judgement.state)},
            {"held until", format_time(judgement.held_until_ms / 1000)}};
  if (context.json) {
    json["totals"] = describe_totals(judgement.totals);
  } else {
    add_totals(json, describe_totals(judgement.totals));
  }
  // Claimed and paid with later: the claimant wanted both.
  json["slots paid after the claim"] = judgement.paid_after.size();
  return json;
}

}  // namespace

void register_claims(CLI::App& app, Context& context) {
  auto options = std::make_shared<ClaimOptions>();
  CLI::App* claims = add_group(app, "claim", "Claims of what was lost, and their proof");
  CLI::App* command = add_command(*claims, context, "list", "Show claims, with what holds them up",
                                  [&context, options] { return list(context, *options); });
  command->add_option("--after", options->after, "Only claims with a higher number");
  command->add_option("--limit", options->limit, "At most so many")->capture_default_str();
  command = add_command(*claims, context, "show", "Show a claim and what became of it",
                        [&context, options] { return show(context, *options); });
  command->add_option("number", options->number, "The claim's number")->required();
  command = add_command(*claims, context, "export",
                        "Write everything that was signed about a claim to a file",
                        [&context, options] { return export_claim(context, *options); });
  command->add_option("number", options->number, "The claim's number")->required();
  command->add_option("--out", options->out, "The file (default: standard output)");
  command = add_command(*claims, context, "verify", "Judge a claim's file with public keys alone",
                        [&context, options] { return verify(context, *options); });
  command->add_option("file", options->file, "The claim's file")
      ->required()
      ->check(CLI::ExistingFile);
  command->add_option("--trust", options->trust, "trust.json: the public keys to rest on")
      ->required()
      ->check(CLI::ExistingFile);
}

}  // namespace cafe::cafectl
