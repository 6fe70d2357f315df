#include "tools/cafectl/issuer_files.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "libs/protocol/loadtest_key.h"
#include "libs/storage/load_key_file.h"
#include "tools/cafectl/command.h"

namespace cafe::cafectl {

using protocol::DenomId;
using protocol::Denomination;
using protocol::DenominationList;
using protocol::Kind;
using protocol::make_error;
using protocol::SignedDocument;
using protocol::SigningKey;
using storage::DenominationSecrets;

namespace {

constexpr uint64_t kDay_s = 86400;
constexpr std::string_view kLoadtestCurrency = "XTS";  // ISO 4217's code for tests
constexpr std::string_view kPurposes[] = {protocol::kPurposeWithdrawal, protocol::kPurposeDeposit,
                                          protocol::kPurposeCoinstore, protocol::kPurposeEnrolment,
                                          protocol::kPurposeRecovery};

absl::Status bad_config(const std::string& what) {
  return protocol::invalid("BAD_CONFIG", "The issuer's configuration: " + what + ".");
}

absl::Status reject_unknown(const nlohmann::json& object,
                            std::initializer_list<std::string_view> known) {
  for (const auto& [key, unused] : object.items()) {
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      return bad_config("unknown field \"" + key + "\"");
    }
  }
  return absl::OkStatus();
}

// The JSON library bends -1 and 0.5 into a u64 without a word.
absl::Status check_whole(const nlohmann::json& value, const std::string& name) {
  if (value.is_structured()) {
    for (const auto& [key, inner] : value.items()) {
      CAFE_RETURN_IF_ERROR(check_whole(inner, value.is_array() ? name : key));
    }
  }
  if (value.is_number() && !value.is_number_unsigned()) {
    return bad_config("\"" + name + "\" is a whole number, zero or more");
  }
  return absl::OkStatus();
}

absl::StatusOr<IssuerConfig> parse_config(const nlohmann::json& json) {
  CAFE_RETURN_IF_ERROR(check_whole(json, "it"));
  CAFE_RETURN_IF_ERROR(
      reject_unknown(json, {"issuer_id", "limits", "denominations", "withdraw_days", "spend_days",
                            "deposit_days", "claim_days", "key_days"}));
  IssuerConfig config;
  config.issuer_id = json.at("issuer_id").get<std::string>();
  config.withdraw_days = json.value("withdraw_days", uint64_t{60});
  config.spend_days = json.value("spend_days", uint64_t{120});
  config.deposit_days = json.value("deposit_days", uint64_t{30});
  config.claim_days = json.value("claim_days", uint64_t{365});
  config.key_days = json.value("key_days", uint64_t{730});
  for (const auto& item : json.at("limits")) {
    CAFE_RETURN_IF_ERROR(reject_unknown(item, {"currency", "offline", "identification"}));
    config.limits.push_back({item.at("currency").get<std::string>(),
                             item.at("offline").get<uint64_t>(),
                             item.at("identification").get<uint64_t>()});
  }
  for (const auto& item : json.at("denominations")) {
    CAFE_RETURN_IF_ERROR(reject_unknown(item, {"currency", "kind", "slots", "loadtest"}));
    const std::string kind = item.value("kind", std::string("coin"));
    if (kind != "coin" && kind != "cheque") return bad_config("\"kind\" is \"coin\" or \"cheque\"");
    config.types.push_back(
        {item.at("currency").get<std::string>(), kind == "coin" ? Kind::kCoin : Kind::kCheque,
         item.at("slots").get<std::vector<uint64_t>>(), item.value("loadtest", false)});
    // So that no list can hold forgeable coins of a currency that somebody is paid in.
    if (config.types.back().loadtest && config.types.back().currency != kLoadtestCurrency) {
      return bad_config("a denomination with \"loadtest\" is in currency XTS");
    }
  }
  // The services keep nothing for longer than that, and take a date beyond it for a mistake.
  constexpr uint64_t kLongest_days = 19 * 365;
  uint64_t total = 0;
  for (const uint64_t days :
       {config.withdraw_days, config.spend_days, config.deposit_days, config.claim_days}) {
    if (days > kLongest_days) return bad_config("a period is longer than 19 years");
    total += days;
  }
  // Payments that nobody deposited are claimed from one settlement period after the deposit
  // deadline on, and until the claim period ends.
  constexpr uint64_t kLeastClaim_days = 30;
  if (config.claim_days < kLeastClaim_days) {
    return bad_config("\"claim_days\" is at least 30");
  }
  if (total > kLongest_days || config.key_days > kLongest_days) {
    return bad_config("the periods of a denomination sum to more than 19 years");
  }
  return config;
}

// The denomination of a type that opens at `from`, with a key that is added to `secrets`: a fresh
// one, or for load tests the one that everybody can derive.
absl::StatusOr<Denomination> make_denomination(const IssuerConfig& config,
                                               const IssuerConfig::Type& type, uint64_t from,
                                               DenominationSecrets& secrets, protocol::Rng& rng) {
  const uint64_t withdraw_until = from + config.withdraw_days * kDay_s;
  const uint64_t spend_until = withdraw_until + config.spend_days * kDay_s;
  const uint64_t deposit_until = spend_until + config.deposit_days * kDay_s;
  Denomination denomination{.issuer_id = config.issuer_id,
                            .currency = type.currency,
                            .kind = type.kind,
                            .slot_values = type.slot_values,
                            .withdraw_from = from,
                            .withdraw_until = withdraw_until,
                            .spend_until = spend_until,
                            .deposit_until = deposit_until,
                            .claim_until = deposit_until + config.claim_days * kDay_s,
                            .H = protocol::g()};
  const protocol::Scalar x = type.loadtest ? protocol::loadtest_key(denomination) : rng.scalar();
  CAFE_ASSIGN_OR_RETURN(denomination.H,
                        protocol::not_identity(protocol::multiply(x, protocol::g())));
  secrets.keys.emplace_back(denomination.H, x);
  return denomination;
}

// When the next denomination of a type opens: with the end of the last one's period, or now.
uint64_t next_opening(const DenominationList& list, const IssuerConfig::Type& type,
                      uint64_t now_s) {
  uint64_t from = now_s / kDay_s * kDay_s;
  for (const Denomination& denomination : list.denominations) {
    if (denomination.currency == type.currency && denomination.kind == type.kind &&
        denomination.slot_values == type.slot_values && !list.is_compromised(denomination.id())) {
      from = std::max(from, denomination.withdraw_until);
    }
  }
  return from;
}

}  // namespace

absl::StatusOr<IssuerConfig> load_issuer_config(const std::filesystem::path& path) {
  CAFE_ASSIGN_OR_RETURN(const std::string text, storage::read_file(path));
  try {
    return parse_config(nlohmann::json::parse(text, nullptr, true, true));
  } catch (const nlohmann::json::exception& e) {
    return bad_config(path.string() + ": " + e.what());
  }
}

absl::Status IssuerFolder::create_online_key(const IssuerConfig& config, const SigningKey& master,
                                             std::string_view purpose, uint64_t now_s,
                                             protocol::Rng& rng) const {
  CAFE_ASSIGN_OR_RETURN(const SigningKey key, SigningKey::create(rng.scalar()));
  const uint64_t from = now_s / kDay_s * kDay_s;
  const protocol::KeyCertificate certificate{.issuer_id = config.issuer_id,
                                             .purpose = std::string(purpose),
                                             .key = key.public_key(),
                                             .valid_from = from,
                                             .valid_until = from + config.key_days * kDay_s};
  const SignedDocument document = SignedDocument::sign(certificate.encode(), master);
  CAFE_RETURN_IF_ERROR(
      storage::save_online_key(file(std::string(purpose) + ".key"), {key, document, certificate}));
  return write_hex_file(file("certificates/" + std::string(purpose) + ".cert"), document.encode());
}

absl::StatusOr<IssuerFolder::NewestList> IssuerFolder::write_list(const DenominationList& list,
                                                                  const SigningKey& master) const {
  CAFE_RETURN_IF_ERROR(list.validate());
  const SignedDocument document = SignedDocument::sign(list.encode(), master);
  char name[32];
  std::snprintf(name, sizeof name, "lists/%04u.list", list.number);
  CAFE_RETURN_IF_ERROR(write_hex_file(file(name), document.encode()));
  return NewestList{document, list};
}

absl::Status IssuerFolder::create(const IssuerConfig& config, uint64_t now_s,
                                  protocol::Rng& rng) const {
  if (std::filesystem::exists(file("master.key"))) {
    return make_error(absl::StatusCode::kAlreadyExists, "ISSUER_EXISTS",
                      "This folder holds an issuer already; its keys are never overwritten.");
  }
  std::filesystem::create_directories(file("lists"));
  std::filesystem::create_directories(file("certificates"));
  CAFE_ASSIGN_OR_RETURN(const SigningKey master, SigningKey::create(rng.scalar()));
  DenominationSecrets secrets{.issuer_id = config.issuer_id, .seed = rng.seed(), .keys = {}};
  DenominationList list{.issuer_id = config.issuer_id,
                        .number = 1,
                        .issued_at = now_s,
                        .limits = config.limits,
                        .denominations = {},
                        .compromised = {}};
  for (const auto& type : config.types) {
    CAFE_ASSIGN_OR_RETURN(
        Denomination denomination,
        make_denomination(config, type, next_opening(list, type, now_s), secrets, rng));
    list.denominations.push_back(std::move(denomination));
  }
  // Everything is checked before the first file is written.
  CAFE_RETURN_IF_ERROR(list.validate());
  protocol::TrustAnchors anchors;
  anchors.master_keys.insert_or_assign(config.issuer_id, master.public_key());
  CAFE_RETURN_IF_ERROR(storage::save_signing_key(file("master.key"), "master", master));
  CAFE_RETURN_IF_ERROR(storage::save_trust(file("trust.json"), anchors));
  CAFE_RETURN_IF_ERROR(storage::save_denomination_secrets(file("denominations.secret"), secrets));
  for (const std::string_view purpose : kPurposes) {
    CAFE_RETURN_IF_ERROR(create_online_key(config, master, purpose, now_s, rng));
  }
  CAFE_RETURN_IF_ERROR(create_load_key(config.issuer_id));
  return write_list(list, master).status();
}

absl::Status IssuerFolder::create_load_key(const std::string& issuer_id) const {
  if (std::filesystem::exists(file("load.key"))) {
    return make_error(absl::StatusCode::kAlreadyExists, "KEY_EXISTS",
                      "This issuer has a load key already; guardians would take no loads that "
                      "another one signed.");
  }
  CAFE_ASSIGN_OR_RETURN(const SigningKey master,
                        storage::load_signing_key(file("master.key"), "master"));
  CAFE_ASSIGN_OR_RETURN(const auto key, storage::make_load_key(issuer_id, master));
  // Known before it is used: without its file the certificate is worth nothing.
  CAFE_RETURN_IF_ERROR(add_load_key(key.certificate));
  return storage::save_load_key_file(file("load.key"), key);
}

absl::Status IssuerFolder::renew_online_key(const IssuerConfig& config, std::string_view purpose,
                                            uint64_t now_s, protocol::Rng& rng) const {
  CAFE_ASSIGN_OR_RETURN(const SigningKey master,
                        storage::load_signing_key(file("master.key"), "master"));
  return create_online_key(config, master, purpose, now_s, rng);
}

absl::StatusOr<protocol::TrustAnchors> IssuerFolder::trust() const {
  return storage::load_trust(file("trust.json"));
}

absl::StatusOr<storage::TrustFile> IssuerFolder::trust_file() const {
  return storage::load_trust_file(file("trust.json"));
}

absl::Status IssuerFolder::save(const storage::TrustFile& trust) const {
  return storage::save_trust(file("trust.json"), trust.anchors, trust.load_keys);
}

absl::StatusOr<IssuerFolder::NewestList> IssuerFolder::newest_list() const {
  std::filesystem::path newest;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(file("lists"), error)) {
    if (entry.path().extension() == ".list") newest = std::max(newest, entry.path());
  }
  if (newest.empty()) {
    return make_error(
        absl::StatusCode::kNotFound, "NO_LIST",
        "No signed list lies in " + file("lists").string() + "; run `cafectl issuer init` first.");
  }
  CAFE_ASSIGN_OR_RETURN(const protocol::Bytes bytes, read_hex_file(newest));
  CAFE_ASSIGN_OR_RETURN(SignedDocument document, SignedDocument::decode(bytes));
  CAFE_ASSIGN_OR_RETURN(const protocol::TrustAnchors anchors, trust());
  CAFE_ASSIGN_OR_RETURN(DenominationList draft, DenominationList::decode(document.frame));
  CAFE_ASSIGN_OR_RETURN(const protocol::Point master_key, anchors.master_key(draft.issuer_id));
  CAFE_ASSIGN_OR_RETURN(DenominationList list, protocol::open_list(document, master_key));
  return NewestList{std::move(document), std::move(list)};
}

absl::StatusOr<IssuerFolder::NewestList> IssuerFolder::sign_next_list(
    const IssuerConfig& config, const std::vector<DenomId>& compromised, uint64_t now_s,
    protocol::Rng& rng) const {
  CAFE_ASSIGN_OR_RETURN(const SigningKey master,
                        storage::load_signing_key(file("master.key"), "master"));
  CAFE_ASSIGN_OR_RETURN(const NewestList old, newest_list());
  CAFE_ASSIGN_OR_RETURN(DenominationSecrets secrets,
                        storage::load_denomination_secrets(file("denominations.secret")));
  if (config.issuer_id != old.list.issuer_id)
    return bad_config("the issuer id differs from this folder's");
  DenominationList list{.issuer_id = config.issuer_id,
                        .number = old.list.number + 1,
                        .issued_at = now_s,
                        .limits = config.limits,
                        .denominations = {},
                        .compromised = old.list.compromised};
  for (const Denomination& denomination : old.list.denominations) {
    if (denomination.claim_until > now_s) list.denominations.push_back(denomination);
  }
  for (const DenomId& id : compromised) {
    if (list.find(id) == nullptr)
      return protocol::invalid("UNKNOWN_DENOMINATION",
                               "The denomination to report compromised is not in the newest list.");
    if (!list.is_compromised(id)) list.compromised.push_back(id);
  }
  for (const auto& type : config.types) {
    CAFE_ASSIGN_OR_RETURN(
        Denomination denomination,
        make_denomination(config, type, next_opening(list, type, now_s), secrets, rng));
    list.denominations.push_back(std::move(denomination));
  }
  CAFE_RETURN_IF_ERROR(list.validate());
  CAFE_RETURN_IF_ERROR(protocol::check_successor(old.list, list));
  CAFE_RETURN_IF_ERROR(storage::save_denomination_secrets(file("denominations.secret"), secrets));
  return write_list(list, master);
}

absl::Status IssuerFolder::add_manufacturer(const protocol::Point& key) const {
  CAFE_ASSIGN_OR_RETURN(storage::TrustFile trust, trust_file());
  std::vector<protocol::Point>& known = trust.anchors.manufacturer_keys;
  if (std::find(known.begin(), known.end(), key) == known.end()) known.push_back(key);
  return save(trust);
}

absl::Status IssuerFolder::add_issuer(const std::string& issuer_id,
                                      const protocol::Point& master_key) const {
  CAFE_ASSIGN_OR_RETURN(storage::TrustFile trust, trust_file());
  trust.anchors.master_keys.insert_or_assign(issuer_id, master_key);
  return save(trust);
}

absl::Status IssuerFolder::add_load_key(const SignedDocument& certificate) const {
  CAFE_ASSIGN_OR_RETURN(storage::TrustFile trust, trust_file());
  CAFE_RETURN_IF_ERROR(protocol::open_load_key(certificate, trust.anchors).status());
  std::vector<SignedDocument>& known = trust.load_keys;
  if (std::find(known.begin(), known.end(), certificate) == known.end()) {
    known.push_back(certificate);
  }
  return save(trust);
}

}  // namespace cafe::cafectl
