#include "libs/storage/load_key_file.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <memory>

#include "libs/storage/json_file.h"

namespace cafe::storage {
namespace {

using protocol::Bytes;

constexpr std::string_view kPurpose = "load";
constexpr size_t kKeyBits = 3072;

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using KeyHandle = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using Pkcs8Handle = std::unique_ptr<PKCS8_PRIV_KEY_INFO, Deleter<PKCS8_PRIV_KEY_INFO_free>>;

/// An OpenSSL object as DER, by one of its i2d functions; empty where it fails.
template <typename T>
Bytes to_der(int (*encode)(const T*, unsigned char**), const T* object) {
  const int size = encode(object, nullptr);
  if (size <= 0) return {};
  Bytes out(static_cast<size_t>(size));
  unsigned char* at = out.data();
  return encode(object, &at) == size ? out : Bytes();
}

absl::Status no_key() {
  return protocol::make_error(absl::StatusCode::kInternal, "OPENSSL",
                              "OpenSSL could not make a load key.");
}

/// Whether both halves are of one key: the public one verifies what the private one signs.
absl::Status check_pair(const LoadSigningKey& key) {
  const protocol::Load probe{{}, key.opened.issuer_id, "XTS", 1, 1};
  CAFE_ASSIGN_OR_RETURN(const Bytes signature, protocol::sign_load(probe, key.private_der.view()));
  return protocol::check_load(probe.encode(), signature, key.opened.public_key_der);
}

}  // namespace

absl::StatusOr<LoadSigningKey> make_load_key(const std::string& issuer_id,
                                             const protocol::SigningKey& master) {
  const KeyHandle key(EVP_RSA_gen(kKeyBits));
  if (key == nullptr) return no_key();
  const Pkcs8Handle info(EVP_PKEY2PKCS8(key.get()));
  if (info == nullptr) return no_key();
  LoadSigningKey out;
  out.private_der = SecretBytes(to_der<PKCS8_PRIV_KEY_INFO>(i2d_PKCS8_PRIV_KEY_INFO, info.get()));
  out.opened = {issuer_id, to_der<EVP_PKEY>(i2d_PUBKEY, key.get())};
  out.certificate = protocol::SignedDocument::sign(out.opened.encode(), master);
  CAFE_RETURN_IF_ERROR(check_pair(out));
  return out;
}

absl::StatusOr<LoadSigningKey> open_load_key_file(const std::filesystem::path& path,
                                                  const protocol::TrustAnchors& anchors) {
  CAFE_ASSIGN_OR_RETURN(Members file, Members::parse(path, true));
  CAFE_ASSIGN_OR_RETURN(const std::string issuer_id, file.text("issuer_id"));
  CAFE_ASSIGN_OR_RETURN(const std::string purpose, file.text("purpose"));
  if (purpose != kPurpose) {
    return protocol::invalid("WRONG_PURPOSE", path.string() + " is a key for \"" + purpose +
                                                  "\"; name the file of the \"load\" key.");
  }
  LoadSigningKey key;
  CAFE_ASSIGN_OR_RETURN(Bytes secret, file.hex("secret"));
  key.private_der = SecretBytes(std::move(secret));
  CAFE_ASSIGN_OR_RETURN(key.certificate, file.document("certificate"));
  CAFE_RETURN_IF_ERROR(file.finish());
  auto opened = protocol::open_load_key(key.certificate, anchors);
  if (!opened.ok()) return in_file(path, opened.status());
  key.opened = *std::move(opened);
  const absl::Status pair = check_pair(key);
  if (protocol::reason_of(pair) == "BAD_LOAD_KEY") return in_file(path, pair);
  if (!pair.ok() || key.opened.issuer_id != issuer_id) {
    return protocol::invalid("KEY_MISMATCH",
                             path.string() + ": the certificate is for another key or issuer.");
  }
  return key;
}

absl::Status save_load_key_file(const std::filesystem::path& path, const LoadSigningKey& key) {
  return save_json(path,
                   Json::object({{plain("issuer_id"), plain(key.opened.issuer_id)},
                                 {plain("purpose"), plain(kPurpose)},
                                 {plain("secret"), hex_text(key.private_der.view())},
                                 {plain("certificate"), hex_text(key.certificate.encode())}}),
                   0600);
}

}  // namespace cafe::storage
