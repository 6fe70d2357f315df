// Attacks on cases: framing by issuer and manufacturer together, and every single alteration.
#include "libs/protocol/case_file.h"

#include "gtest/gtest.h"
#include "libs/protocol/testing/case_fixture.h"
#include "libs/protocol/testing/leaves.h"

namespace cafe::protocol {
namespace {

using testing::Guardian;
using testing::kWorldNow_s;
using testing::Leaf;
using testing::leaves_of;
using testing::Market;
using testing::WithdrawnCoin;
using testing::WorldWallet;

using CaseAttackTest = testing::CaseFixture;

// --- framing -------------------------------------------------------------------------------------

// [guard] Issuer and manufacturer together: they have every key but the user's own, the guardian's
// o_coin, and her registration. They lack u1.
class FramingTest : public CaseAttackTest {
 protected:
  // A coin and two payments of its slot by whoever knows `secret`, the logarithm of `identity`.
  CaseFile forge(const Scalar& secret, const RegistrationFile& registration) {
    const Scalar s = market_.rng.scalar(), x1 = market_.rng.scalar(), x2 = market_.rng.scalar();
    const Point m = *add(*multiply(secret, g1()), g2());
    const Point B = *linear_combination({{x1, g1()}, {x2, g2()}});
    const Coin coin = market_.sign_coin(market_.coin, *multiply(s, m),
                                        merkle_root(point_leaves(std::span(&B, 1))));
    const auto pay = [&] {
      Payment payment{market_.sign_terms(market_.make_terms(500)), {coin}, {}};
      Spend spend{.coin = 0,
                  .slot = 0,
                  .value = 500,
                  .tick_root = {},
                  .salt = {},
                  .B = B,
                  .path = {},
                  .r1 = {},
                  .r2 = {},
                  .tick = std::nullopt};
      const Scalar d = challenge_of(market_.coin.denomination, coin, spend, payment.terms.digest());
      spend.r1 = d * s * secret + x1;
      spend.r2 = d * s + x2;
      payment.spends.push_back(spend);
      return payment;
    };
    WorldWallet of = wallet_;
    of.registration = registration;
    const Payment first = pay(), second = pay();
    return market_.open_case(of, first, 0, second, 0);
  }
};

TEST_F(FramingTest, ThePremiseWhoeverKnowsTheSecretConvicts) {
  const Scalar own = wallet_.guardian.o_coin + wallet_.identity.u1;
  EXPECT_EQ(verdict(forge(own, wallet_.registration)), "");
}

TEST_F(FramingTest, KnowingTheGuardiansKeyAloneConvictsNobody) {
  EXPECT_EQ(verdict(forge(wallet_.guardian.o_coin, wallet_.registration)), "WRONG_SECRET");
  EXPECT_EQ(verdict(forge(market_.rng.scalar(), wallet_.registration)), "WRONG_SECRET");
}

// They answer a second challenge for a coin that she spent once, as far as they can.
TEST_F(FramingTest, ASecondPaymentOfAnHonestCoinCannotBeMadeUp) {
  const Payment honest = market_.pay(wallet_, {{&plain_, 0, 500}});
  Payment forged = honest;
  forged.terms = market_.sign_terms(market_.make_terms(500));
  CaseFile file{std::string(Market::kIssuer),
                1,
                kWorldNow_s,
                market_.signed_list,
                plain_.coin.id(),
                0,
                {honest, 0, market_.terminal_credential},
                {forged, 0, market_.terminal_credential},
                wallet_.guardian.o_coin,
                wallet_.registration};
  EXPECT_EQ(verdict(file), "SPEND_INVALID");
  const Scalar difference = market_.trace(forged).d - market_.trace(honest).d;
  for (const Scalar& s : {Scalar::from_u64(1), market_.rng.scalar()}) {
    Spend& spend = file.second.payment.spends[0];
    spend.r1 = honest.spends[0].r1 + difference * s * wallet_.guardian.o_coin;
    spend.r2 = honest.spends[0].r2 + difference * s;
    EXPECT_EQ(verdict(file), "SPEND_INVALID");
  }
}

// A later guardian made to fit her U: A_O' = κ·G1 - U, so that they know κ, the logarithm of its
// identity point.
TEST_F(FramingTest, AGuardianMadeToFitConvictsNobody) {
  const Scalar kappa = market_.rng.scalar();
  const Registration& hers = wallet_.account.registration;
  GuardianCertificate fitted{
      hers.serial, *linear_combination({{kappa, g1()}, {-Scalar::from_u64(1), hers.U}}), hers.A_Q};
  const SignedDocument certificate =
      SignedDocument::sign(fitted.encode(), market_.manufacturer_key);

  // With her registration as it is.
  RegistrationFile file{certificate, wallet_.registration.registration};
  EXPECT_EQ(verdict(forge(kappa, file)), "CERTIFICATE_MISMATCH");

  // With her registration rewritten for the new guardian: her key did not sign it.
  Registration rewritten = hers;
  rewritten.A_O = fitted.A_O;
  file.registration = {rewritten.encode(), wallet_.registration.registration.signature};
  EXPECT_EQ(verdict(forge(kappa, file)), "BAD_SIGNATURE");

  // With a key of their own in place of hers: the proof of u1 is bound to all of it, and they
  // cannot make another. Their best tries are her old proof, and one for κ.
  const SigningKey theirs = testing::make_key(market_.rng);
  rewritten.K = theirs.public_key();
  file.registration = SignedDocument::sign(rewritten.encode(), theirs);
  EXPECT_EQ(verdict(forge(kappa, file)), "PROOF_OF_KNOWLEDGE");
  const Scalar k = market_.rng.scalar();
  rewritten.R = *multiply(k, g1());
  rewritten.R3 = *multiply(k, g3());
  rewritten.t = k + rewritten.challenge() * kappa;
  file.registration = SignedDocument::sign(rewritten.encode(), theirs);
  EXPECT_EQ(verdict(forge(kappa, file)), "PROOF_OF_KNOWLEDGE");
}

// --- alterations ---------------------------------------------------------------------------------

// Every leaf field of the whole evidence, frames within frames: one bit flipped in its first and in
// its last byte, or a byte added to an empty one.
std::vector<std::pair<std::string, Bytes>> alterations(ByteView document) {
  std::vector<std::pair<std::string, Bytes>> out;
  for (const Leaf& leaf : leaves_of(document)) {
    if (leaf.length == 0) {
      out.emplace_back(leaf.where, testing::replace_field(document, leaf.offset, Bytes{0}));
      continue;
    }
    for (const size_t at :
         {leaf.offset, leaf.offset + leaf.length / 2, leaf.offset + leaf.length - 1}) {
      Bytes altered = to_bytes(document);
      altered[at] ^= 1;
      out.emplace_back(leaf.where, std::move(altered));
    }
  }
  return out;
}

TEST_F(CaseAttackTest, EverySingleAlteredFieldIsRefused) {
  const auto [first, second] = spend_twice(cheque_, 0, 1234, 4999);
  for (const CaseFile& file : {good_case(), market_.open_case(wallet_, first, 0, second, 0)}) {
    const Bytes good = market_.sign_case(file).encode();
    ASSERT_TRUE(verify_case(SignedCase::decode(good).value(), market_.anchors).ok());
    const auto all = alterations(good);
    EXPECT_GT(all.size(), 300u);
    for (const auto& [where, altered] : all) {
      ASSERT_NE(altered, good) << where;
      const auto decoded = SignedCase::decode(altered);
      EXPECT_FALSE(decoded.ok() && verify_case(*decoded, market_.anchors).ok()) << where;
    }
  }
}

TEST_F(CaseAttackTest, EveryAlteredByteIsRefused) {
  const Bytes good = market_.sign_case(good_case()).encode();
  for (size_t at = 0; at < good.size(); at += 3) {
    Bytes altered = good;
    altered[at] ^= static_cast<uint8_t>(1 << market_.rng.below(8));
    const auto decoded = SignedCase::decode(altered);
    EXPECT_FALSE(decoded.ok() && verify_case(*decoded, market_.anchors).ok()) << at;
  }
}

// The issuer itself alters a case, and signs it again: what it says of others stays proved. Only
// the case's own number and date are the issuer's to say.
TEST_F(CaseAttackTest, EveryFieldThatProvesSomethingHoldsAgainstTheIssuerToo) {
  const auto [first, second] = spend_twice(cheque_, 0, 1234, 4999);
  for (const CaseFile& file : {good_case(), market_.open_case(wallet_, first, 0, second, 0)}) {
    for (const auto& [where, altered] : alterations(file.encode())) {
      const SignedCase again{SignedDocument::sign(altered, market_.coinstore_key),
                             market_.coinstore_certificate};
      const bool issuers_own = where == "case/2" || where == "case/3";
      const bool verifies = verify_case(again, market_.anchors).ok();
      if (!issuers_own) {
        EXPECT_FALSE(verifies) << where;
      }
      if (where == "case/2") {
        EXPECT_TRUE(verifies) << "the number is the issuer's to give";
      }
    }
  }
}

TEST_F(CaseAttackTest, TruncatedEvidenceIsRefused) {
  const Bytes good = market_.sign_case(good_case()).encode();
  for (size_t length = 0; length < good.size(); ++length) {
    EXPECT_FALSE(SignedCase::decode(ByteView(good).first(length)).ok());
  }
}

}  // namespace
}  // namespace cafe::protocol
