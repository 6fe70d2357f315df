// cafectl payee, terminal: shops and their terminals.
#include "libs/storage/key_files.h"
#include "tools/cafectl/command.h"
#include "tools/cafectl/issuer_files.h"

namespace cafe::cafectl {

namespace {

struct PayeeOptions {
  std::string dir;
  std::string payee;
  std::string terminal;
  std::string name;
  std::string currency = "EUR";
  uint64_t cover = 0;
  std::string public_key;
  std::string out;
  uint32_t days = 730;
};

// The id that was given, or a fresh one.
template <typename T>
absl::StatusOr<T> id_or_new(Context& context, const std::string& option, const std::string& hex) {
  if (!hex.empty()) return parse_id<T>(option, hex);
  return T{context.rng.array<T::kSize>()};
}

absl::StatusOr<Json> enrol_payee(Context& context, const PayeeOptions& options) {
  CAFE_ASSIGN_OR_RETURN(const auto payee,
                        id_or_new<protocol::PayeeId>(context, "--payee", options.payee));
  CAFE_RETURN_IF_ERROR(protocol::check_currency(options.currency));
  CAFE_ASSIGN_OR_RETURN(const auto db, context.database());
  CAFE_ASSIGN_OR_RETURN(
      const bool is_new, db->transaction({}, [&](storage::Transaction& tx) -> absl::StatusOr<bool> {
        CAFE_ASSIGN_OR_RETURN(const auto rows,
                              tx.query("SELECT deposit.enrol_payee($1, $2, $3, $4)", payee.bytes,
                                       options.name, options.cover, options.currency));
        return rows.front().get<bool>(0);
      }));
  return Json{{"payee", payee.hex()},
              {"name", options.name},
              {"cover", format_amount(static_cast<int64_t>(options.cover), options.currency)},
              {"new", is_new}};
}

absl::StatusOr<std::string> name_of(storage::Transaction& tx, const protocol::PayeeId& payee) {
  CAFE_ASSIGN_OR_RETURN(
      const auto rows,
      tx.query("SELECT name FROM deposit.payee WHERE payee_id = $1 AND closed_at IS NULL",
               payee.bytes));
  if (rows.empty()) {
    return protocol::make_error(
        absl::StatusCode::kNotFound, "UNKNOWN_PAYEE",
        "No open payee has this id; enrol it with `cafectl payee enrol` first.");
  }
  return rows.front().get<std::string>(0);
}

// The terminal's key: its public part was given, or a new pair is made for it.
absl::StatusOr<std::pair<protocol::Point, std::optional<protocol::SigningKey>>> terminal_key(
    Context& context, const std::string& public_key) {
  if (public_key.empty()) {
    CAFE_ASSIGN_OR_RETURN(const auto key, protocol::SigningKey::create(context.rng.scalar()));
    return std::pair{key.public_key(), std::optional(key)};
  }
  const auto bytes = protocol::from_hex(public_key);
  const auto point = bytes.ok() ? protocol::Point::decode(*bytes) : bytes.status();
  if (!point.ok()) {
    return protocol::invalid(
        "BAD_OPTION", "--public-key takes 130 hexadecimal digits of an uncompressed P-256 point.");
  }
  return std::pair{*point, std::optional<protocol::SigningKey>()};
}

// The file with which a terminal starts: its credential, and its key where one was made for it.
Json terminal_file(const protocol::TerminalCertificate& certificate,
                   const protocol::TerminalCredential& credential) {
  return {{"acquirer_id", certificate.acquirer_id},
          {"payee_id", certificate.payee_id.hex()},
          {"terminal_id", certificate.terminal_id.hex()},
          {"payee_name", certificate.payee_name},
          {"credential", protocol::to_hex(credential.encode())}};
}

absl::StatusOr<Json> enrol_terminal(Context& context, const PayeeOptions& options) {
  const IssuerFolder folder(options.dir);
  CAFE_ASSIGN_OR_RETURN(const auto anchors, folder.trust());
  CAFE_ASSIGN_OR_RETURN(
      const auto enrolment,
      storage::load_online_key(folder.file("enrolment.key"), protocol::kPurposeEnrolment, anchors));
  CAFE_ASSIGN_OR_RETURN(const auto payee, parse_id<protocol::PayeeId>("--payee", options.payee));
  CAFE_ASSIGN_OR_RETURN(const auto terminal,
                        id_or_new<protocol::TerminalId>(context, "--terminal", options.terminal));
  CAFE_ASSIGN_OR_RETURN(const auto key, terminal_key(context, options.public_key));
  if (key.second && options.out.empty()) {
    return protocol::invalid("NO_OUT",
                             "A key is made for the terminal: name a file for it with --out.");
  }
  CAFE_ASSIGN_OR_RETURN(const auto db, context.database());
  return db->transaction({}, [&](storage::Transaction& tx) -> absl::StatusOr<Json> {
    CAFE_ASSIGN_OR_RETURN(const std::string name, name_of(tx, payee));
    const protocol::TerminalCertificate certificate{
        .acquirer_id = enrolment.opened.issuer_id,
        .payee_id = payee,
        .terminal_id = terminal,
        .key = key.first,
        .payee_name = name,
        .valid_from = context.now_s / 86400 * 86400,
        .valid_until = context.now_s + uint64_t{options.days} * 86400};
    const protocol::TerminalCredential credential{
        enrolment.certificate, protocol::SignedDocument::sign(certificate.encode(), enrolment.key)};
    CAFE_RETURN_IF_ERROR(tx.query("SELECT deposit.enrol_terminal($1, $2, $3, $4)", payee.bytes,
                                  terminal.bytes, key.first.bytes(), credential.encode())
                             .status());
    Json result = terminal_file(certificate, credential);
    if (options.out.empty()) return result;
    // Written before the enrolment commits: a terminal that is enrolled has its key.
    Json file = result;
    if (key.second) file["secret"] = protocol::to_hex(key.second->secret().bytes());
    CAFE_RETURN_IF_ERROR(storage::write_secret_file(options.out, file.dump(2) + "\n"));
    result["file"] = options.out;
    return result;
  });
}

absl::StatusOr<Json> list(const Context& context) {
  CAFE_ASSIGN_OR_RETURN(const auto db, context.database());
  return db->transaction({.read_only = true}, [](storage::Transaction& tx) -> absl::StatusOr<Json> {
    CAFE_ASSIGN_OR_RETURN(const auto rows,
                          tx.query("SELECT encode(p.payee_id, 'hex'), p.name, p.cover, "
                                   "p.cover_currency, p.closed_at IS NOT NULL, "
                                   "(SELECT count(*) FROM deposit.terminal t WHERE t.payee_id = "
                                   "p.payee_id AND t.revoked_at IS NULL) "
                                   "FROM deposit.payee p WHERE p.account_id IS NULL "
                                   "ORDER BY p.name, p.payee_id"));
    Json out = Json::array();
    for (const storage::Row row : rows) {
      out.push_back({{"payee", row.get<std::string>(0)},
                     {"name", row.get<std::string>(1)},
                     {"cover", format_amount(row.get<int64_t>(2), row.get<std::string>(3))},
                     {"terminals", row.get<int64_t>(5)},
                     {"closed", row.get<bool>(4)}});
    }
    return out;
  });
}

absl::StatusOr<Json> revoke(const Context& context, const PayeeOptions& options) {
  CAFE_ASSIGN_OR_RETURN(const auto payee, parse_id<protocol::PayeeId>("--payee", options.payee));
  CAFE_ASSIGN_OR_RETURN(const auto terminal,
                        parse_id<protocol::TerminalId>("--terminal", options.terminal));
  CAFE_ASSIGN_OR_RETURN(const auto db, context.database());
  CAFE_RETURN_IF_ERROR(db->transaction({}, [&](storage::Transaction& tx) -> absl::Status {
    return tx.query("SELECT deposit.revoke_terminal($1, $2)", payee.bytes, terminal.bytes).status();
  }));
  return Json{{"revoked", terminal.hex()}};
}

}  // namespace

void register_payees(CLI::App& app, Context& context) {
  auto options = std::make_shared<PayeeOptions>();
  CLI::App* payee = add_group(app, "payee", "Payees: shops with an account here");
  CLI::App* command = add_command(*payee, context, "enrol", "Enrol a payee",
                                  [&context, options] { return enrol_payee(context, *options); });
  command->add_option("--payee", options->payee,
                      "Its id, 32 hexadecimal digits (default: a new one)");
  command->add_option("--name", options->name, "The name that payers are shown")->required();
  command
      ->add_option("--cover", options->cover,
                   "What double spends the issuer bears for it in 30 days, minor units")
      ->capture_default_str();
  command->add_option("--currency", options->currency, "Currency of the cover")
      ->capture_default_str();
  add_command(*payee, context, "list", "Show all payees; holders who paid money back are no shops",
              [&context] { return list(context); });

  CLI::App* terminal = add_group(app, "terminal", "Terminals of payees");
  command = add_command(*terminal, context, "enrol", "Certify a terminal's key and enrol it",
                        [&context, options] { return enrol_terminal(context, *options); });
  command->add_option("--dir", options->dir, "The issuer's folder, for its enrolment key")
      ->required();
  command->add_option("--payee", options->payee, "Whose terminal it is")->required();
  command->add_option("--terminal", options->terminal,
                      "Its id, 32 hexadecimal digits (default: a new one)");
  command->add_option("--public-key", options->public_key,
                      "The terminal's public key (default: a key is made for it)");
  command->add_option("--days", options->days, "Validity of the certificate")
      ->capture_default_str();
  command->add_option("--out", options->out,
                      "File for the credential, and for the key where one is made");
  command = add_command(*terminal, context, "revoke", "Refuse what this terminal signs from now on",
                        [&context, options] { return revoke(context, *options); });
  command->add_option("--payee", options->payee, "Whose terminal it is")->required();
  command->add_option("--terminal", options->terminal, "Its id")->required();
}

}  // namespace cafe::cafectl
