// cafectl case, evidence: who spent twice, and the proof.
#include "libs/storage/key_files.h"
#include "tools/cafectl/command.h"
#include "tools/cafectl/evidence_file.h"

namespace cafe::cafectl {

namespace {

struct CaseOptions {
  uint64_t number = 0;
  std::string out;
  std::string file;
  std::string trust;
};

absl::StatusOr<Json> list(const Context& context) {
  CAFE_ASSIGN_OR_RETURN(const auto db, context.database());
  return db->transaction({.read_only = true}, [](storage::Transaction& tx) -> absl::StatusOr<Json> {
    CAFE_ASSIGN_OR_RETURN(const auto rows,
                          tx.query("SELECT number, state, encode(coin_id, 'hex'), slot, "
                                   "encode(account_id, 'hex'), first_of_account, "
                                   "opened_ms, note FROM coinstore.cases ORDER BY number"));
    Json out = Json::array();
    for (const storage::Row row : rows) {
      const auto account = row.get<std::optional<std::string>>(4);
      out.push_back({{"case", row.get<int64_t>(0)},
                     {"state", row.get<std::string>(1)},
                     {"coin", row.get<std::string>(2)},
                     {"slot", row.get<int64_t>(3)},
                     {"account", account ? Json(*account) : Json()},
                     {"first of account", row.get<std::optional<bool>>(5).value_or(false)},
                     {"opened", format_time(row.get<uint64_t>(6) / 1000)},
                     {"note", row.get<std::optional<std::string>>(7).value_or("")}});
    }
    return out;
  });
}

absl::StatusOr<Json> export_case(const Context& context, const CaseOptions& options) {
  CAFE_ASSIGN_OR_RETURN(const auto db, context.database());
  CAFE_ASSIGN_OR_RETURN(
      const auto bytes,
      db->transaction({.read_only = true},
                      [&](storage::Transaction& tx) -> absl::StatusOr<protocol::Bytes> {
                        CAFE_ASSIGN_OR_RETURN(
                            const auto rows,
                            tx.query("SELECT signed_case FROM coinstore.cases WHERE number = $1",
                                     options.number));
                        if (rows.empty() || rows.front().is_null(0)) {
                          return protocol::make_error(
                              absl::StatusCode::kNotFound, "NO_PROOF",
                              "There is no proved case of this number; see `cafectl case list`.");
                        }
                        return rows.front().get<protocol::Bytes>(0);
                      }));
  CAFE_ASSIGN_OR_RETURN(const auto signed_case, protocol::SignedCase::decode(bytes));
  const Json evidence = to_evidence(signed_case);
  if (options.out.empty()) return evidence;
  CAFE_RETURN_IF_ERROR(storage::write_file(options.out, evidence.dump(2) + "\n"));
  return Json{{"case", options.number}, {"file", options.out}};
}

absl::StatusOr<Json> verify(const CaseOptions& options) {
  CAFE_ASSIGN_OR_RETURN(const auto anchors, storage::load_trust(options.trust));
  CAFE_ASSIGN_OR_RETURN(const std::string text, storage::read_file(options.file));
  CAFE_ASSIGN_OR_RETURN(const auto signed_case, parse_evidence(text));
  CAFE_ASSIGN_OR_RETURN(const auto verdict, protocol::verify_case(signed_case, anchors));
  return Json{{"verdict", "the holder of this account spent the slot twice"},
              {"account", verdict.account.hex()},
              {"guardian", verdict.serial.hex()},
              {"coin", verdict.coin_id.hex()},
              {"slot", verdict.slot}};
}

}  // namespace

void register_cases(CLI::App& app, Context& context) {
  auto options = std::make_shared<CaseOptions>();
  CLI::App* cases = add_group(app, "case", "Cases of coins spent twice");
  add_command(*cases, context, "list", "Show all cases", [&context] { return list(context); });
  CLI::App* command =
      add_command(*cases, context, "export", "Write the evidence of a proved case to a file",
                  [&context, options] { return export_case(context, *options); });
  command->add_option("number", options->number, "The case's number")->required();
  command->add_option("--out", options->out, "The file (default: standard output)");
  CLI::App* evidence =
      add_group(app, "evidence", "Evidence that anyone can check, with public keys alone");
  command = add_command(*evidence, context, "verify", "Judge an evidence file",
                        [options] { return verify(*options); });
  command->add_option("file", options->file, "The evidence file")
      ->required()
      ->check(CLI::ExistingFile);
  command->add_option("--trust", options->trust, "trust.json: the public keys to rest on")
      ->required()
      ->check(CLI::ExistingFile);
}

}  // namespace cafe::cafectl
