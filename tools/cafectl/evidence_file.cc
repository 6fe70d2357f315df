#include "tools/cafectl/evidence_file.h"

#include <set>
#include <vector>

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

// Reads the fields of one object; `finish` refuses what nobody asked for.
class ObjectReader {
 public:
  ObjectReader(const Json& object, std::string path) : object_(object), path_(std::move(path)) {}

  absl::Status error(const std::string& what) const {
    return protocol::invalid("BAD_EVIDENCE", "The evidence file: " + path_ + " " + what + ".");
  }
  bool has(const char* key) const { return object_.is_object() && object_.contains(key); }
  absl::StatusOr<const Json*> get(const char* key) {
    if (!object_.is_object() || !object_.contains(key))
      return error(std::string("has no field \"") + key + "\"");
    ++read_;
    return &object_[key];
  }
  absl::StatusOr<std::string> text(const char* key) {
    CAFE_ASSIGN_OR_RETURN(const Json* value, get(key));
    if (!value->is_string()) return error(std::string("\"") + key + "\" is no text");
    return value->get<std::string>();
  }
  absl::StatusOr<uint64_t> number(const char* key) {
    CAFE_ASSIGN_OR_RETURN(const Json* value, get(key));
    if (!value->is_number_unsigned())
      return error(std::string("\"") + key + "\" is no whole number");
    return value->get<uint64_t>();
  }
  // Lower case only, so that a file has one spelling.
  absl::StatusOr<Bytes> hex(const char* key) {
    CAFE_ASSIGN_OR_RETURN(const std::string digits, text(key));
    auto bytes = protocol::from_hex(digits);
    if (!bytes.ok() || to_hex(*bytes) != digits)
      return error(std::string("\"") + key + "\" is not hexadecimal");
    return bytes;
  }
  absl::StatusOr<ObjectReader> object(const char* key) {
    CAFE_ASSIGN_OR_RETURN(const Json* value, get(key));
    return ObjectReader(*value, path_ + "." + key);
  }
  absl::StatusOr<SignedDocument> document(const char* key) {
    CAFE_ASSIGN_OR_RETURN(ObjectReader in, object(key));
    CAFE_ASSIGN_OR_RETURN(Bytes frame, in.hex("frame"));
    CAFE_ASSIGN_OR_RETURN(const Bytes signature, in.hex("signature"));
    CAFE_RETURN_IF_ERROR(in.finish());
    CAFE_ASSIGN_OR_RETURN(const auto fixed, protocol::to_array<64>(signature));
    return SignedDocument{std::move(frame), fixed};
  }
  absl::Status finish() const {
    return object_.size() == read_ ? absl::OkStatus()
                                   : error("has a field that does not belong there");
  }

 private:
  const Json& object_;
  std::string path_;
  size_t read_ = 0;
};

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

namespace {

// Readers differ in which of two fields of one name they believe, so that such a file would say two
// things.
absl::StatusOr<Json> parse_strictly(std::string_view text) {
  std::vector<std::set<std::string>> open_objects;
  bool twice = false;
  const auto watch = [&](int, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::object_start) open_objects.emplace_back();
    if (event == Json::parse_event_t::object_end) open_objects.pop_back();
    if (event == Json::parse_event_t::key)
      twice = twice || !open_objects.back().insert(parsed.get<std::string>()).second;
    return true;
  };
  Json json = Json::parse(text, watch, false);
  if (json.is_discarded())
    return protocol::invalid("BAD_EVIDENCE", "The evidence file is not JSON.");
  if (twice)
    return protocol::invalid("BAD_EVIDENCE", "The evidence file has a field twice in one object.");
  return json;
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
  CAFE_ASSIGN_OR_RETURN(const Json json, parse_strictly(text));
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
