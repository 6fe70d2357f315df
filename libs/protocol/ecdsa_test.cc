#include "libs/protocol/ecdsa.h"

#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <memory>

#include "libs/protocol/hash.h"
#include "libs/protocol/rng.h"

namespace cafe::protocol {
namespace {

Bytes hex(std::string_view digits) { return from_hex(digits).value(); }

// RFC 6979 appendix A.2.5: ECDSA, 256 bits (prime field).
SigningKey rfc_key() {
  return SigningKey::create(
             Scalar::decode(hex("C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721"))
                 .value())
      .value();
}

TEST(Ecdsa, rfc6979_key) {
  EXPECT_EQ(to_hex(rfc_key().public_key().bytes()),
            "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
            "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299");
}

TEST(Ecdsa, rfc6979_signatures_with_sha256) {
  EXPECT_EQ(to_hex(rfc_key().sign(view_of("sample"))),
            "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
            "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8");
  EXPECT_EQ(to_hex(rfc_key().sign(view_of("test"))),
            "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367"
            "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083");
}

// OpenSSL's own, current interface as the judge of this library's signatures.
bool evp_verify(const Point& key, ByteView message, const Signature& signature) {
  char curve[] = "prime256v1";
  Point::Encoding encoded = key.bytes();
  const OSSL_PARAM params[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, curve, 0),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, encoded.data(), encoded.size()),
      OSSL_PARAM_construct_end()};
  const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> from(
      EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr), EVP_PKEY_CTX_free);
  EVP_PKEY* raw = nullptr;
  EXPECT_EQ(EVP_PKEY_fromdata_init(from.get()), 1);
  EXPECT_EQ(
      EVP_PKEY_fromdata(from.get(), &raw, EVP_PKEY_PUBLIC_KEY, const_cast<OSSL_PARAM*>(params)), 1);
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> pkey(raw, EVP_PKEY_free);

  const std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> pair(ECDSA_SIG_new(), ECDSA_SIG_free);
  ECDSA_SIG_set0(pair.get(), BN_bin2bn(signature.data(), 32, nullptr),
                 BN_bin2bn(signature.data() + 32, 32, nullptr));
  unsigned char* der = nullptr;
  const int der_length = i2d_ECDSA_SIG(pair.get(), &der);
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> md(EVP_MD_CTX_new(),
                                                                   EVP_MD_CTX_free);
  EXPECT_EQ(EVP_DigestVerifyInit(md.get(), nullptr, EVP_sha256(), nullptr, pkey.get()), 1);
  const bool good =
      EVP_DigestVerify(md.get(), der, der_length, message.data(), message.size()) == 1;
  OPENSSL_free(der);
  return good;
}

TEST(Ecdsa, agrees_with_openssl_on_many_keys_and_messages) {
  SeededRng rng("ecdsa");
  for (size_t n = 0; n < 50; ++n) {
    const SigningKey key = SigningKey::create(rng.scalar()).value();
    Bytes message(rng.below(300));
    rng.fill(message);
    const Signature signature = key.sign(message);
    EXPECT_TRUE(verify(key.public_key(), message, signature));
    EXPECT_TRUE(evp_verify(key.public_key(), message, signature));
    message.push_back(0);
    EXPECT_FALSE(verify(key.public_key(), message, signature));
    EXPECT_FALSE(evp_verify(key.public_key(), message, signature));
  }
}

TEST(Ecdsa, any_flipped_bit_of_a_signature_is_refused) {
  const SigningKey key = rfc_key();
  const Signature good = key.sign(view_of("sample"));
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    Signature bad = good;
    bad[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    EXPECT_FALSE(verify(key.public_key(), view_of("sample"), bad)) << "bit " << bit;
  }
}

TEST(Ecdsa, zero_and_oversized_halves_are_refused) {
  const SigningKey key = rfc_key();
  const Signature good = key.sign(view_of("sample"));
  for (const size_t half : {0, 32}) {
    for (const uint8_t fill : {0x00, 0xFF}) {
      Signature bad = good;
      std::fill_n(bad.begin() + half, 32, fill);
      EXPECT_FALSE(verify(key.public_key(), view_of("sample"), bad));
    }
  }
  EXPECT_FALSE(verify(key.public_key(), view_of("sample"), Signature{}));
}

// Signatures of several keys, of which some have enough for a table and some have not.
TEST(Ecdsa, many_at_once_get_the_answers_of_each_alone) {
  SeededRng rng("ecdsa-batch");
  std::vector<SigningKey> keys;
  for (int i = 0; i < 4; ++i) keys.push_back(SigningKey::create(rng.scalar()).value());
  keys.push_back(SigningKey::create(Scalar::from_u64(1)).value());   // the generator itself
  keys.push_back(SigningKey::create(-Scalar::from_u64(1)).value());  // and its opposite
  const size_t signatures_of[] = {100, 16, 15, 1, 40, 20};
  std::vector<SignatureCheck> checks;
  for (size_t k = 0; k < keys.size(); ++k) {
    for (size_t i = 0; i < signatures_of[k]; ++i) {
      Bytes message(rng.below(100));
      rng.fill(message);
      checks.push_back({&keys[k].public_key(), sha256(message), keys[k].sign(message)});
      SignatureCheck& check = checks.back();
      switch (i % 7) {
        case 1:
          check.signature[rng.below(64)] ^= 1;
          break;
        case 2:
          check.digest[rng.below(32)] ^= 1;
          break;
        case 3:
          check.key = &keys[(k + 1) % keys.size()].public_key();
          break;
        default:
          break;
      }
    }
  }
  const std::vector<bool> answers = check_signatures_var(checks);
  ASSERT_EQ(answers.size(), checks.size());
  size_t valid = 0;
  for (size_t i = 0; i < checks.size(); ++i) {
    EXPECT_EQ(answers[i], verify_digest(*checks[i].key, checks[i].digest, checks[i].signature))
        << i;
    valid += answers[i] ? 1 : 0;
  }
  EXPECT_GT(valid, checks.size() / 2);
  EXPECT_LT(valid, checks.size());
}

TEST(Ecdsa, many_at_once_refuse_halves_out_of_range) {
  const SigningKey key = rfc_key();
  const Signature good = key.sign(view_of("sample"));
  const Bytes order = hex("FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551");
  std::vector<SignatureCheck> checks(20, {&key.public_key(), sha256(view_of("sample")), good});
  for (const size_t half : {0, 1}) {
    std::fill_n(checks[half * 4].signature.begin() + 32 * half, 32, 0x00);
    std::fill_n(checks[half * 4 + 1].signature.begin() + 32 * half, 32, 0xFF);
    std::copy(order.begin(), order.end(), checks[half * 4 + 2].signature.begin() + 32 * half);
  }
  checks[8].signature = {};
  const std::vector<bool> answers = check_signatures_var(checks);
  for (size_t i = 0; i < checks.size(); ++i) {
    const bool untouched = i == 3 || i == 7 || i > 8;
    EXPECT_EQ(answers[i], untouched) << i;
    EXPECT_EQ(answers[i], verify_digest(*checks[i].key, checks[i].digest, checks[i].signature));
  }
}

TEST(Ecdsa, a_zero_key_is_refused) {
  EXPECT_EQ(reason_of(SigningKey::create(Scalar()).status()), "UNUSABLE_KEY");
}

TEST(SignedDocument, is_checked_against_its_signer_only) {
  SeededRng rng("documents");
  const SigningKey key = SigningKey::create(rng.scalar()).value();
  const SigningKey other = SigningKey::create(rng.scalar()).value();
  SignedDocument document = SignedDocument::sign(to_bytes(view_of("a frame")), key);
  EXPECT_TRUE(document.check(key.public_key()).ok());
  EXPECT_EQ(reason_of(document.check(other.public_key())), "BAD_SIGNATURE");
  document.frame[0] ^= 1;
  EXPECT_EQ(reason_of(document.check(key.public_key())), "BAD_SIGNATURE");
}

}  // namespace
}  // namespace cafe::protocol
