// Loads of a guardian's counters: nothing but the issuer's next one is taken.
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "gtest/gtest.h"
#include "libs/protocol/frame.h"
#include "libs/protocol/guardian.h"
#include "libs/protocol/rng.h"
#include "libs/protocol/testing/load_keys.h"

namespace cafe::protocol {
namespace {

using testing::load_key_of;
using testing::LoadKeyPair;
using testing::make_p256;
using testing::make_rsa;

const LoadKeyPair& issuer_key() { return load_key_of("issuer-a.example"); }

class LoadTest : public ::testing::Test {
 protected:
  Load load(uint64_t amount, uint64_t sequence) const {
    return {serial_, "issuer-a.example", "EUR", amount, sequence};
  }
  absl::StatusOr<LoadResult> apply(const Load& load) { return apply(load, issuer_key()); }
  absl::StatusOr<LoadResult> apply(const Load& load, const LoadKeyPair& signer) {
    return apply_load(serial_, key_, counter_, load.encode(),
                      sign_load(load, signer.private_der).value());
  }
  std::string reason(const Load& load) { return reason_of(apply(load).status()); }
  // Applies a load that must be taken.
  void take(const Load& load) {
    const auto out = apply(load);
    ASSERT_TRUE(out.ok()) << out.status();
    key_ = out->key;
    counter_ = out->counter;
  }

  SeededRng rng_{"load"};
  Serial serial_{rng_.array<16>()};
  LoadKey key_{"issuer-a.example", issuer_key().public_der, 0};
  GuardianCounter counter_{"issuer-a.example", "EUR", 0};
};

TEST_F(LoadTest, TheNextLoadIsTaken) {
  take(load(5000, 1));
  EXPECT_EQ(counter_.amount, 5000u);
  EXPECT_EQ(key_.last_sequence, 1u);
  take(load(250, 2));
  EXPECT_EQ(counter_.amount, 5250u);
  EXPECT_EQ(key_.last_sequence, 2u);
}

// [guard]
TEST_F(LoadTest, AReplayedLoadIsRefused) {
  take(load(5000, 1));
  EXPECT_EQ(reason(load(5000, 1)), "LOAD_SEQUENCE");
  take(load(5000, 2));
  EXPECT_EQ(reason(load(5000, 1)), "LOAD_SEQUENCE");
  EXPECT_EQ(reason(load(5000, 2)), "LOAD_SEQUENCE");
  EXPECT_EQ(counter_.amount, 10000u);
}

// [guard] A skipped load could be kept and never be told from one that is lost.
TEST_F(LoadTest, ASkippedSequenceIsRefused) {
  EXPECT_EQ(reason(load(5000, 2)), "LOAD_SEQUENCE");
  EXPECT_EQ(reason(load(5000, 0)), "LOAD_SEQUENCE") << "the first sequence is 1";
  EXPECT_EQ(reason(load(5000, UINT64_MAX)), "LOAD_SEQUENCE");
  key_.last_sequence = UINT64_MAX;
  EXPECT_EQ(reason(load(5000, 0)), "LOAD_SEQUENCE") << "the sequence does not wrap";
}

// [guard] One sequence for each issuer: a load in another currency counts, and may not be replayed.
TEST_F(LoadTest, TheSequenceIsOneForAllCurrencies) {
  take(load(5000, 1));
  Load dollars = load(700, 1);
  dollars.currency = "USD";
  GuardianCounter dollar_counter{"issuer-a.example", "USD", 0};
  std::swap(counter_, dollar_counter);
  EXPECT_EQ(reason(dollars), "LOAD_SEQUENCE");
  dollars.sequence = 2;
  take(dollars);
  EXPECT_EQ(counter_.amount, 700u);
}

// [guard] Another issuer's key loads its own counters only, whatever it signs.
TEST_F(LoadTest, AnotherIssuersKeyLoadsNothingHere) {
  const LoadKeyPair& other_issuer = load_key_of("issuer-b.example");
  EXPECT_EQ(reason_of(apply(load(5000, 1), other_issuer).status()), "BAD_SIGNATURE");
  // With the key under which the manufacturer put it in, it still reaches its own counters only.
  key_ = {"issuer-b.example", other_issuer.public_der, 0};
  EXPECT_EQ(reason_of(apply(load(5000, 1), other_issuer).status()), "WRONG_ISSUER");
  Load own = load(5000, 1);
  own.issuer_id = "issuer-b.example";
  EXPECT_EQ(reason_of(apply(own, other_issuer).status()), "WRONG_COUNTER");
}

TEST_F(LoadTest, ALoadOfAnotherGuardianOrCurrencyIsRefused) {
  Load other = load(5000, 1);
  other.serial.bytes[0] ^= 1;
  EXPECT_EQ(reason(other), "WRONG_GUARDIAN");
  other = load(5000, 1);
  other.currency = "USD";
  EXPECT_EQ(reason(other), "WRONG_COUNTER");
}

// [guard]
TEST_F(LoadTest, AmountsAreAboveZeroAndDoNotOverflow) {
  EXPECT_EQ(reason(load(0, 1)), "AMOUNT_ZERO");
  counter_.amount = 10;
  EXPECT_EQ(reason(load(UINT64_MAX - 5, 1)), "AMOUNT_OVERFLOW");
  EXPECT_EQ(reason(load(uint64_t{1} << 63, 1)), "AMOUNT_OVERFLOW");
}

TEST_F(LoadTest, AnAlteredLoadOrSignatureIsRefused) {
  const Load good = load(5000, 1);
  const Bytes frame = good.encode();
  const Bytes signature = sign_load(good, issuer_key().private_der).value();
  ASSERT_EQ(signature.size(), 384u);
  const auto reason = [&](ByteView f, ByteView s) {
    return reason_of(check_load(f, s, issuer_key().public_der));
  };
  EXPECT_EQ(reason(frame, signature), "");
  for (size_t at = 0; at < frame.size(); ++at) {
    Bytes altered = frame;
    altered[at] ^= 1;
    EXPECT_EQ(reason(altered, signature), "BAD_SIGNATURE") << at;
  }
  for (size_t at = 0; at < signature.size(); at += 5) {
    Bytes altered = signature;
    altered[at] ^= 0x40;
    EXPECT_EQ(reason(frame, altered), "BAD_SIGNATURE") << at;
  }
  Bytes longer = signature;
  longer.insert(longer.begin(), 0);
  EXPECT_EQ(reason(frame, longer), "BAD_SIGNATURE");
  EXPECT_EQ(reason(frame, ByteView(signature).first(383)), "BAD_SIGNATURE");
  EXPECT_EQ(reason(frame, {}), "BAD_SIGNATURE");
  EXPECT_EQ(reason(frame, Bytes(384, 0)), "BAD_SIGNATURE");
  EXPECT_EQ(reason(frame, Bytes(384, 0xFF)), "BAD_SIGNATURE");
}

// The signer has no choice: with one there would be room for a message to the guardian.
TEST_F(LoadTest, SignaturesAreDeterministicAndOfOnePaddingOnly) {
  const Load good = load(5000, 1);
  EXPECT_EQ(sign_load(good, issuer_key().private_der).value(),
            sign_load(good, issuer_key().private_der).value());

  // The same key, PSS: random salt, and so refused.
  const Bytes& der = issuer_key().private_der;
  const uint8_t* at = der.data();
  EVP_PKEY* key = d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(der.size()));
  EVP_MD_CTX* ctx = EVP_MD_CTX_new();
  EVP_PKEY_CTX* pctx = nullptr;
  const Bytes frame = good.encode();
  Bytes pss(384);
  size_t size = pss.size();
  ASSERT_EQ(EVP_DigestSignInit(ctx, &pctx, EVP_sha256(), nullptr, key), 1);
  ASSERT_EQ(EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING), 1);
  ASSERT_EQ(EVP_DigestSign(ctx, pss.data(), &size, frame.data(), frame.size()), 1);
  EVP_MD_CTX_free(ctx);
  EVP_PKEY_free(key);
  EXPECT_EQ(reason_of(check_load(frame, pss, issuer_key().public_der)), "BAD_SIGNATURE");
}

TEST_F(LoadTest, OnlyRsaKeysOf3072BitsAreLoadKeys) {
  const Bytes frame = load(5000, 1).encode();
  const Bytes signature(384);
  const LoadKeyPair small = make_rsa(2048);
  const LoadKeyPair curve = make_p256();
  Bytes trailing = issuer_key().public_der;
  trailing.push_back(0);
  const Bytes cut(issuer_key().public_der.begin(), issuer_key().public_der.end() - 1);
  for (const Bytes& key :
       {small.public_der, curve.public_der, trailing, cut, Bytes{}, Bytes{1, 2}}) {
    EXPECT_EQ(reason_of(check_load(frame, signature, key)), "BAD_LOAD_KEY");
  }
  Bytes trailing_private = issuer_key().private_der;
  trailing_private.push_back(0);
  for (const Bytes& key : {small.private_der, curve.private_der, trailing_private, Bytes{}}) {
    EXPECT_EQ(reason_of(sign_load(load(5000, 1), key).status()), "BAD_LOAD_KEY");
  }
}

}  // namespace
}  // namespace cafe::protocol
