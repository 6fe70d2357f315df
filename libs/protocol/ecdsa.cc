#include "libs/protocol/ecdsa.h"

#include "libs/protocol/openssl_arithmetic.h"
// After openssl_arithmetic.h, which says that its deprecated interfaces are meant.
#include <openssl/ecdsa.h>
#include <openssl/hmac.h>

#include "libs/protocol/hash.h"

namespace cafe::protocol {

namespace {

Bytes32 hmac_sha256(ByteView key, ByteView data) {
  Bytes32 out;
  unsigned int length = 0;
  require_openssl(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), data.data(),
                       data.size(), out.data(), &length) != nullptr);
  return out;
}

// 32 bytes as an integer mod q.
Scalar reduce32(const Bytes32& bytes) {
  Bytes64 wide{};
  std::copy(bytes.begin(), bytes.end(), wide.begin() + 32);
  return Scalar::reduce(wide);
}

// The nonces of RFC 6979 section 3.2, in order.
class NonceGenerator {
 public:
  NonceGenerator(const Scalar& key, const Scalar& hash) {
    value_.fill(1);
    for (const uint8_t separator : {0, 1}) {
      Bytes data = to_bytes(value_);
      data.push_back(separator);
      append(data, key.bytes());
      append(data, hash.bytes());
      rekey(data);
      wipe(data);
    }
  }
  ~NonceGenerator() {
    wipe(key_);
    wipe(value_);
  }
  NonceGenerator(const NonceGenerator&) = delete;
  NonceGenerator& operator=(const NonceGenerator&) = delete;

  Scalar next() {
    for (;;) {
      value_ = hmac_sha256(key_, value_);
      const auto k = Scalar::decode(value_);
      Bytes data = to_bytes(value_);
      data.push_back(0);
      rekey(data);
      wipe(data);
      if (k.ok() && !k->is_zero()) return *k;
    }
  }

 private:
  void rekey(ByteView data) {
    key_ = hmac_sha256(key_, data);
    value_ = hmac_sha256(key_, value_);
  }
  Bytes32 key_{};
  Bytes32 value_;
};

struct KeyDeleter {
  void operator()(EC_KEY* key) const { EC_KEY_free(key); }
};
struct SignatureDeleter {
  void operator()(ECDSA_SIG* signature) const { ECDSA_SIG_free(signature); }
};

}  // namespace

absl::StatusOr<SigningKey> SigningKey::create(const Scalar& secret) {
  const auto public_key = multiply(secret, g());
  if (!public_key) return invalid("UNUSABLE_KEY", "A signing key must not be zero.");
  return SigningKey(secret, *public_key);
}

Signature SigningKey::sign(ByteView message) const {
  const Scalar hash = reduce32(sha256(message));
  NonceGenerator nonces(secret_, hash);
  for (;;) {
    const Scalar k = nonces.next();
    const Point R = *multiply(k, g());
    Bytes32 x;
    std::copy_n(R.bytes().begin() + 1, x.size(), x.begin());
    const Scalar r = reduce32(x);
    const Scalar s = k.inverse() * (hash + r * secret_);
    if (r.is_zero() || s.is_zero()) continue;
    Signature out;
    std::copy(r.bytes().begin(), r.bytes().end(), out.begin());
    std::copy(s.bytes().begin(), s.bytes().end(), out.begin() + 32);
    return out;
  }
}

bool verify_digest(const Point& public_key, const Bytes32& digest, const Signature& signature) {
  const std::unique_ptr<EC_KEY, KeyDeleter> key(EC_KEY_new());
  const std::unique_ptr<ECDSA_SIG, SignatureDeleter> sig(ECDSA_SIG_new());
  const PointHandle point = to_handle(public_key.bytes());
  require_openssl(key != nullptr && sig != nullptr && point != nullptr &&
                  EC_KEY_set_group(key.get(), group()) == 1 &&
                  EC_KEY_set_public_key(key.get(), point.get()) == 1 &&
                  ECDSA_SIG_set0(sig.get(), BN_bin2bn(signature.data(), 32, nullptr),
                                 BN_bin2bn(signature.data() + 32, 32, nullptr)) == 1);
  return ECDSA_do_verify(digest.data(), static_cast<int>(digest.size()), sig.get(), key.get()) == 1;
}

bool verify(const Point& public_key, ByteView message, const Signature& signature) {
  return verify_digest(public_key, sha256(message), signature);
}

std::vector<bool> check_signatures_var(std::span<const SignatureCheck> checks) {
  std::vector<bool> valid;
  valid.reserve(checks.size());
  for (const SignatureCheck& check : checks) {
    valid.push_back(verify_digest(*check.key, check.digest, check.signature));
  }
  return valid;
}

SignedDocument SignedDocument::sign(Bytes frame, const SigningKey& key) {
  const Signature signature = key.sign(frame);
  return {std::move(frame), signature};
}

absl::Status SignedDocument::check(const Point& signer) const {
  if (!verify(signer, frame, signature)) {
    return make_error(absl::StatusCode::kUnauthenticated, "BAD_SIGNATURE",
                      "A document's signature does not verify under its signer's key.");
  }
  return absl::OkStatus();
}

Bytes SignedDocument::encode() const {
  return Frame("cafe/v1/signed").add(frame).add(signature).take();
}

absl::StatusOr<SignedDocument> SignedDocument::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open("cafe/v1/signed", bytes));
  CAFE_ASSIGN_OR_RETURN(Bytes frame, in.bytes());
  CAFE_ASSIGN_OR_RETURN(Signature signature, in.array<64>());
  CAFE_RETURN_IF_ERROR(in.finish());
  return SignedDocument{std::move(frame), signature};
}

Bytes32 SignedDocument::digest() const { return sha256(frame); }

}  // namespace cafe::protocol
