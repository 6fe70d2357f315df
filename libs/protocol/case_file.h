// Spent twice (section 7): the spender's secret out of two payments, and the case file that proves
// it.
#pragma once

#include "libs/protocol/case_payment.h"
#include "libs/protocol/registration.h"

namespace cafe::protocol {

// What the coin store keeps of a spend.
struct SpendTrace {
  Scalar d, r1, r2;
};

// (r1 - r1*) / (r2 - r2*). SAME_CHALLENGE where d = d* (a repeat, not a fraud); ALARM_EQUAL_R2
// (INTERNAL) where r2 = r2* with d ≠ d*: an alarm, never a division.
absl::StatusOr<Scalar> extract_secret(const SpendTrace& first, const SpendTrace& second);

// frame("cafe/v1/case", issuer id, u64 number, u64 opened_at_s, list document, coin id, u32 slot,
// first, second, secret, registration file), signed with the issuer's coinstore key; the
// certificate of that key beside it. Each payment has the chain of the key that signed its terms.
struct CaseFile {
  std::string issuer_id;
  uint64_t number;
  uint64_t opened_at_s;
  SignedDocument list;  // the issuer's list that holds the coin's denomination
  CoinId coin_id;
  uint32_t slot;
  CasePayment first, second;
  Scalar secret;
  RegistrationFile registration;

  Bytes encode() const;
  static absl::StatusOr<CaseFile> decode(ByteView bytes);
};

struct SignedCase {
  SignedDocument case_file;
  SignedDocument key_certificate;

  Bytes encode() const;  // frame("cafe/v1/signed-case", ...)
  static absl::StatusOr<SignedCase> decode(ByteView bytes);
};

// Who is convicted, and of what.
struct Verdict {
  AccountId account;
  Serial serial;
  CoinId coin_id;
  uint32_t slot;
  Kind kind;
};

// A judge's check with public keys alone (section 7): the issuer's signature and its key's
// certificate, the list under the master key, both payments valid for the same slot of the same
// coin with d ≠ d*, terms signed by certified terminals or by account holders, secret·G1 = I_coin
// (I_cheque for cheques) of a validly registered account. Every failure has its reason:
// BAD_SIGNATURE, UNKNOWN_DENOMINATION, DIFFERENT_SLOTS, SAME_CHALLENGE, WRONG_SECRET, and those of
// the parts.
absl::StatusOr<Verdict> verify_case(const SignedCase& signed_case, const TrustAnchors& anchors);
// The same of the file itself, before the issuer signs it.
absl::StatusOr<Verdict> verify_case_file(const CaseFile& file, const TrustAnchors& anchors);

}  // namespace cafe::protocol
