// The key that signs loads of guardians' counters, in its file: RSA-3072 as PKCS #8.
// {"issuer_id": ..., "purpose": "load", "secret": "<DER>", "certificate": "<signed document>"}
#pragma once

#include <filesystem>

#include "libs/protocol/load_order.h"

namespace cafe::storage {

// Secret bytes of any number, wiped when they go.
class SecretBytes {
 public:
  SecretBytes() = default;
  explicit SecretBytes(protocol::Bytes bytes) : bytes_(std::move(bytes)) {}
  SecretBytes(SecretBytes&& other) noexcept : bytes_(std::move(other.bytes_)) {}
  SecretBytes& operator=(SecretBytes&& other) noexcept {
    bytes_.swap(other.bytes_);
    return *this;
  }
  ~SecretBytes() { protocol::wipe(bytes_); }

  protocol::ByteView view() const { return bytes_; }

 private:
  protocol::Bytes bytes_;
};

struct LoadSigningKey {
  SecretBytes private_der;               // for protocol::sign_load
  protocol::SignedDocument certificate;  // cafe/v1/load-key, signed with the master key
  protocol::LoadKeyCertificate opened;
};

// A fresh key with its certificate. It takes a second or so, and its randomness is OpenSSL's own.
// INTERNAL OPENSSL.
absl::StatusOr<LoadSigningKey> make_load_key(const std::string& issuer_id,
                                             const protocol::SigningKey& master);

// Checks that the certificate is for this key and verifies under the issuer's master key. Errors:
// those of key_files.h, KEY_MISMATCH, those of protocol::open_load_key.
absl::StatusOr<LoadSigningKey> open_load_key_file(const std::filesystem::path& path,
                                                  const protocol::TrustAnchors& anchors);
absl::Status save_load_key_file(const std::filesystem::path& path, const LoadSigningKey& key);

}  // namespace cafe::storage
