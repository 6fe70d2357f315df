#include "tools/cafectl/evidence_file.h"

#include "tools/cafectl/evidence_reader.h"

namespace cafe::cafectl {

using protocol::Bytes;
using protocol::CaseFile;
using protocol::SignedCase;
using protocol::SignedDocument;
using protocol::to_hex;

namespace {

constexpr const char* kFormat = "cafe/v1/case";

Json document(const SignedDocument& document) {
  return {{"frame", to_hex(document.frame)}, {"signature", to_hex(document.signature)}};
}

Json payment(const protocol::CasePayment& payment) {
  Json json{{"payment", to_hex(payment.payment.encode())}, {"spend", payment.spend}};
  const protocol::PayeeCredential& payee = payment.terminal;
  json[payee.is_holder ? "registered" : "terminal"] = document(payee.document);
  json[payee.is_holder ? "withdrawal_key" : "enrolment_key"] = document(payee.issuer_key);
  return json;
}

// Of a terminal, or of an account holder who paid money back.
absl::StatusOr<protocol::PayeeCredential> parse_credential(ObjectReader& in) {
  if (in.has("registered")) {
    CAFE_ASSIGN_OR_RETURN(SignedDocument registered, in.document("registered"));
    CAFE_ASSIGN_OR_RETURN(SignedDocument withdrawal_key, in.document("withdrawal_key"));
    return protocol::HolderCredential{std::move(withdrawal_key), std::move(registered)};
  }
  CAFE_ASSIGN_OR_RETURN(SignedDocument terminal, in.document("terminal"));
  CAFE_ASSIGN_OR_RETURN(SignedDocument enrolment_key, in.document("enrolment_key"));
  return protocol::TerminalCredential{std::move(enrolment_key), std::move(terminal)};
}

absl::StatusOr<protocol::CasePayment> parse_payment(ObjectReader in) {
  CAFE_ASSIGN_OR_RETURN(const Bytes encoded, in.hex("payment"));
  CAFE_ASSIGN_OR_RETURN(const uint64_t spend, in.number("spend"));
  CAFE_ASSIGN_OR_RETURN(protocol::PayeeCredential credential, parse_credential(in));
  CAFE_RETURN_IF_ERROR(in.finish());
  CAFE_ASSIGN_OR_RETURN(protocol::Payment payment, protocol::Payment::decode(encoded));
  if (spend >= payment.spends.size())
    return in.error("names a spend that the payment does not have");
  return protocol::CasePayment{std::move(payment), static_cast<uint32_t>(spend),
                               std::move(credential)};
}

absl::StatusOr<CaseFile> parse_case(ObjectReader in) {
  CAFE_ASSIGN_OR_RETURN(std::string issuer_id, in.text("issuer_id"));
  CAFE_ASSIGN_OR_RETURN(const uint64_t number, in.number("number"));
  CAFE_ASSIGN_OR_RETURN(const uint64_t opened_at_s, in.number("opened_at_s"));
  CAFE_ASSIGN_OR_RETURN(SignedDocument list, in.document("list"));
  CAFE_ASSIGN_OR_RETURN(const Bytes coin_bytes, in.hex("coin_id"));
  CAFE_ASSIGN_OR_RETURN(const auto coin_id, protocol::CoinId::decode(coin_bytes));
  CAFE_ASSIGN_OR_RETURN(const uint64_t slot, in.number("slot"));
  if (slot > UINT32_MAX) return in.error("\"slot\" is too large");
  CAFE_ASSIGN_OR_RETURN(ObjectReader first_in, in.object("first"));
  CAFE_ASSIGN_OR_RETURN(protocol::CasePayment first, parse_payment(first_in));
  CAFE_ASSIGN_OR_RETURN(ObjectReader second_in, in.object("second"));
  CAFE_ASSIGN_OR_RETURN(protocol::CasePayment second, parse_payment(second_in));
  CAFE_ASSIGN_OR_RETURN(const Bytes secret_bytes, in.hex("secret"));
  CAFE_ASSIGN_OR_RETURN(const auto secret, protocol::Scalar::decode(secret_bytes));
  CAFE_ASSIGN_OR_RETURN(SignedDocument guardian, in.document("guardian"));
  CAFE_ASSIGN_OR_RETURN(SignedDocument registration, in.document("registration"));
  CAFE_RETURN_IF_ERROR(in.finish());
  return CaseFile{.issuer_id = std::move(issuer_id),
                  .number = number,
                  .opened_at_s = opened_at_s,
                  .list = std::move(list),
                  .coin_id = coin_id,
                  .slot = static_cast<uint32_t>(slot),
                  .first = std::move(first),
                  .second = std::move(second),
                  .secret = secret,
                  .registration = {std::move(guardian), std::move(registration)}};
}

}  // namespace

Json to_evidence(const SignedCase& signed_case) {
  const auto file = CaseFile::decode(signed_case.case_file.frame);
  if (!file.ok()) return Json::object();
  return {{"format", kFormat},
          {"case",
           {{"issuer_id", file->issuer_id},
            {"number", file->number},
            {"opened_at_s", file->opened_at_s},
            {"list", document(file->list)},
            {"coin_id", file->coin_id.hex()},
            {"slot", file->slot},
            {"first", payment(file->first)},
            {"second", payment(file->second)},
            {"secret", to_hex(file->secret.bytes())},
            {"guardian", document(file->registration.guardian)},
            {"registration", document(file->registration.registration)}}},
          {"signature", to_hex(signed_case.case_file.signature)},
          {"key_certificate", document(signed_case.key_certificate)}};
}

absl::StatusOr<SignedCase> parse_evidence(std::string_view text) {
  CAFE_ASSIGN_OR_RETURN(const Json json, parse_evidence_json(text));
  ObjectReader in(json, "the file");
  CAFE_ASSIGN_OR_RETURN(const std::string format, in.text("format"));
  if (format != kFormat) return in.error(std::string("is not of the format ") + kFormat);
  CAFE_ASSIGN_OR_RETURN(ObjectReader case_in, in.object("case"));
  CAFE_ASSIGN_OR_RETURN(const CaseFile file, parse_case(case_in));
  CAFE_ASSIGN_OR_RETURN(const Bytes signature, in.hex("signature"));
  CAFE_ASSIGN_OR_RETURN(const auto fixed, protocol::to_array<64>(signature));
  CAFE_ASSIGN_OR_RETURN(SignedDocument certificate, in.document("key_certificate"));
  CAFE_RETURN_IF_ERROR(in.finish());
  return SignedCase{{file.encode(), fixed}, std::move(certificate)};
}

}  // namespace cafe::cafectl
