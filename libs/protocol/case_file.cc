#include "libs/protocol/case_file.h"

#include "libs/protocol/frame.h"

namespace cafe::protocol {

namespace {

constexpr std::string_view kCaseLabel = "cafe/v1/case";
constexpr std::string_view kSignedCaseLabel = "cafe/v1/signed-case";

absl::StatusOr<SignedDocument> document(FrameReader& in) {
  CAFE_ASSIGN_OR_RETURN(ByteView bytes, in.field());
  return SignedDocument::decode(bytes);
}

absl::StatusOr<CasePayment> payment_field(FrameReader& in) {
  CAFE_ASSIGN_OR_RETURN(ByteView bytes, in.field());
  return CasePayment::decode(bytes);
}

}  // namespace

absl::StatusOr<Scalar> extract_secret(const SpendTrace& first, const SpendTrace& second) {
  if (first.d == second.d) {
    return refused("SAME_CHALLENGE", "Both are the same payment: a repeat proves nothing.");
  }
  const Scalar difference = first.r2 - second.r2;
  if (difference.is_zero()) {
    return make_error(absl::StatusCode::kInternal, "ALARM_EQUAL_R2",
                      "Two challenges have one r2, which no wallet can produce: raise an alarm.");
  }
  return (first.r1 - second.r1) * difference.inverse();
}

Bytes CaseFile::encode() const {
  return Frame(kCaseLabel)
      .add(issuer_id)
      .add_u64(number)
      .add_u64(opened_at_s)
      .add(list.encode())
      .add(coin_id)
      .add_u32(slot)
      .add(first.encode())
      .add(second.encode())
      .add(secret)
      .add(registration.encode())
      .take();
}

absl::StatusOr<CaseFile> CaseFile::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kCaseLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(std::string issuer_id, in.text());
  CAFE_RETURN_IF_ERROR(check_issuer_id(issuer_id));
  CAFE_ASSIGN_OR_RETURN(uint64_t number, in.u64());
  CAFE_ASSIGN_OR_RETURN(uint64_t opened_at_s, in.u64());
  CAFE_ASSIGN_OR_RETURN(SignedDocument list, document(in));
  CAFE_ASSIGN_OR_RETURN(CoinId coin_id, in.id<CoinId>());
  CAFE_ASSIGN_OR_RETURN(uint32_t slot, in.u32());
  CAFE_ASSIGN_OR_RETURN(CasePayment first, payment_field(in));
  CAFE_ASSIGN_OR_RETURN(CasePayment second, payment_field(in));
  CAFE_ASSIGN_OR_RETURN(Scalar secret, in.scalar());
  CAFE_ASSIGN_OR_RETURN(ByteView registration_bytes, in.field());
  CAFE_ASSIGN_OR_RETURN(RegistrationFile registration,
                        RegistrationFile::decode(registration_bytes));
  CAFE_RETURN_IF_ERROR(in.finish());
  return CaseFile{std::move(issuer_id),
                  number,
                  opened_at_s,
                  std::move(list),
                  coin_id,
                  slot,
                  std::move(first),
                  std::move(second),
                  secret,
                  std::move(registration)};
}

Bytes SignedCase::encode() const {
  return Frame(kSignedCaseLabel).add(case_file.encode()).add(key_certificate.encode()).take();
}

absl::StatusOr<SignedCase> SignedCase::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kSignedCaseLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(SignedDocument case_file, document(in));
  CAFE_ASSIGN_OR_RETURN(SignedDocument key_certificate, document(in));
  CAFE_RETURN_IF_ERROR(in.finish());
  return SignedCase{std::move(case_file), std::move(key_certificate)};
}

namespace {

// One of the two payments, valid for the slot of the case: its denomination and its trace.
struct CheckedPayment {
  const Denomination* denomination;
  SpendTrace trace;
};

absl::StatusOr<CheckedPayment> check_case_payment(const CaseFile& file, const CasePayment& payment,
                                                  const DenominationList& list,
                                                  const TrustAnchors& anchors) {
  const auto find = [&](const DenomId& id) { return list.find(id); };
  CAFE_RETURN_IF_ERROR(
      check_evidence_payment(payment.payment, payment.terminal, find, anchors).status());
  if (payment.spend >= payment.payment.spends.size()) {
    return invalid("DIFFERENT_SLOTS", "The case points to a slot that its payment does not have.");
  }
  const Spend& spend = payment.payment.spends[payment.spend];
  const Coin& coin = payment.payment.coins[spend.coin];
  if (coin.id() != file.coin_id || spend.slot != file.slot) {
    return invalid("DIFFERENT_SLOTS", "A payment of the case is of another slot or coin.");
  }
  const Denomination* denomination = list.find(coin.denom_id);
  if (denomination == nullptr) {
    return invalid("UNKNOWN_DENOMINATION", "The coin's denomination is not in the issuer's list.");
  }
  const Scalar d = challenge_of(*denomination, coin, spend, payment.payment.terms.digest());
  return CheckedPayment{denomination, {d, spend.r1, spend.r2}};
}

}  // namespace

absl::StatusOr<Verdict> verify_case_file(const CaseFile& file, const TrustAnchors& anchors) {
  CAFE_ASSIGN_OR_RETURN(const Point master_key, anchors.master_key(file.issuer_id));
  CAFE_ASSIGN_OR_RETURN(const DenominationList list, open_list(file.list, master_key));
  if (list.issuer_id != file.issuer_id) {
    return invalid("WRONG_ISSUER", "The list of the case is another issuer's.");
  }
  CAFE_ASSIGN_OR_RETURN(const CheckedPayment first,
                        check_case_payment(file, file.first, list, anchors));
  CAFE_ASSIGN_OR_RETURN(const CheckedPayment second,
                        check_case_payment(file, file.second, list, anchors));
  CAFE_ASSIGN_OR_RETURN(const Scalar secret, extract_secret(first.trace, second.trace));
  CAFE_ASSIGN_OR_RETURN(
      const CheckedRegistration registered,
      check_registration(file.registration, file.issuer_id, anchors, std::nullopt));
  const Kind kind = first.denomination->kind;
  const Point& identity =
      kind == Kind::kCoin ? registered.points.I_coin : registered.points.I_cheque;
  if (secret != file.secret || multiply(secret, g1()) != identity) {
    return invalid("WRONG_SECRET", "The secret is not the one of the registered account holder.");
  }
  return Verdict{registered.account, registered.registration.serial, file.coin_id, file.slot, kind};
}

absl::StatusOr<Verdict> verify_case(const SignedCase& signed_case, const TrustAnchors& anchors) {
  CAFE_ASSIGN_OR_RETURN(const CaseFile file, CaseFile::decode(signed_case.case_file.frame));
  CAFE_ASSIGN_OR_RETURN(const KeyCertificate certificate,
                        open_key_certificate(signed_case.key_certificate, anchors,
                                             kPurposeCoinstore, file.opened_at_s));
  if (certificate.issuer_id != file.issuer_id) {
    return invalid("WRONG_ISSUER", "The case is signed with another issuer's key.");
  }
  CAFE_RETURN_IF_ERROR(signed_case.case_file.check(certificate.key));
  return verify_case_file(file, anchors);
}

}  // namespace cafe::protocol
