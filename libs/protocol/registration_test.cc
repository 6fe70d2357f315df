#include "libs/protocol/registration.h"

#include <gtest/gtest.h>

#include <functional>

#include "libs/protocol/testing/world.h"

namespace cafe::protocol {
namespace {

using cafe::testing::World;
using cafe::testing::WorldWallet;

class RegistrationTest : public ::testing::Test {
 protected:
  World world{"registration"};
  WorldWallet wallet = world.make_wallet();
  const Registration& good() const { return wallet.account.registration; }
  GuardianCertificate guardian() const {
    return GuardianCertificate::decode(wallet.guardian_certificate.frame).value();
  }
  std::string check(const RegistrationFile& file,
                    const std::optional<Bytes32>& nonce = std::nullopt) const {
    return reason_of(check_registration(file, World::kIssuer, world.anchors, nonce).status());
  }
  // `registration` signed with `key`.
  RegistrationFile file_of(const Registration& registration, const SigningKey& key) const {
    return {wallet.guardian_certificate, SignedDocument::sign(registration.encode(), key)};
  }
};

TEST_F(RegistrationTest, an_honest_wallet_is_accepted_by_issuer_and_court) {
  EXPECT_EQ(check(wallet.registration, good().nonce), "");
  EXPECT_EQ(check(wallet.registration), "");
  EXPECT_EQ(wallet.account.account, account_id(World::kIssuer, wallet.account.points.I_coin));
  EXPECT_EQ(RegistrationFile::decode(wallet.registration.encode())->registration,
            wallet.registration.registration);
}

TEST_F(RegistrationTest, every_altered_field_is_found) {
  const SigningKey& key = wallet.identity.account_key;
  const Scalar one = Scalar::from_u64(1);
  struct Row {
    std::string reason;
    std::function<void(Registration&)> alter;
  };
  // Signed again with the account key, so that the signature is not what fails.
  const std::vector<Row> rows = {
      {"WRONG_ISSUER", [](Registration& r) { r.issuer_id += "x"; }},
      {"PROOF_OF_KNOWLEDGE", [](Registration& r) { r.nonce[0] ^= 1; }},
      {"CERTIFICATE_MISMATCH", [](Registration& r) { r.serial.bytes[0] ^= 1; }},
      {"CERTIFICATE_MISMATCH", [](Registration& r) { r.A_O = r.A_Q; }},
      {"CERTIFICATE_MISMATCH", [](Registration& r) { r.A_Q = r.A_O; }},
      {"PROOF_OF_KNOWLEDGE", [](Registration& r) { r.U = *add(r.U, g1()); }},
      {"PROOF_OF_KNOWLEDGE", [](Registration& r) { r.U3 = *add(r.U3, g3()); }},
      {"BAD_SIGNATURE", [](Registration& r) { r.K = g(); }},
      {"PROOF_OF_KNOWLEDGE", [](Registration& r) { r.R = *add(r.R, g1()); }},
      {"PROOF_OF_KNOWLEDGE", [](Registration& r) { r.R3 = *add(r.R3, g3()); }},
      {"PROOF_OF_KNOWLEDGE", [&](Registration& r) { r.t = r.t + one; }},
      {"GUARDIAN_ABSENT", [](Registration& r) { r.S = *add(r.S, g1()); }},
      {"GUARDIAN_ABSENT", [&](Registration& r) { r.answer = r.answer + one; }},
  };
  for (size_t n = 0; n < rows.size(); ++n) {
    Registration altered = good();
    rows[n].alter(altered);
    EXPECT_EQ(check(file_of(altered, key)), rows[n].reason) << "row " << n;
    // And without a new signature no altered field passes at all.
    const RegistrationFile stale{wallet.guardian_certificate,
                                 {altered.encode(), wallet.registration.registration.signature}};
    EXPECT_NE(check(stale), "") << "row " << n;
  }
}

TEST_F(RegistrationTest, a_nonce_serves_once) {
  Bytes32 other = good().nonce;
  other[31] ^= 1;
  EXPECT_EQ(check(wallet.registration, other), "STALE_NONCE");
}

TEST_F(RegistrationTest, another_key_cannot_take_over_a_registration) {
  // A thief of the proof puts his own account key in: the challenge covers K.
  Registration stolen = good();
  const SigningKey thief = cafe::testing::make_key(world.rng);
  stolen.K = thief.public_key();
  EXPECT_EQ(check(file_of(stolen, thief)), "PROOF_OF_KNOWLEDGE");
}

TEST_F(RegistrationTest, a_guardian_of_no_known_manufacturer_is_refused) {
  RegistrationFile file = wallet.registration;
  file.guardian = SignedDocument::sign(file.guardian.frame, world.master_key);
  EXPECT_EQ(check(file), "UNKNOWN_MANUFACTURER");
}

TEST_F(RegistrationTest, identity_points_are_no_identity) {
  const Scalar minus_one = -Scalar::from_u64(1);
  const Point minus_A = *multiply(minus_one, good().A_O);
  EXPECT_EQ(reason_of(IdentityPoints::compute(good().A_O, good().A_Q, minus_A).status()),
            "IDENTITY_POINT");
  EXPECT_EQ(reason_of(IdentityPoints::compute(good().A_Q, good().A_O, minus_A).status()),
            "IDENTITY_POINT");
  // m = I + G2 vanishes.
  const Point minus_A_minus_G2 = *add(minus_A, *multiply(minus_one, g2()));
  for (const auto& result : {IdentityPoints::compute(good().A_O, good().A_Q, minus_A_minus_G2),
                             IdentityPoints::compute(good().A_Q, good().A_O, minus_A_minus_G2)}) {
    EXPECT_EQ(reason_of(result.status()), "IDENTITY_POINT");
    EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument);
  }
}

TEST_F(RegistrationTest, guard_a_guardian_made_to_fit_a_known_U_frames_nobody) {
  // The attack, by issuer and manufacturer together: they know U and make the user's next guardian
  // with A_O' = κ·G1 - U, so that I' = A_O' + U has the logarithm κ, which they would "extract".
  const Scalar kappa = world.rng.scalar();
  const Scalar one = Scalar::from_u64(1);
  const Scalar minus_one = -one;
  GuardianCertificate fitted{Serial{world.rng.array<16>()},
                             *linear_combination({{kappa, g1()}, {minus_one, wallet.identity.U}}),
                             guardian().A_Q};
  // Had the wallet the same u1 with every guardian, they would succeed.
  ASSERT_EQ(add(fitted.A_O, wallet.identity.U), multiply(kappa, g1()));

  const WalletIdentity renewed =
      WalletIdentity::derive(wallet.identity_seed, World::kIssuer, fitted).value();
  EXPECT_NE(renewed.U, wallet.identity.U);
  EXPECT_NE(add(fitted.A_O, renewed.U), multiply(kappa, g1()));

  // Nor with the old serial.
  fitted.serial = guardian().serial;
  EXPECT_NE(
      add(fitted.A_O, WalletIdentity::derive(wallet.identity_seed, World::kIssuer, fitted)->U),
      multiply(kappa, g1()));
}

TEST_F(RegistrationTest, guard_u1_and_account_key_hang_on_issuer_and_every_part_of_the_guardian) {
  const GuardianCertificate own = guardian();
  GuardianCertificate other_serial = own;
  other_serial.serial.bytes[15] ^= 1;
  GuardianCertificate other_coin = own;
  other_coin.A_O = g();
  GuardianCertificate other_cheque = own;
  other_cheque.A_Q = g();
  std::vector<WalletIdentity> identities = {wallet.identity};
  for (const GuardianCertificate& other : {other_serial, other_coin, other_cheque}) {
    identities.push_back(
        WalletIdentity::derive(wallet.identity_seed, World::kIssuer, other).value());
  }
  identities.push_back(
      WalletIdentity::derive(wallet.identity_seed, "issuer-b.example", own).value());
  identities.push_back(WalletIdentity::derive(wallet.coin_seed, World::kIssuer, own).value());
  for (size_t a = 0; a < identities.size(); ++a) {
    EXPECT_NE(identities[a].u1, identities[a].account_key.secret());
    for (size_t b = 0; b < a; ++b) {
      EXPECT_NE(identities[a].u1, identities[b].u1) << a << " and " << b;
      EXPECT_NE(identities[a].account_key.secret(), identities[b].account_key.secret());
    }
  }
}

// The wallet that wants to be without its guardian: I = κ·G1 with κ its own, so U = κ·G1 - A_O,
// whose logarithm to G1 only wallet and guardian together know.
class GuardianlessRegistration : public RegistrationTest {
 protected:
  const Scalar kappa = world.rng.scalar();
  const Scalar minus_one = -Scalar::from_u64(1);
  const Scalar o2 = world.rng.scalar();
  const Point B_O = *multiply(o2, g1());
  const SigningKey key = cafe::testing::make_key(world.rng);

  Registration start(const Point& R, const Point& U3, const Point& R3) {
    const Point U = *linear_combination({{kappa, g1()}, {minus_one, good().A_O}});
    return Registration{std::string(World::kIssuer),
                        good().nonce,
                        good().serial,
                        good().A_O,
                        good().A_Q,
                        U,
                        U3,
                        key.public_key(),
                        R,
                        R3,
                        Scalar(),
                        B_O,
                        Scalar()};
  }
  // A coin-mode answer: the guardian sees a random-looking scalar and cannot tell what for.
  Scalar ask_guardian(const Scalar& challenge, const Scalar& slot) const {
    return challenge * wallet.guardian.o_coin + slot;
  }
};

TEST_F(GuardianlessRegistration, guard_the_guardians_answers_do_not_prove_knowledge_without_U3) {
  // With R = B_O and the guardian's answer to -e, t = e·κ + ans fulfils the equation on G1. The
  // attacker is free in U3 and R3; all that he can build from what he has:
  const Scalar k = world.rng.scalar();
  const Point kappa_G3 = *multiply(kappa, g3());
  const Point k_G3 = *multiply(k, g3());
  const Point U = *linear_combination({{kappa, g1()}, {minus_one, good().A_O}});
  const std::vector<std::pair<Point, Point>> choices = {
      {kappa_G3, k_G3},           // as if u1 were κ
      {U, B_O},                   // the points of G1 again
      {*add(kappa_G3, U), k_G3},  // mixtures
      {g3(), g3()},
  };
  for (const auto& [U3, R3] : choices) {
    Registration forged = start(B_O, U3, R3);
    const Scalar e = forged.challenge();
    forged.t = e * kappa + ask_guardian(-e, o2);
    const Scalar minus_e = -e;
    ASSERT_TRUE(combination_equals({{forged.t, g1()}, {minus_e, forged.U}}, forged.R))
        << "the attack on the first equation alone succeeds";
    // The guardian's presence is genuine.
    const Scalar o2_presence = world.rng.scalar();
    forged.S = *multiply(o2_presence, g1());
    forged.answer = ask_guardian(forged.presence_challenge(), o2_presence);
    EXPECT_EQ(check(file_of(forged, key)), "PROOF_OF_KNOWLEDGE");
  }
}

TEST_F(GuardianlessRegistration, guard_R3_cannot_be_chosen_after_the_challenge) {
  Registration forged = start(B_O, g3(), g3());
  const Scalar e = forged.challenge();
  forged.t = e * kappa + ask_guardian(-e, o2);
  const Scalar minus_e = -e;
  forged.R3 = *linear_combination({{forged.t, g3()}, {minus_e, forged.U3}});
  EXPECT_EQ(check(file_of(forged, key)), "PROOF_OF_KNOWLEDGE");
}

TEST_F(RegistrationTest, a_guardian_that_answers_wrongly_is_not_sent_on) {
  const Scalar o2 = world.rng.scalar();
  const RegistrationDraft draft =
      RegistrationDraft::begin(wallet.identity, World::kIssuer, good().nonce,
                               wallet.guardian_certificate, *multiply(o2, g1()), world.rng)
          .value();
  const Scalar answer = draft.guardian_challenge() * wallet.guardian.o_coin + o2;
  EXPECT_TRUE(draft.finish(answer).ok());
  EXPECT_EQ(reason_of(draft.finish(answer + Scalar::from_u64(1)).status()), "GUARDIAN_WRONG");
  EXPECT_EQ(
      reason_of(draft.finish(draft.guardian_challenge() * wallet.guardian.o_cheque + o2).status()),
      "GUARDIAN_WRONG");
}

TEST_F(RegistrationTest, guard_what_the_guardian_sees_fits_every_registration) {
  // Raw, the guardian's answer could be compared with past ones, or be the answer to a past
  // payment's slot. Blinded, each of its views fits each transcript: for all pairs there are α and
  // β that lead from one to the other, so the view says nothing about which it was.
  struct Run {
    Point B_O;
    Scalar challenge, answer;  // what the guardian sees and says
    Registration sent;
  };
  std::vector<Run> runs;
  for (int n = 0; n < 4; ++n) {
    const Scalar o2 = world.rng.scalar();
    const Point B_O = *multiply(o2, g1());
    const RegistrationDraft draft =
        RegistrationDraft::begin(wallet.identity, World::kIssuer, world.rng.array<32>(),
                                 wallet.guardian_certificate, B_O, world.rng)
            .value();
    const Scalar answer = draft.guardian_challenge() * wallet.guardian.o_coin + o2;
    const RegistrationFile file = draft.finish(answer).value();
    ASSERT_EQ(check(file), "");
    runs.push_back({B_O, draft.guardian_challenge(), answer,
                    Registration::decode(file.registration.frame).value()});
  }
  const Scalar one = Scalar::from_u64(1);
  for (const Run& view : runs) {
    for (const Run& transcript : runs) {
      const Registration& sent = transcript.sent;
      EXPECT_NE(view.challenge, sent.presence_challenge());
      EXPECT_NE(view.answer, sent.answer);
      EXPECT_NE(view.B_O, sent.S);
      const Scalar alpha = view.challenge - sent.presence_challenge();
      const Scalar beta = sent.answer - view.answer;
      EXPECT_EQ(linear_combination({{one, view.B_O}, {alpha, sent.A_O}, {beta, g1()}}), sent.S);
    }
  }
}

TEST_F(RegistrationTest, the_same_wallet_never_blinds_twice_alike) {
  const auto draft = [&] {
    return RegistrationDraft::begin(wallet.identity, World::kIssuer, good().nonce,
                                    wallet.guardian_certificate, g1(), world.rng)
        ->guardian_challenge();
  };
  EXPECT_NE(draft(), draft());
}

}  // namespace
}  // namespace cafe::protocol
