#include "libs/protocol/registration.h"

#include "libs/protocol/hash.h"

namespace cafe::protocol {

namespace {

Frame wallet_frame(std::string_view label, std::string_view issuer_id,
                   const GuardianCertificate& guardian) {
  Frame frame(label);
  frame.add(issuer_id).add(guardian.serial).add(guardian.A_O).add(guardian.A_Q);
  return frame;
}

absl::StatusOr<Point> sum_of_public(const Point& a, const Point& b) {
  const auto sum = add(a, b);
  if (!sum) {
    return invalid("IDENTITY_POINT",
                   "An identity point of this registration is the identity: use other keys.");
  }
  return *sum;
}

}  // namespace

absl::StatusOr<WalletIdentity> WalletIdentity::derive(const Seed& identity_seed,
                                                      std::string_view issuer_id,
                                                      const GuardianCertificate& guardian) {
  const Scalar u1 =
      prf_scalar(identity_seed.view(), wallet_frame("cafe/v1/identity", issuer_id, guardian));
  const Scalar key =
      prf_scalar(identity_seed.view(), wallet_frame("cafe/v1/account-key", issuer_id, guardian));
  CAFE_ASSIGN_OR_RETURN(Point U, not_identity(multiply(u1, g1())));
  CAFE_ASSIGN_OR_RETURN(Point U3, not_identity(multiply(u1, g3())));
  CAFE_ASSIGN_OR_RETURN(SigningKey account_key, SigningKey::create(key));
  return WalletIdentity{u1, U, U3, account_key};
}

absl::StatusOr<IdentityPoints> IdentityPoints::compute(const Point& A_O, const Point& A_Q,
                                                       const Point& U) {
  CAFE_ASSIGN_OR_RETURN(Point I_coin, sum_of_public(A_O, U));
  CAFE_ASSIGN_OR_RETURN(Point I_cheque, sum_of_public(A_Q, U));
  CAFE_ASSIGN_OR_RETURN(Point m_coin, sum_of_public(I_coin, g2()));
  CAFE_ASSIGN_OR_RETURN(Point m_cheque, sum_of_public(I_cheque, g2()));
  return IdentityPoints{I_coin, I_cheque, m_coin, m_cheque};
}

AccountId account_id(std::string_view issuer_id, const Point& I_coin) {
  return AccountId{digest(Frame("cafe/v1/account").add(issuer_id).add(I_coin))};
}

namespace {

// What is proved, and the proof's commitments: all that the challenge covers.
Frame statement(std::string_view label, const Registration& r) {
  Frame frame(label);
  frame.add(r.issuer_id)
      .add(r.nonce)
      .add(r.serial)
      .add(r.A_O)
      .add(r.A_Q)
      .add(r.U)
      .add(r.U3)
      .add(r.K)
      .add(r.R)
      .add(r.R3);
  return frame;
}

}  // namespace

Bytes Registration::encode() const {
  return statement("cafe/v1/register", *this).add(t).add(S).add(answer).take();
}

absl::StatusOr<Registration> Registration::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open("cafe/v1/register", bytes));
  CAFE_ASSIGN_OR_RETURN(std::string issuer_id, in.text());
  CAFE_ASSIGN_OR_RETURN(Bytes32 nonce, in.array<32>());
  CAFE_ASSIGN_OR_RETURN(Serial serial, in.id<Serial>());
  CAFE_ASSIGN_OR_RETURN(Point A_O, in.point());
  CAFE_ASSIGN_OR_RETURN(Point A_Q, in.point());
  CAFE_ASSIGN_OR_RETURN(Point U, in.point());
  CAFE_ASSIGN_OR_RETURN(Point U3, in.point());
  CAFE_ASSIGN_OR_RETURN(Point K, in.point());
  CAFE_ASSIGN_OR_RETURN(Point R, in.point());
  CAFE_ASSIGN_OR_RETURN(Point R3, in.point());
  CAFE_ASSIGN_OR_RETURN(Scalar t, in.scalar());
  CAFE_ASSIGN_OR_RETURN(Point S, in.point());
  CAFE_ASSIGN_OR_RETURN(Scalar answer, in.scalar());
  CAFE_RETURN_IF_ERROR(in.finish());
  return Registration{std::move(issuer_id), nonce, serial, A_O, A_Q, U, U3, K, R, R3, t, S, answer};
}

Scalar Registration::challenge() const {
  return hash_to_scalar(statement("cafe/v1/registration", *this));
}

Scalar Registration::presence_challenge() const {
  return hash_to_scalar(Frame("cafe/v1/guardian-presence").add(challenge()).add(S));
}

Bytes RegistrationFile::encode() const {
  return Frame("cafe/v1/registration-file")
      .add(guardian.encode())
      .add(registration.encode())
      .take();
}

absl::StatusOr<RegistrationFile> RegistrationFile::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open("cafe/v1/registration-file", bytes));
  CAFE_ASSIGN_OR_RETURN(ByteView guardian_field, in.field());
  CAFE_ASSIGN_OR_RETURN(ByteView registration_field, in.field());
  CAFE_RETURN_IF_ERROR(in.finish());
  CAFE_ASSIGN_OR_RETURN(SignedDocument guardian, SignedDocument::decode(guardian_field));
  CAFE_ASSIGN_OR_RETURN(SignedDocument registration, SignedDocument::decode(registration_field));
  return RegistrationFile{std::move(guardian), std::move(registration)};
}

namespace {

// t·G1 = R + e·U and t·G3 = R3 + e·U3. [guard] The second is what the guardian's own answers,
// multiples of G1 only, can never fulfil.
absl::Status check_proof(const Registration& registration) {
  const Scalar minus_e = -registration.challenge();
  if (!combination_equals({{registration.t, g1()}, {minus_e, registration.U}}, registration.R) ||
      !combination_equals({{registration.t, g3()}, {minus_e, registration.U3}}, registration.R3)) {
    return invalid("PROOF_OF_KNOWLEDGE",
                   "The registration does not prove knowledge of the wallet's secret.");
  }
  return absl::OkStatus();
}

absl::Status check_presence(const Registration& registration) {
  const Scalar minus_d = -registration.presence_challenge();
  if (!combination_equals({{registration.answer, g1()}, {minus_d, registration.A_O}},
                          registration.S)) {
    return invalid("GUARDIAN_ABSENT",
                   "The registration holds no answer of the guardian that it names.");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<CheckedRegistration> check_registration(const RegistrationFile& file,
                                                       std::string_view issuer_id,
                                                       const TrustAnchors& anchors,
                                                       const std::optional<Bytes32>& nonce) {
  CAFE_ASSIGN_OR_RETURN(GuardianCertificate guardian,
                        open_guardian_certificate(file.guardian, anchors));
  CAFE_ASSIGN_OR_RETURN(Registration registration, Registration::decode(file.registration.frame));
  if (registration.issuer_id != issuer_id) {
    return invalid("WRONG_ISSUER", "This registration is meant for another issuer.");
  }
  if (nonce && registration.nonce != *nonce) {
    return refused("STALE_NONCE", "This registration uses an old nonce: ask for a new one.");
  }
  if (registration.serial != guardian.serial || registration.A_O != guardian.A_O ||
      registration.A_Q != guardian.A_Q) {
    return invalid("CERTIFICATE_MISMATCH",
                   "The registration names another guardian than the certificate.");
  }
  CAFE_RETURN_IF_ERROR(file.registration.check(registration.K));
  CAFE_RETURN_IF_ERROR(check_proof(registration));
  CAFE_RETURN_IF_ERROR(check_presence(registration));
  CAFE_ASSIGN_OR_RETURN(
      IdentityPoints points,
      IdentityPoints::compute(registration.A_O, registration.A_Q, registration.U));
  const AccountId account = account_id(issuer_id, points.I_coin);
  return CheckedRegistration{std::move(registration), account, points};
}

absl::StatusOr<RegistrationDraft> RegistrationDraft::begin(
    const WalletIdentity& identity, std::string_view issuer_id, const Bytes32& nonce,
    const SignedDocument& guardian_certificate, const Point& B_O, Rng& rng) {
  CAFE_ASSIGN_OR_RETURN(GuardianCertificate guardian,
                        GuardianCertificate::decode(guardian_certificate.frame));
  const Scalar k = rng.scalar();
  const Scalar alpha = rng.scalar();
  const Scalar beta = rng.scalar();
  CAFE_ASSIGN_OR_RETURN(Point R, not_identity(multiply(k, g1())));
  CAFE_ASSIGN_OR_RETURN(Point R3, not_identity(multiply(k, g3())));
  const Scalar one = Scalar::from_u64(1);
  CAFE_ASSIGN_OR_RETURN(
      Point S, not_identity(linear_combination({{one, B_O}, {alpha, guardian.A_O}, {beta, g1()}})));
  Registration registration{std::string(issuer_id),
                            nonce,
                            guardian.serial,
                            guardian.A_O,
                            guardian.A_Q,
                            identity.U,
                            identity.U3,
                            identity.account_key.public_key(),
                            R,
                            R3,
                            Scalar(),
                            S,
                            Scalar()};
  registration.t = k + registration.challenge() * identity.u1;
  RegistrationDraft draft(registration, guardian_certificate, B_O, identity.account_key);
  draft.beta_ = beta;
  draft.guardian_challenge_ = registration.presence_challenge() + alpha;
  return draft;
}

absl::StatusOr<RegistrationFile> RegistrationDraft::finish(const Scalar& guardian_answer) const {
  const Scalar minus_challenge = -guardian_challenge_;
  if (!combination_equals({{guardian_answer, g1()}, {minus_challenge, registration_.A_O}}, B_O_)) {
    return invalid("GUARDIAN_WRONG", "The guardian's answer is wrong: send nothing of it on.");
  }
  Registration registration = registration_;
  registration.answer = guardian_answer + beta_;
  return RegistrationFile{certificate_, SignedDocument::sign(registration.encode(), account_key_)};
}

Bytes RegistrationReceipt::encode() const {
  return Frame("cafe/v1/registered")
      .add(issuer_id)
      .add(account)
      .add(registration_digest)
      .add(K)
      .add_u64(time_s)
      .take();
}

absl::StatusOr<RegistrationReceipt> RegistrationReceipt::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open("cafe/v1/registered", bytes));
  CAFE_ASSIGN_OR_RETURN(std::string issuer_id, in.text());
  CAFE_ASSIGN_OR_RETURN(AccountId account, in.id<AccountId>());
  CAFE_ASSIGN_OR_RETURN(Bytes32 registration_digest, in.array<32>());
  CAFE_ASSIGN_OR_RETURN(Point K, in.point());
  CAFE_ASSIGN_OR_RETURN(uint64_t time_s, in.u64());
  CAFE_RETURN_IF_ERROR(in.finish());
  return RegistrationReceipt{std::move(issuer_id), account, registration_digest, K, time_s};
}

}  // namespace cafe::protocol
