#include "libs/protocol/hash.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <memory>

#include "libs/protocol/openssl_arithmetic.h"

namespace cafe::protocol {

namespace {

// Fetched once: a fetch for each hash costs more than the hash.
const EVP_MD* fetch(const char* name) {
  const EVP_MD* md = EVP_MD_fetch(nullptr, name, nullptr);
  require_openssl(md != nullptr);
  return md;
}

void hash_into(const EVP_MD* md, ByteView data, uint8_t* out) {
  require_openssl(EVP_Digest(data.data(), data.size(), out, nullptr, md, nullptr) == 1);
}

struct MacDeleter {
  void operator()(EVP_MAC_CTX* ctx) const { EVP_MAC_CTX_free(ctx); }
};
using MacContext = std::unique_ptr<EVP_MAC_CTX, MacDeleter>;

// A context without a key, to be copied for each use; freeing a copy cleanses its key.
const EVP_MAC_CTX* hmac_sha512_template() {
  static const EVP_MAC_CTX* const context = [] {
    EVP_MAC* hmac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
    require_openssl(hmac != nullptr);
    EVP_MAC_CTX* ctx = EVP_MAC_CTX_new(hmac);
    char name[] = "SHA512";
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
                                 OSSL_PARAM_construct_end()};
    require_openssl(ctx != nullptr && EVP_MAC_CTX_set_params(ctx, params) == 1);
    return ctx;
  }();
  return context;
}

}  // namespace

Bytes32 sha256(ByteView data) {
  static const EVP_MD* const md = fetch("SHA256");
  Bytes32 out;
  hash_into(md, data, out.data());
  return out;
}

Bytes64 sha512(ByteView data) {
  static const EVP_MD* const md = fetch("SHA512");
  Bytes64 out;
  hash_into(md, data, out.data());
  return out;
}

Bytes64 hmac_sha512(ByteView key, ByteView data) {
  const MacContext ctx(EVP_MAC_CTX_dup(hmac_sha512_template()));
  Bytes64 out;
  size_t written = 0;
  // An empty key still needs an address, or EVP_MAC_init takes it for "keep the old one".
  static constexpr uint8_t kEmpty = 0;
  require_openssl(
      ctx != nullptr &&
      EVP_MAC_init(ctx.get(), key.empty() ? &kEmpty : key.data(), key.size(), nullptr) == 1 &&
      EVP_MAC_update(ctx.get(), data.data(), data.size()) == 1 &&
      EVP_MAC_final(ctx.get(), out.data(), &written, out.size()) == 1 && written == out.size());
  return out;
}

Bytes32 mac(ByteView key, const Frame& frame) {
  const Bytes64 full = hmac_sha512(key, frame.view());
  Bytes32 out;
  std::copy_n(full.begin(), out.size(), out.begin());
  return out;
}

Bytes32 digest(const Frame& frame) { return sha256(frame.view()); }

Scalar hash_to_scalar(const Frame& frame) { return Scalar::reduce(sha512(frame.view())); }

Scalar prf_scalar(ByteView key, const Frame& frame) {
  Bytes64 wide = hmac_sha512(key, frame.view());
  const Scalar out = Scalar::reduce(wide);
  wipe(wide);
  return out;
}

}  // namespace cafe::protocol
