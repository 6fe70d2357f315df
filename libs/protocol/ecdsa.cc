#include "libs/protocol/ecdsa.h"

#include "libs/protocol/openssl_arithmetic.h"
// After openssl_arithmetic.h, which says that its deprecated interfaces are meant.
#include <openssl/ecdsa.h>
#include <openssl/hmac.h>

#include <map>

#include "libs/protocol/hash.h"
#include "libs/protocol/p256_var/points_var.h"
#include "libs/protocol/p256_var/signatures_var.h"

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

namespace {

// From so many signatures on, a table of the key's multiples costs less than it saves.
constexpr size_t kLeastForTable = 16;

p256_var::DigestSignature as_numbers(const SignatureCheck& check) {
  const std::span<const uint8_t, 64> signature(check.signature);
  return {p256_var::load_limbs(check.digest), p256_var::load_limbs(signature.first<32>()),
          p256_var::load_limbs(signature.last<32>())};
}

}  // namespace

std::vector<bool> check_signatures_var(std::span<const SignatureCheck> checks) {
  std::map<Point, std::vector<size_t>> by_key;
  for (size_t i = 0; i < checks.size(); ++i) by_key[*checks[i].key].push_back(i);
  std::vector<bool> valid(checks.size());
  for (const auto& [key, members] : by_key) {
    if (members.size() < kLeastForTable) {
      for (const size_t i : members) {
        valid[i] = verify_digest(key, checks[i].digest, checks[i].signature);
      }
      continue;
    }
    std::vector<p256_var::DigestSignature> signatures;
    signatures.reserve(members.size());
    for (const size_t i : members) signatures.push_back(as_numbers(checks[i]));
    const std::vector<bool> answers =
        p256_var::check_signatures_of(p256_var::to_affine(key), signatures);
    for (size_t k = 0; k < members.size(); ++k) valid[members[k]] = answers[k];
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
