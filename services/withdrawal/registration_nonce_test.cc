#include "services/withdrawal/registration_nonce.h"

#include <gtest/gtest.h>

namespace cafe::withdrawal {
namespace {

using protocol::reason_of;

constexpr uint64_t kNow_s = 1'765'000'000;

class RegistrationNonce : public ::testing::Test {
 protected:
  protocol::SeededRng rng_{"nonces"};
  protocol::Seed seed_ = rng_.seed();
  RegistrationNonces nonces_{"issuer-a.example", seed_};
};

TEST_F(RegistrationNonce, IsGoodForTenMinutesAndNotASecondLonger) {
  const protocol::Bytes32 nonce = nonces_.draw(kNow_s, rng_);
  EXPECT_TRUE(nonces_.check(nonce, kNow_s).ok());
  EXPECT_TRUE(nonces_.check(nonce, kNow_s + 599).ok());
  EXPECT_EQ(reason_of(nonces_.check(nonce, kNow_s + 600)), "NONCE_EXPIRED");
}

TEST_F(RegistrationNonce, IsKnownToEveryReplicaOfTheIssuer) {
  const RegistrationNonces replica("issuer-a.example", seed_);
  EXPECT_TRUE(replica.check(nonces_.draw(kNow_s, rng_), kNow_s).ok());
}

TEST_F(RegistrationNonce, OfAnotherIssuerOrSeedIsRefused) {
  const protocol::Bytes32 nonce = nonces_.draw(kNow_s, rng_);
  EXPECT_EQ(reason_of(RegistrationNonces("issuer-b.example", seed_).check(nonce, kNow_s)),
            "UNKNOWN_NONCE");
  EXPECT_EQ(reason_of(RegistrationNonces("issuer-a.example", rng_.seed()).check(nonce, kNow_s)),
            "UNKNOWN_NONCE");
}

TEST_F(RegistrationNonce, WithAnyBitFlippedIsRefused) {
  const protocol::Bytes32 nonce = nonces_.draw(kNow_s, rng_);
  for (size_t bit = 0; bit < 256; ++bit) {
    protocol::Bytes32 altered = nonce;
    altered[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    EXPECT_EQ(reason_of(nonces_.check(altered, kNow_s)), "UNKNOWN_NONCE") << bit;
  }
}

TEST_F(RegistrationNonce, IsNeverDrawnTwice) {
  EXPECT_NE(nonces_.draw(kNow_s, rng_), nonces_.draw(kNow_s, rng_));
}

}  // namespace
}  // namespace cafe::withdrawal
