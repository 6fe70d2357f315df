#include "libs/protocol/sealing.h"

#include <openssl/evp.h>

#include <memory>

#include "libs/protocol/openssl_arithmetic.h"

namespace cafe::protocol {

namespace {

constexpr size_t kIvSize = 12;
constexpr size_t kTagSize = 16;
static_assert(kSealOverhead == kIvSize + kTagSize);

struct CipherDeleter {
  void operator()(EVP_CIPHER_CTX* ctx) const { EVP_CIPHER_CTX_free(ctx); }
};
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, CipherDeleter>;

// With `bound` taken in already.
CipherContext start(const Seed& key, ByteView bound, ByteView iv, bool encrypt) {
  CipherContext ctx(EVP_CIPHER_CTX_new());
  int length = 0;
  require_openssl(ctx != nullptr &&
                  EVP_CipherInit_ex(ctx.get(), EVP_aes_256_gcm(), nullptr, key.view().data(),
                                    iv.data(), encrypt ? 1 : 0) == 1 &&
                  EVP_CipherUpdate(ctx.get(), nullptr, &length, bound.data(),
                                   static_cast<int>(bound.size())) == 1);
  return ctx;
}

}  // namespace

Bytes seal(const Seed& key, ByteView bound, ByteView plain, Rng& rng) {
  Bytes out(plain.size() + kSealOverhead);
  const MutableByteView iv = MutableByteView(out).first(kIvSize);
  rng.fill(iv);
  const CipherContext ctx = start(key, bound, iv, /*encrypt=*/true);
  uint8_t* const body = out.data() + kIvSize;
  int length = 0;
  int rest = 0;
  require_openssl(
      EVP_EncryptUpdate(ctx.get(), body, &length, plain.data(), static_cast<int>(plain.size())) ==
          1 &&
      EVP_EncryptFinal_ex(ctx.get(), body + length, &rest) == 1 &&
      static_cast<size_t>(length) + static_cast<size_t>(rest) == plain.size() &&
      EVP_CIPHER_CTX_ctrl(ctx.get(), EVP_CTRL_GCM_GET_TAG, kTagSize, body + plain.size()) == 1);
  return out;
}

std::optional<Bytes> open_sealed(const Seed& key, ByteView bound, ByteView sealed) {
  if (sealed.size() < kSealOverhead) return std::nullopt;
  const ByteView body = sealed.subspan(kIvSize, sealed.size() - kSealOverhead);
  Bytes tag = to_bytes(sealed.last(kTagSize));
  Bytes plain(body.size());
  const CipherContext ctx = start(key, bound, sealed.first(kIvSize), /*encrypt=*/false);
  int length = 0;
  int rest = 0;
  if (EVP_DecryptUpdate(ctx.get(), plain.data(), &length, body.data(),
                        static_cast<int>(body.size())) != 1 ||
      EVP_CIPHER_CTX_ctrl(ctx.get(), EVP_CTRL_GCM_SET_TAG, kTagSize, tag.data()) != 1 ||
      EVP_DecryptFinal_ex(ctx.get(), plain.data() + length, &rest) != 1) {
    wipe(plain);
    return std::nullopt;
  }
  return plain;
}

}  // namespace cafe::protocol
