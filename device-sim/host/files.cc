#include "device-sim/host/files.h"

#include <fstream>
#include <nlohmann/json.hpp>

namespace cafe::host {

using nlohmann::json;
using protocol::Bytes;

namespace {

absl::StatusOr<json> read_json(const std::string& path) {
  std::ifstream in(path);
  json value = json::parse(in, nullptr, false);
  if (value.is_discarded())
    return protocol::invalid("BAD_FILE", "Cannot read " + path + " as JSON.");
  return value;
}

absl::StatusOr<Bytes> hex_field(const json& object, const char* key, const std::string& path) {
  if (!object.contains(key) || !object[key].is_string()) {
    return protocol::invalid("BAD_FILE", path + " has no text field \"" + key + "\".");
  }
  return protocol::from_hex(object[key].get<std::string>());
}

absl::StatusOr<protocol::Point> point_of(const json& value) {
  if (!value.is_string())
    return protocol::invalid("BAD_FILE", "A public key must be a text of hexadecimal digits.");
  CAFE_ASSIGN_OR_RETURN(const Bytes bytes, protocol::from_hex(value.get<std::string>()));
  return protocol::Point::decode(bytes);
}

}  // namespace

absl::StatusOr<protocol::TrustAnchors> read_trust(const std::string& path) {
  CAFE_ASSIGN_OR_RETURN(const json content, read_json(path));
  protocol::TrustAnchors anchors;
  if (!content.contains("issuers") || !content.contains("manufacturers")) {
    return protocol::invalid("BAD_FILE", path + " is no trust file.");
  }
  for (const auto& [issuer, key] : content["issuers"].items()) {
    CAFE_ASSIGN_OR_RETURN(const auto point, point_of(key));
    anchors.master_keys.insert_or_assign(issuer, point);
  }
  for (const json& key : content["manufacturers"]) {
    CAFE_ASSIGN_OR_RETURN(const auto point, point_of(key));
    anchors.manufacturer_keys.push_back(point);
  }
  return anchors;
}

absl::StatusOr<std::vector<protocol::LoadKeyCertificate>> read_load_keys(const std::string& path) {
  CAFE_ASSIGN_OR_RETURN(const auto anchors, read_trust(path));
  CAFE_ASSIGN_OR_RETURN(const json content, read_json(path));
  std::vector<protocol::LoadKeyCertificate> keys;
  if (!content.contains("load_keys")) return keys;
  for (const json& item : content["load_keys"]) {
    if (!item.is_string()) {
      return protocol::invalid("BAD_FILE", path + " has a load key that is no text.");
    }
    CAFE_ASSIGN_OR_RETURN(const Bytes bytes, protocol::from_hex(item.get<std::string>()));
    CAFE_ASSIGN_OR_RETURN(const auto document, protocol::SignedDocument::decode(bytes));
    CAFE_ASSIGN_OR_RETURN(auto key, protocol::open_load_key(document, anchors));
    keys.push_back(std::move(key));
  }
  return keys;
}

absl::StatusOr<protocol::SigningKey> read_signing_key(const std::string& path) {
  CAFE_ASSIGN_OR_RETURN(const json content, read_json(path));
  CAFE_ASSIGN_OR_RETURN(const Bytes secret, hex_field(content, "secret", path));
  CAFE_ASSIGN_OR_RETURN(const auto scalar, protocol::Scalar::decode(secret));
  return protocol::SigningKey::create(scalar);
}

absl::StatusOr<TerminalFile> read_terminal(const std::string& path) {
  CAFE_ASSIGN_OR_RETURN(const json content, read_json(path));
  CAFE_ASSIGN_OR_RETURN(const Bytes secret, hex_field(content, "secret", path));
  CAFE_ASSIGN_OR_RETURN(const Bytes credential_bytes, hex_field(content, "credential", path));
  CAFE_ASSIGN_OR_RETURN(const auto scalar, protocol::Scalar::decode(secret));
  CAFE_ASSIGN_OR_RETURN(auto key, protocol::SigningKey::create(scalar));
  CAFE_ASSIGN_OR_RETURN(auto credential, protocol::TerminalCredential::decode(credential_bytes));
  return TerminalFile{content.value("payee_name", path), std::move(key), std::move(credential)};
}

}  // namespace cafe::host
