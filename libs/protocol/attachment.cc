// What a wallet attaches to an order for itself (section 8): the guardian's points, which nothing
// but the coin seed opens.
#include <openssl/evp.h>

#include "libs/protocol/hash.h"
#include "libs/protocol/openssl_arithmetic.h"
#include "libs/protocol/withdrawal_wallet.h"

namespace cafe::protocol {

namespace {

constexpr size_t kIvSize = 12;
constexpr size_t kTagSize = 16;

struct CipherDeleter {
  void operator()(EVP_CIPHER_CTX* ctx) const { EVP_CIPHER_CTX_free(ctx); }
};
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, CipherDeleter>;

Seed attachment_key(const Seed& coin_seed) {
  Bytes32 key = mac(coin_seed.view(), Frame("cafe/v1/attachment-key"));
  Seed out(key);
  wipe(key);
  return out;
}

// What the attachment is bound to.
Bytes associated_data(const OpenAnswer& opened) {
  return Frame("cafe/v1/attachment")
      .add(opened.issuer_id)
      .add(opened.account)
      .add_u64(opened.order)
      .add_u64(opened.time_slot)
      .take();
}

// AES-256-GCM over `in`, with the associated data of `opened` taken in already.
CipherContext start(const Seed& coin_seed, const OpenAnswer& opened, ByteView iv, bool encrypt) {
  CipherContext ctx(EVP_CIPHER_CTX_new());
  const Seed key = attachment_key(coin_seed);
  const Bytes bound = associated_data(opened);
  int length = 0;
  require_openssl(ctx != nullptr &&
                  EVP_CipherInit_ex(ctx.get(), EVP_aes_256_gcm(), nullptr, key.view().data(),
                                    iv.data(), encrypt ? 1 : 0) == 1 &&
                  EVP_CipherUpdate(ctx.get(), nullptr, &length, bound.data(),
                                   static_cast<int>(bound.size())) == 1);
  return ctx;
}

}  // namespace

Bytes seal_attachment(const Seed& coin_seed, const OpenAnswer& opened, std::span<const Point> B_O,
                      Rng& rng) {
  Bytes plain;
  plain.reserve(B_O.size() * Point::kSize);
  for (const Point& point : B_O) append(plain, point.bytes());

  Bytes out(kIvSize + plain.size() + kTagSize);
  const MutableByteView iv = MutableByteView(out).first(kIvSize);
  rng.fill(iv);
  const CipherContext ctx = start(coin_seed, opened, iv, /*encrypt=*/true);
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

absl::StatusOr<std::vector<Point>> open_attachment(const Seed& coin_seed, const OpenAnswer& opened,
                                                   ByteView attachment) {
  const auto bad = [] {
    return invalid("BAD_ATTACHMENT",
                   "The attachment of an order does not open: it needs the coin seed and the order "
                   "with which it was made.");
  };
  if (attachment.size() < kIvSize + kTagSize || attachment.size() > kMaxAttachment) return bad();
  const ByteView sealed = attachment.subspan(kIvSize, attachment.size() - kIvSize - kTagSize);
  Bytes tag = to_bytes(attachment.last(kTagSize));
  Bytes plain(sealed.size());
  const CipherContext ctx = start(coin_seed, opened, attachment.first(kIvSize), /*encrypt=*/false);
  int length = 0;
  int rest = 0;
  if (EVP_DecryptUpdate(ctx.get(), plain.data(), &length, sealed.data(),
                        static_cast<int>(sealed.size())) != 1 ||
      EVP_CIPHER_CTX_ctrl(ctx.get(), EVP_CTRL_GCM_SET_TAG, kTagSize, tag.data()) != 1 ||
      EVP_DecryptFinal_ex(ctx.get(), plain.data() + length, &rest) != 1 ||
      plain.size() % Point::kSize != 0) {
    return bad();
  }
  std::vector<Point> points;
  for (size_t at = 0; at < plain.size(); at += Point::kSize) {
    CAFE_ASSIGN_OR_RETURN(Point point, Point::decode(ByteView(plain).subspan(at, Point::kSize)));
    points.push_back(point);
  }
  return points;
}

}  // namespace cafe::protocol
