// Loads of a guardian's counters (section 5), signed with RSA so that their signer has no choice
// with which to carry a message into the guardian.
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>

#include "libs/protocol/amount.h"
#include "libs/protocol/frame.h"
#include "libs/protocol/guardian.h"
#include "libs/protocol/openssl_arithmetic.h"

namespace cafe::protocol {

namespace {

constexpr std::string_view kLoadLabel = "cafe/v1/load";
constexpr int kLoadKeyBits = 3072;
constexpr size_t kLoadSignatureSize = kLoadKeyBits / 8;

struct KeyDeleter {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using KeyHandle = std::unique_ptr<EVP_PKEY, KeyDeleter>;

struct DigestDeleter {
  void operator()(EVP_MD_CTX* ctx) const { EVP_MD_CTX_free(ctx); }
};
using DigestHandle = std::unique_ptr<EVP_MD_CTX, DigestDeleter>;

struct Pkcs8Deleter {
  void operator()(PKCS8_PRIV_KEY_INFO* info) const { PKCS8_PRIV_KEY_INFO_free(info); }
};

absl::StatusOr<KeyHandle> check_key(KeyHandle key, bool whole) {
  if (key == nullptr || !whole || EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA ||
      EVP_PKEY_get_bits(key.get()) != kLoadKeyBits) {
    return invalid("BAD_LOAD_KEY", "A load key must be an RSA key of 3072 bits, in DER.");
  }
  return key;
}

absl::StatusOr<KeyHandle> open_public_key(ByteView der) {
  const uint8_t* at = der.data();
  KeyHandle key(d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())));
  return check_key(std::move(key), at == der.data() + der.size());
}

absl::StatusOr<KeyHandle> open_private_key(ByteView der) {
  const uint8_t* at = der.data();
  const std::unique_ptr<PKCS8_PRIV_KEY_INFO, Pkcs8Deleter> info(
      d2i_PKCS8_PRIV_KEY_INFO(nullptr, &at, static_cast<long>(der.size())));
  KeyHandle key(info == nullptr ? nullptr : EVP_PKCS82PKEY(info.get()));
  return check_key(std::move(key), at == der.data() + der.size());
}

}  // namespace

Bytes Load::encode() const {
  return Frame(kLoadLabel)
      .add(serial)
      .add(issuer_id)
      .add(currency)
      .add_u64(amount)
      .add_u64(sequence)
      .take();
}

absl::StatusOr<Load> Load::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kLoadLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(Serial serial, in.id<Serial>());
  CAFE_ASSIGN_OR_RETURN(std::string issuer_id, in.text());
  CAFE_RETURN_IF_ERROR(check_issuer_id(issuer_id));
  CAFE_ASSIGN_OR_RETURN(std::string currency, in.text());
  CAFE_RETURN_IF_ERROR(check_currency(currency));
  CAFE_ASSIGN_OR_RETURN(uint64_t amount, in.u64());
  CAFE_ASSIGN_OR_RETURN(uint64_t sequence, in.u64());
  CAFE_RETURN_IF_ERROR(in.finish());
  return Load{serial, std::move(issuer_id), std::move(currency), amount, sequence};
}

absl::StatusOr<Bytes> sign_load(const Load& load, ByteView private_key_der) {
  CAFE_ASSIGN_OR_RETURN(const KeyHandle key, open_private_key(private_key_der));
  const DigestHandle ctx(EVP_MD_CTX_new());
  const Bytes frame = load.encode();
  Bytes signature(kLoadSignatureSize);
  size_t size = signature.size();
  // PKCS #1 v1.5 is what an RSA key signs with unless told otherwise.
  if (ctx == nullptr ||
      EVP_DigestSignInit(ctx.get(), nullptr, EVP_sha256(), nullptr, key.get()) != 1 ||
      EVP_DigestSign(ctx.get(), signature.data(), &size, frame.data(), frame.size()) != 1 ||
      size != signature.size()) {
    return invalid("BAD_LOAD_KEY", "The load key does not sign.");
  }
  return signature;
}

absl::Status check_load_key(ByteView public_key_der) {
  return open_public_key(public_key_der).status();
}

absl::Status check_load(ByteView load_frame, ByteView signature, ByteView public_key_der) {
  CAFE_ASSIGN_OR_RETURN(const KeyHandle key, open_public_key(public_key_der));
  const DigestHandle ctx(EVP_MD_CTX_new());
  require_openssl(ctx != nullptr &&
                  EVP_DigestVerifyInit(ctx.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1);
  if (signature.size() != kLoadSignatureSize ||
      EVP_DigestVerify(ctx.get(), signature.data(), signature.size(), load_frame.data(),
                       load_frame.size()) != 1) {
    return make_error(absl::StatusCode::kUnauthenticated, "BAD_SIGNATURE",
                      "A load's signature does not verify under the issuer's load key.");
  }
  return absl::OkStatus();
}

absl::StatusOr<LoadResult> apply_load(const Serial& serial, const LoadKey& key,
                                      const GuardianCounter& counter, ByteView load_frame,
                                      ByteView signature) {
  CAFE_RETURN_IF_ERROR(check_load(load_frame, signature, key.public_key_der));
  CAFE_ASSIGN_OR_RETURN(const Load load, Load::decode(load_frame));
  if (load.serial != serial) {
    return refused("WRONG_GUARDIAN", "The load is for another guardian.");
  }
  if (load.issuer_id != key.issuer_id) {
    return refused("WRONG_ISSUER", "A load key loads its own issuer's counters only.");
  }
  if (load.issuer_id != counter.issuer_id || load.currency != counter.currency) {
    return refused("WRONG_COUNTER", "The counter is not the one that the load is for.");
  }
  // Not last_sequence + 1, which may wrap.
  if (load.sequence == 0 || load.sequence - 1 != key.last_sequence) {
    return refused("LOAD_SEQUENCE", "Loads are taken in the order of their numbers, each once.");
  }
  if (load.amount == 0) return invalid("AMOUNT_ZERO", "A load is of more than nothing.");
  LoadResult out{key, counter};
  CAFE_ASSIGN_OR_RETURN(out.counter.amount, checked_add(counter.amount, load.amount));
  out.key.last_sequence = load.sequence;
  return out;
}

}  // namespace cafe::protocol
