// Registration (section 3): a wallet and its guardian join an issuer.
#pragma once

#include "libs/protocol/credentials.h"
#include "libs/protocol/rng.h"

namespace cafe::protocol {

// What the identity seed yields with one issuer and one guardian. [guard] Bound to (issuer id,
// serial, A_O, A_Q): a guardian made later to fit a known U never meets its u1.
struct WalletIdentity {
  Scalar u1;
  Point U;   // u1·G1
  Point U3;  // u1·G3
  SigningKey account_key;

  static absl::StatusOr<WalletIdentity> derive(const Seed& identity_seed,
                                               std::string_view issuer_id,
                                               const GuardianCertificate& guardian);
};

// The points by which an account is known. m = I + G2 is what the issuer signs blindly
// (section 3.4).
struct IdentityPoints {
  Point I_coin;    // A_O + U
  Point I_cheque;  // A_Q + U
  Point m_coin;
  Point m_cheque;

  // IDENTITY_POINT (INVALID_ARGUMENT) where I or m is the identity.
  static absl::StatusOr<IdentityPoints> compute(const Point& A_O, const Point& A_Q, const Point& U);
};

AccountId account_id(std::string_view issuer_id, const Point& I_coin);

// frame("cafe/v1/register", issuer id, nonce, serial, A_O, A_Q, U, U3, K, R, R3, t, S, answer),
// signed with the account key K. R, R3, t prove knowledge of u1; S and answer are the guardian's
// blinded presence.
struct Registration {
  std::string issuer_id;
  Bytes32 nonce;  // the issuer's
  Serial serial;
  Point A_O, A_Q;
  Point U, U3;
  Point K;
  Point R, R3;
  Scalar t;
  Point S;
  Scalar answer;

  Bytes encode() const;
  static absl::StatusOr<Registration> decode(ByteView bytes);
  Scalar challenge() const;           // e
  Scalar presence_challenge() const;  // d of the guardian's presence
};

// The signed registration with the guardian's certificate: what the issuer keeps and a court sees.
struct RegistrationFile {
  SignedDocument guardian;
  SignedDocument registration;

  Bytes encode() const;  // frame("cafe/v1/registration-file", ...)
  static absl::StatusOr<RegistrationFile> decode(ByteView bytes);
};

// A registration that has been checked.
struct CheckedRegistration {
  Registration registration;
  AccountId account;
  IdentityPoints points;
};

// The issuer's check, and a court's. Everything in section 3.3 but the uniqueness, which is the
// account store's:
//   certificate of the guardian (UNKNOWN_MANUFACTURER, CERTIFICATE_MISMATCH), the issuer it is
//   meant for (WRONG_ISSUER), signature under K (BAD_SIGNATURE), both equations of the proof
//   (PROOF_OF_KNOWLEDGE), presence (GUARDIAN_ABSENT), m and I not the identity.
// `nonce` is the issuer's (STALE_NONCE where it differs); a court passes none.
absl::StatusOr<CheckedRegistration> check_registration(const RegistrationFile& file,
                                                       std::string_view issuer_id,
                                                       const TrustAnchors& anchors,
                                                       const std::optional<Bytes32>& nonce);

// The wallet's side, in two steps with the guardian's answer in between:
//   // B_O is the point of a slot made for it.
//   auto draft = RegistrationDraft::begin(identity, issuer, nonce, guardian, B_O, rng);
//   Scalar answer = guardian.answer(slot, draft->guardian_challenge());
//   auto file = draft->finish(answer);
class RegistrationDraft {
 public:
  static absl::StatusOr<RegistrationDraft> begin(const WalletIdentity& identity,
                                                 std::string_view issuer_id, const Bytes32& nonce,
                                                 const SignedDocument& guardian_certificate,
                                                 const Point& B_O, Rng& rng);
  // d + α: all that the guardian sees of it. [guard] Blinded, so that a guardian cannot be made to
  // name a past payment.
  const Scalar& guardian_challenge() const { return guardian_challenge_; }
  // GUARDIAN_WRONG where the answer does not fit A_O and B_O; nothing is sent then.
  absl::StatusOr<RegistrationFile> finish(const Scalar& guardian_answer) const;

 private:
  RegistrationDraft(const Registration& registration, const SignedDocument& certificate,
                    const Point& B_O, const SigningKey& account_key)
      : registration_(registration),
        certificate_(certificate),
        B_O_(B_O),
        account_key_(account_key) {}
  Registration registration_;  // answer still zero
  SignedDocument certificate_;
  Point B_O_;
  SigningKey account_key_;
  Scalar beta_;
  Scalar guardian_challenge_;
};

// frame("cafe/v1/registered", issuer id, account id, registration digest, K, u64 time_s), signed
// with the withdrawal key: an account of the issuer's, and the key of its holder.
struct RegistrationReceipt {
  std::string issuer_id;
  AccountId account;
  Bytes32 registration_digest;  // of the signed registration's frame
  Point K;
  uint64_t time_s;

  Bytes encode() const;
  static absl::StatusOr<RegistrationReceipt> decode(ByteView bytes);
};

}  // namespace cafe::protocol
