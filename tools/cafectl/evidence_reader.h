// Reads JSON that is evidence: every field is asked for, nothing else is there, and nothing can be
// written in two ways. Errors are BAD_EVIDENCE and tell where.
#pragma once

#include <string>

#include "libs/protocol/ecdsa.h"
#include "tools/cafectl/output.h"

namespace cafe::cafectl {

// Refuses a field that stands twice in one object: readers differ in which of them they believe, so
// that such a file would say two things.
absl::StatusOr<Json> parse_evidence_json(std::string_view text);

// The fields of one object, which outlives it; `finish` refuses what nobody asked for.
class ObjectReader {
 public:
  // `path` names the object in errors.
  ObjectReader(const Json& object, std::string path) : object_(object), path_(std::move(path)) {}

  absl::Status error(const std::string& what) const;
  bool has(const char* key) const { return object_.is_object() && object_.contains(key); }
  absl::StatusOr<const Json*> get(const char* key);
  absl::StatusOr<std::string> text(const char* key);
  absl::StatusOr<uint64_t> number(const char* key);
  // Lower case only, so that a file has one spelling.
  absl::StatusOr<protocol::Bytes> hex(const char* key);
  absl::StatusOr<ObjectReader> object(const char* key);
  // An object of a frame and its signature.
  absl::StatusOr<protocol::SignedDocument> document(const char* key);
  absl::Status finish() const;

 private:
  const Json& object_;
  std::string path_;
  size_t read_ = 0;
};

}  // namespace cafe::cafectl
