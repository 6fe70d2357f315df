#include "tools/cafectl/evidence_reader.h"

#include <set>
#include <vector>

namespace cafe::cafectl {

using protocol::Bytes;
using protocol::SignedDocument;

absl::StatusOr<Json> parse_evidence_json(std::string_view text) {
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

absl::Status ObjectReader::error(const std::string& what) const {
  return protocol::invalid("BAD_EVIDENCE", "The evidence file: " + path_ + " " + what + ".");
}

absl::StatusOr<const Json*> ObjectReader::get(const char* key) {
  if (!has(key)) return error(std::string("has no field \"") + key + "\"");
  ++read_;
  return &object_[key];
}

absl::StatusOr<std::string> ObjectReader::text(const char* key) {
  CAFE_ASSIGN_OR_RETURN(const Json* value, get(key));
  if (!value->is_string()) return error(std::string("\"") + key + "\" is no text");
  return value->get<std::string>();
}

absl::StatusOr<uint64_t> ObjectReader::number(const char* key) {
  CAFE_ASSIGN_OR_RETURN(const Json* value, get(key));
  if (!value->is_number_unsigned()) return error(std::string("\"") + key + "\" is no whole number");
  return value->get<uint64_t>();
}

absl::StatusOr<Bytes> ObjectReader::hex(const char* key) {
  CAFE_ASSIGN_OR_RETURN(const std::string digits, text(key));
  auto bytes = protocol::from_hex(digits);
  if (!bytes.ok() || protocol::to_hex(*bytes) != digits)
    return error(std::string("\"") + key + "\" is not hexadecimal");
  return bytes;
}

absl::StatusOr<ObjectReader> ObjectReader::object(const char* key) {
  CAFE_ASSIGN_OR_RETURN(const Json* value, get(key));
  return ObjectReader(*value, path_ + "." + key);
}

absl::StatusOr<SignedDocument> ObjectReader::document(const char* key) {
  CAFE_ASSIGN_OR_RETURN(ObjectReader in, object(key));
  CAFE_ASSIGN_OR_RETURN(Bytes frame, in.hex("frame"));
  CAFE_ASSIGN_OR_RETURN(const Bytes signature, in.hex("signature"));
  CAFE_RETURN_IF_ERROR(in.finish());
  CAFE_ASSIGN_OR_RETURN(const auto fixed, protocol::to_array<64>(signature));
  return SignedDocument{std::move(frame), fixed};
}

absl::Status ObjectReader::finish() const {
  return object_.size() == read_ ? absl::OkStatus()
                                 : error("has a field that does not belong there");
}

}  // namespace cafe::cafectl
