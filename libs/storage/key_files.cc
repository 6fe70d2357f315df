#include "libs/storage/key_files.h"

#include <set>

#include "libs/protocol/denomination.h"
#include "libs/storage/json_file.h"

namespace cafe::storage {

using protocol::Bytes;
using protocol::Point;
using protocol::Scalar;

absl::StatusOr<TrustFile> load_trust_file(const std::filesystem::path& path) {
  CAFE_ASSIGN_OR_RETURN(Members file, Members::parse(path, false));
  CAFE_ASSIGN_OR_RETURN(const Json* issuers, file.member("issuers"));
  CAFE_ASSIGN_OR_RETURN(const Json* manufacturers, file.member("manufacturers"));
  const Json none = Json::array();
  const Json* load_keys = &none;
  if (file.has("load_keys")) {
    CAFE_ASSIGN_OR_RETURN(load_keys, file.member("load_keys"));
  }
  CAFE_RETURN_IF_ERROR(file.finish());
  TrustFile trust;
  CAFE_ASSIGN_OR_RETURN(Members by_id, Members::of(path, *issuers));
  for (const auto& item : issuers->items()) {
    const std::string id(item.key().begin(), item.key().end());
    if (absl::Status status = protocol::check_issuer_id(id); !status.ok()) {
      return in_file(path, status);
    }
    CAFE_ASSIGN_OR_RETURN(const Point key, by_id.point(id));
    trust.anchors.master_keys.emplace(id, key);
  }
  if (!manufacturers->is_array()) return bad_file(path, "\"manufacturers\" is not a list");
  for (const Json& item : *manufacturers) {
    CAFE_ASSIGN_OR_RETURN(Members one, Members::of(path, Json::object({{plain("key"), item}})));
    CAFE_ASSIGN_OR_RETURN(const Point key, one.point("key"));
    trust.anchors.manufacturer_keys.push_back(key);
  }
  if (!load_keys->is_array()) return bad_file(path, "\"load_keys\" is not a list");
  for (const Json& item : *load_keys) {
    CAFE_ASSIGN_OR_RETURN(Members one, Members::of(path, Json::object({{plain("key"), item}})));
    CAFE_ASSIGN_OR_RETURN(protocol::SignedDocument key, one.document("key"));
    if (const auto opened = protocol::open_load_key(key, trust.anchors); !opened.ok()) {
      return in_file(path, opened.status());
    }
    trust.load_keys.push_back(std::move(key));
  }
  return trust;
}

absl::StatusOr<protocol::TrustAnchors> load_trust(const std::filesystem::path& path) {
  CAFE_ASSIGN_OR_RETURN(TrustFile trust, load_trust_file(path));
  return std::move(trust.anchors);
}

absl::Status save_trust(const std::filesystem::path& path, const protocol::TrustAnchors& anchors,
                        std::span<const protocol::SignedDocument> load_keys) {
  Json json = Json::object({{plain("issuers"), Json::object()},
                            {plain("manufacturers"), Json::array()},
                            {plain("load_keys"), Json::array()}});
  for (const auto& [id, key] : anchors.master_keys) {
    json[plain("issuers")][plain(id)] = hex_text(key.bytes());
  }
  for (const Point& key : anchors.manufacturer_keys) {
    json[plain("manufacturers")].push_back(hex_text(key.bytes()));
  }
  for (const protocol::SignedDocument& key : load_keys) {
    json[plain("load_keys")].push_back(hex_text(key.encode()));
  }
  return save_json(path, json, 0644);
}

absl::StatusOr<OnlineKey> load_online_key(const std::filesystem::path& path,
                                          std::string_view purpose,
                                          const protocol::TrustAnchors& anchors) {
  CAFE_ASSIGN_OR_RETURN(Members file, Members::parse(path, true));
  CAFE_ASSIGN_OR_RETURN(const std::string issuer_id, file.text("issuer_id"));
  CAFE_ASSIGN_OR_RETURN(const std::string named_purpose, file.text("purpose"));
  CAFE_ASSIGN_OR_RETURN(const protocol::SigningKey key, file.signing_key("secret"));
  CAFE_ASSIGN_OR_RETURN(const Bytes certificate, file.hex("certificate"));
  CAFE_RETURN_IF_ERROR(file.finish());
  if (named_purpose != purpose) {
    return protocol::invalid("WRONG_PURPOSE", path.string() + " is a key for \"" + named_purpose +
                                                  "\"; name the file of the \"" +
                                                  std::string(purpose) + "\" key.");
  }
  absl::StatusOr<protocol::SignedDocument> document = protocol::SignedDocument::decode(certificate);
  if (!document.ok()) return in_file(path, document.status());
  absl::StatusOr<protocol::KeyCertificate> opened =
      protocol::open_key_certificate(*document, anchors, purpose, std::nullopt);
  if (!opened.ok()) return in_file(path, opened.status());
  if (opened->key != key.public_key() || opened->issuer_id != issuer_id) {
    return protocol::invalid("KEY_MISMATCH",
                             path.string() + ": the certificate is for another key or issuer.");
  }
  return OnlineKey{key, *std::move(document), *std::move(opened)};
}

absl::Status save_online_key(const std::filesystem::path& path, const OnlineKey& key) {
  return save_json(path,
                   Json::object({{plain("issuer_id"), plain(key.opened.issuer_id)},
                                 {plain("purpose"), plain(key.opened.purpose)},
                                 {plain("secret"), hex_text(key.key.secret().bytes())},
                                 {plain("certificate"), hex_text(key.certificate.encode())}}),
                   0600);
}

absl::StatusOr<protocol::SigningKey> load_signing_key(const std::filesystem::path& path,
                                                      std::string_view role) {
  CAFE_ASSIGN_OR_RETURN(Members file, Members::parse(path, true));
  CAFE_ASSIGN_OR_RETURN(const std::string named_role, file.text("role"));
  CAFE_ASSIGN_OR_RETURN(const protocol::SigningKey key, file.signing_key("secret"));
  CAFE_RETURN_IF_ERROR(file.finish());
  if (named_role != role) {
    return protocol::invalid("WRONG_ROLE", path.string() + " is a \"" + named_role +
                                               "\" key; name the file of the \"" +
                                               std::string(role) + "\" key.");
  }
  return key;
}

absl::Status save_signing_key(const std::filesystem::path& path, std::string_view role,
                              const protocol::SigningKey& key) {
  return save_json(path,
                   Json::object({{plain("role"), plain(role)},
                                 {plain("secret"), hex_text(key.secret().bytes())}}),
                   0600);
}

const Scalar* DenominationSecrets::find(const Point& H) const {
  for (const auto& [point, x] : keys) {
    if (point == H) return &x;
  }
  return nullptr;
}

absl::StatusOr<DenominationSecrets> load_denomination_secrets(const std::filesystem::path& path) {
  CAFE_ASSIGN_OR_RETURN(Members file, Members::parse(path, true));
  DenominationSecrets secrets;
  CAFE_ASSIGN_OR_RETURN(secrets.issuer_id, file.text("issuer_id"));
  CAFE_ASSIGN_OR_RETURN(Bytes seed, file.hex("seed"));
  CAFE_ASSIGN_OR_RETURN(const Json* keys, file.member("keys"));
  CAFE_RETURN_IF_ERROR(file.finish());
  if (seed.size() != 32) return bad_file(path, "\"seed\" is not 32 bytes");
  std::copy(seed.begin(), seed.end(), secrets.seed.mutable_view().begin());
  protocol::wipe(seed);
  if (!keys->is_array()) return bad_file(path, "\"keys\" is not a list");
  std::set<Point> seen;
  for (const Json& item : *keys) {
    CAFE_ASSIGN_OR_RETURN(Members one, Members::of(path, item));
    CAFE_ASSIGN_OR_RETURN(const Point H, one.point("H"));
    CAFE_ASSIGN_OR_RETURN(const Scalar x, one.scalar("x"));
    CAFE_RETURN_IF_ERROR(one.finish());
    if (protocol::multiply(x, protocol::g()) != H) {
      return protocol::invalid(
          "KEY_MISMATCH",
          path.string() + ": the key of " + protocol::to_hex(H.bytes()) + " does not fit it.");
    }
    if (!seen.insert(H).second) {
      return bad_file(path, "a key stands in it twice: " + protocol::to_hex(H.bytes()));
    }
    secrets.keys.emplace_back(H, x);
  }
  return secrets;
}

absl::Status save_denomination_secrets(const std::filesystem::path& path,
                                       const DenominationSecrets& secrets) {
  Json keys = Json::array();
  for (const auto& [H, x] : secrets.keys) {
    keys.push_back(
        Json::object({{plain("H"), hex_text(H.bytes())}, {plain("x"), hex_text(x.bytes())}}));
  }
  return save_json(path,
                   Json::object({{plain("issuer_id"), plain(secrets.issuer_id)},
                                 {plain("seed"), hex_text(secrets.seed.view())},
                                 {plain("keys"), std::move(keys)}}),
                   0600);
}

absl::StatusOr<std::string> read_file(const std::filesystem::path& path) {
  return read_whole(path, false);
}

absl::StatusOr<std::string> read_secret_file(const std::filesystem::path& path) {
  return read_whole(path, true);
}

absl::Status write_file(const std::filesystem::path& path, std::string_view content) {
  return replace_file(path, content, 0644);
}

absl::Status write_secret_file(const std::filesystem::path& path, std::string_view content) {
  return replace_file(path, content, 0600);
}

}  // namespace cafe::storage
