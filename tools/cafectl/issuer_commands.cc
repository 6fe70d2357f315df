// cafectl issuer, manufacturer and the files of denominations.
#include "libs/protocol/load_order.h"
#include "libs/protocol/loadtest_key.h"
#include "libs/protocol/registration.h"
#include "tools/cafectl/command.h"
#include "tools/cafectl/issuer_files.h"

namespace cafe::cafectl {

namespace {

Json describe(const protocol::DenominationList& list) {
  Json rows = Json::array();
  for (const protocol::Denomination& d : list.denominations) {
    Json slots = Json::array();
    for (const uint64_t value : d.slot_values) slots.push_back(value);
    rows.push_back({{"denomination", d.id().hex()},
                    {"currency", d.currency},
                    {"kind", d.kind == protocol::Kind::kCoin ? "coin" : "cheque"},
                    {"slots", slots},
                    {"withdraw from", format_time(d.withdraw_from)},
                    {"withdraw until", format_time(d.withdraw_until)},
                    {"spend until", format_time(d.spend_until)},
                    {"deposit until", format_time(d.deposit_until)},
                    {"compromised", list.is_compromised(d.id())},
                    {"load test", protocol::is_loadtest(d)}});
  }
  return rows;
}

struct IssuerOptions {
  std::string dir;
  std::string config;
  std::vector<std::string> compromised;
  std::string purpose;
  std::string manufacturer_key;
  std::string issuer_id;
  std::string master_key;
  std::string load_key;
};

absl::StatusOr<Json> init(Context& context, const IssuerOptions& options) {
  CAFE_ASSIGN_OR_RETURN(const IssuerConfig config, load_issuer_config(options.config));
  const IssuerFolder folder(options.dir);
  CAFE_RETURN_IF_ERROR(folder.create(config, context.now_s, context.rng));
  CAFE_ASSIGN_OR_RETURN(const auto newest, folder.newest_list());
  CAFE_ASSIGN_OR_RETURN(const auto anchors, folder.trust());
  CAFE_ASSIGN_OR_RETURN(const protocol::Point master_key, anchors.master_key(config.issuer_id));
  return Json{
      {"issuer", config.issuer_id},
      {"master key", protocol::to_hex(master_key.bytes())},
      {"list", newest.list.number},
      {"list digest", protocol::to_hex(newest.document.digest())},
      {"denominations", newest.list.denominations.size()},
      {"next", "move master.key off line; cafectl denominations publish --dir " + options.dir}};
}

absl::StatusOr<Json> sign_list(Context& context, const IssuerOptions& options) {
  CAFE_ASSIGN_OR_RETURN(const IssuerConfig config, load_issuer_config(options.config));
  std::vector<protocol::DenomId> compromised;
  for (const std::string& hex : options.compromised) {
    CAFE_ASSIGN_OR_RETURN(const auto id, parse_id<protocol::DenomId>("--compromised", hex));
    compromised.push_back(id);
  }
  CAFE_ASSIGN_OR_RETURN(
      const auto newest,
      IssuerFolder(options.dir).sign_next_list(config, compromised, context.now_s, context.rng));
  return describe(newest.list);
}

absl::StatusOr<Json> renew_key(Context& context, const IssuerOptions& options) {
  CAFE_ASSIGN_OR_RETURN(const IssuerConfig config, load_issuer_config(options.config));
  const IssuerFolder folder(options.dir);
  CAFE_RETURN_IF_ERROR(
      folder.renew_online_key(config, options.purpose, context.now_s, context.rng));
  return Json{{"renewed", options.purpose},
              {"file", folder.file(options.purpose + ".key").string()},
              {"next", "give the file to its service and restart it"}};
}

absl::StatusOr<Json> make_load_key(const IssuerOptions& options) {
  const IssuerFolder folder(options.dir);
  CAFE_ASSIGN_OR_RETURN(const auto newest, folder.newest_list());
  CAFE_RETURN_IF_ERROR(folder.create_load_key(newest.list.issuer_id));
  return Json{
      {"made", "load key"},
      {"file", folder.file("load.key").string()},
      {"next", "give the file to the withdrawal service, trust.json to makers of guardians"}};
}

absl::StatusOr<Json> show_list(const IssuerOptions& options) {
  CAFE_ASSIGN_OR_RETURN(const auto newest, IssuerFolder(options.dir).newest_list());
  return describe(newest.list);
}

absl::StatusOr<protocol::Point> parse_point(const std::string& option, const std::string& hex) {
  const auto bytes = protocol::from_hex(hex);
  if (bytes.ok()) {
    if (auto point = protocol::Point::decode(*bytes); point.ok()) return *point;
  }
  return protocol::invalid(
      "BAD_OPTION",
      option + " takes a public key: 130 hexadecimal digits of an uncompressed P-256 point.");
}

absl::StatusOr<Json> trust(const IssuerOptions& options) {
  const IssuerFolder folder(options.dir);
  if (!options.manufacturer_key.empty()) {
    CAFE_ASSIGN_OR_RETURN(const auto key,
                          parse_point("--manufacturer-key", options.manufacturer_key));
    CAFE_RETURN_IF_ERROR(folder.add_manufacturer(key));
  }
  if (!options.issuer_id.empty()) {
    CAFE_ASSIGN_OR_RETURN(const auto key, parse_point("--master-key", options.master_key));
    CAFE_RETURN_IF_ERROR(folder.add_issuer(options.issuer_id, key));
  }
  if (!options.load_key.empty()) {
    CAFE_ASSIGN_OR_RETURN(const auto bytes, protocol::from_hex(options.load_key));
    CAFE_ASSIGN_OR_RETURN(const auto certificate, protocol::SignedDocument::decode(bytes));
    CAFE_RETURN_IF_ERROR(folder.add_load_key(certificate));
  }
  CAFE_ASSIGN_OR_RETURN(const auto trusted, folder.trust_file());
  const protocol::TrustAnchors& anchors = trusted.anchors;
  Json rows = Json::array();
  for (const auto& [id, key] : anchors.master_keys) {
    rows.push_back({{"role", "issuer"}, {"name", id}, {"key", protocol::to_hex(key.bytes())}});
  }
  for (const auto& key : anchors.manufacturer_keys) {
    rows.push_back(
        {{"role", "manufacturer"}, {"name", "-"}, {"key", protocol::to_hex(key.bytes())}});
  }
  for (const auto& certificate : trusted.load_keys) {
    CAFE_ASSIGN_OR_RETURN(const auto opened, protocol::open_load_key(certificate, anchors));
    rows.push_back({{"role", "load key"},
                    {"name", opened.issuer_id},
                    {"key", protocol::to_hex(certificate.encode())}});
  }
  return rows;
}

struct ManufacturerOptions {
  std::string key_file;
  std::string serial;
  std::string a_o;
  std::string a_q;
  std::string out;
};

absl::StatusOr<Json> init_manufacturer(Context& context, const ManufacturerOptions& options) {
  if (std::filesystem::exists(options.key_file)) {
    return protocol::make_error(absl::StatusCode::kAlreadyExists, "KEY_EXISTS",
                                "The key file exists already; keys are never overwritten.");
  }
  CAFE_ASSIGN_OR_RETURN(const auto key, protocol::SigningKey::create(context.rng.scalar()));
  CAFE_RETURN_IF_ERROR(storage::save_signing_key(options.key_file, "manufacturer", key));
  return Json{{"manufacturer key", protocol::to_hex(key.public_key().bytes())},
              {"file", options.key_file}};
}

absl::StatusOr<Json> certify_guardian(const ManufacturerOptions& options) {
  CAFE_ASSIGN_OR_RETURN(const auto key,
                        storage::load_signing_key(options.key_file, "manufacturer"));
  CAFE_ASSIGN_OR_RETURN(const auto serial, parse_id<protocol::Serial>("--serial", options.serial));
  CAFE_ASSIGN_OR_RETURN(const auto a_o, parse_point("--coin-point", options.a_o));
  CAFE_ASSIGN_OR_RETURN(const auto a_q, parse_point("--cheque-point", options.a_q));
  const protocol::GuardianCertificate certificate{serial, a_o, a_q};
  const protocol::Bytes document =
      protocol::SignedDocument::sign(certificate.encode(), key).encode();
  if (!options.out.empty()) CAFE_RETURN_IF_ERROR(write_hex_file(options.out, document));
  return Json{{"serial", serial.hex()}, {"certificate", protocol::to_hex(document)}};
}

}  // namespace

void register_issuer(CLI::App& app, Context& context) {
  auto options = std::make_shared<IssuerOptions>();
  CLI::App* issuer = add_group(app, "issuer", "An issuer's keys, lists and trust");
  const auto dir = [&](CLI::App* command) {
    command->add_option("--dir", options->dir, "The issuer's folder")->required();
  };
  const auto config = [&](CLI::App* command) {
    command
        ->add_option("--config", options->config, "JSON: issuer id, limits, denominations, periods")
        ->required()
        ->check(CLI::ExistingFile);
  };
  CLI::App* command =
      add_command(*issuer, context, "init",
                  "Make the master key, the on-line keys, the denomination keys and list 1",
                  [&context, options] { return init(context, *options); });
  dir(command);
  config(command);
  command = add_command(*issuer, context, "sign-list",
                        "Sign the next list: a new issue period, or keys reported compromised",
                        [&context, options] { return sign_list(context, *options); });
  dir(command);
  config(command);
  command->add_option("--compromised", options->compromised,
                      "Denomination whose key is compromised (may be repeated)");
  command = add_command(*issuer, context, "renew-key",
                        "Replace an on-line key, or make one that is missing, and certify it",
                        [&context, options] { return renew_key(context, *options); });
  dir(command);
  config(command);
  command->add_option("--purpose", options->purpose, "Which one")
      ->required()
      ->check(CLI::IsMember({"withdrawal", "deposit", "coinstore", "enrolment", "recovery"}));
  dir(add_command(*issuer, context, "make-load-key",
                  "Make the key that signs loads of guardians, for an issuer that has none",
                  [options] { return make_load_key(*options); }));
  dir(add_command(*issuer, context, "list", "Show the newest signed list",
                  [options] { return show_list(*options); }));
  command =
      add_command(*issuer, context, "trust", "Show whom this issuer trusts, or trust one more",
                  [options] { return trust(*options); });
  dir(command);
  command->add_option("--manufacturer-key", options->manufacturer_key,
                      "Trust this maker of guardians");
  CLI::Option* id = command->add_option("--issuer-id", options->issuer_id,
                                        "Trust this other issuer, with --master-key");
  CLI::Option* key = command->add_option("--master-key", options->master_key, "Its master key");
  command->add_option("--load-key", options->load_key,
                      "Guardians shall take loads that this key signed: its certificate, of an "
                      "issuer that is trusted");
  id->needs(key);
  key->needs(id);

  auto maker = std::make_shared<ManufacturerOptions>();
  CLI::App* manufacturer = add_group(app, "manufacturer", "Maker of guardians: certify them");
  const auto key_file = [&](CLI::App* group_command) {
    group_command->add_option("--key", maker->key_file, "The manufacturer's key file")->required();
  };
  key_file(add_command(*manufacturer, context, "init", "Make the manufacturer's key",
                       [&context, maker] { return init_manufacturer(context, *maker); }));
  command = add_command(*manufacturer, context, "certify", "Certify a guardian: (serial, A_O, A_Q)",
                        [maker] { return certify_guardian(*maker); });
  key_file(command);
  command->add_option("--serial", maker->serial, "16 bytes in hexadecimal")->required();
  command->add_option("--coin-point", maker->a_o, "A_O, 65 bytes in hexadecimal")->required();
  command->add_option("--cheque-point", maker->a_q, "A_Q, 65 bytes in hexadecimal")->required();
  command->add_option("--out", maker->out, "Also write the certificate to this file");
}

}  // namespace cafe::cafectl
