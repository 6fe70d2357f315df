// The files that an operator hands to the services: secret keys, trust anchors, signed documents.
// JSON with binary values in hexadecimal; see docs/reference.md for every field.
//
// Files with secrets must be readable by their owner alone: loading one that others can read is an
// error (KEY_FILE_EXPOSED).
#pragma once

#include <filesystem>
#include <string>

#include "libs/protocol/credentials.h"
#include "libs/protocol/load_order.h"
#include "libs/protocol/withdrawal_issuer.h"

namespace cafe::storage {

// trust.json: {"issuers": {"<issuer id>": "<master key>"}, "manufacturers": ["<key>", ...],
// "load_keys": ["<signed document>", ...]}. The load keys, which makers of guardians put into them,
// may be left out.
struct TrustFile {
  protocol::TrustAnchors anchors;
  std::vector<protocol::SignedDocument> load_keys;  // each of an issuer among the anchors
};
// Also errors of protocol::open_load_key.
absl::StatusOr<TrustFile> load_trust_file(const std::filesystem::path& path);
absl::StatusOr<protocol::TrustAnchors> load_trust(const std::filesystem::path& path);
absl::Status save_trust(const std::filesystem::path& path, const protocol::TrustAnchors& anchors,
                        std::span<const protocol::SignedDocument> load_keys = {});

// An on-line signing key with its certificate:
// {"issuer_id": ..., "purpose": ..., "secret": "<32 bytes>", "certificate": "<signed document>"}
struct OnlineKey {
  protocol::SigningKey key;
  protocol::SignedDocument certificate;
  protocol::KeyCertificate opened;
};
// Checks that the certificate is for this key, this purpose, and verifies under the issuer's master
// key.
absl::StatusOr<OnlineKey> load_online_key(const std::filesystem::path& path,
                                          std::string_view purpose,
                                          const protocol::TrustAnchors& anchors);
absl::Status save_online_key(const std::filesystem::path& path, const OnlineKey& key);

// A bare signing key (master, manufacturer): {"role": "master", "secret": "<32 bytes>"}
absl::StatusOr<protocol::SigningKey> load_signing_key(const std::filesystem::path& path,
                                                      std::string_view role);
absl::Status save_signing_key(const std::filesystem::path& path, std::string_view role,
                              const protocol::SigningKey& key);

// The withdrawal service's secrets: {"issuer_id": ..., "seed": "<32 bytes>", "keys": [{"H": "<65
// bytes>", "x": "<32 bytes>"}, ...]} Keys stand by their public point, since a denomination's id
// covers dates that are only fixed when its list is signed.
struct DenominationSecrets {
  std::string issuer_id;
  protocol::Seed seed;  // of protocol::IssuerSecret
  std::vector<std::pair<protocol::Point, protocol::Scalar>> keys;

  const protocol::Scalar* find(const protocol::Point& H) const;
};
absl::StatusOr<DenominationSecrets> load_denomination_secrets(const std::filesystem::path& path);
absl::Status save_denomination_secrets(const std::filesystem::path& path,
                                       const DenominationSecrets& secrets);

// Whole files. `write_secret_file` creates with mode 0600 and replaces atomically, durable on
// return.
absl::StatusOr<std::string> read_file(const std::filesystem::path& path);
absl::StatusOr<std::string> read_secret_file(const std::filesystem::path& path);
absl::Status write_file(const std::filesystem::path& path, std::string_view content);
absl::Status write_secret_file(const std::filesystem::path& path, std::string_view content);

}  // namespace cafe::storage
