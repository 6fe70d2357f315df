// The leaf fields of an encoded document, frames within frames included, so that a test can alter
// every one of them.
#pragma once

#include <string>
#include <vector>

#include "libs/protocol/frame.h"

namespace cafe::testing {

using protocol::Bytes;
using protocol::ByteView;
using protocol::decode_u32;
using protocol::encode_u32;

struct Leaf {
  std::string where;  // labels and field numbers from the outside in, say "payment/3/spend-file/9"
  size_t offset;      // of the field's content within the whole document
  size_t length;
  bool in_signed;  // inside a signed frame, which is opened only once its signature is checked
};

namespace leaves_internal {

inline bool is_frame(ByteView bytes) {
  constexpr std::string_view kPrefix = "cafe/v1/";
  if (bytes.size() < 4 + kPrefix.size()) return false;
  const uint32_t label = decode_u32(bytes.first<4>());
  return label >= kPrefix.size() && label <= bytes.size() - 4 &&
         protocol::to_string(bytes.subspan(4, kPrefix.size())) == kPrefix;
}

inline void walk(ByteView frame, size_t base, const std::string& where, bool in_signed,
                 std::vector<Leaf>& out) {
  std::string label;
  size_t at = 0;
  for (int number = 0; at < frame.size(); ++number) {
    const uint32_t length = decode_u32(frame.subspan(at).first<4>());
    const ByteView field = frame.subspan(at + 4, length);
    if (number == 0) label = protocol::to_string(field.subspan(8));
    const std::string name = where + label + "/" + std::to_string(number);
    if (number > 0 && is_frame(field)) {
      walk(field, base + at + 4, name + "/", in_signed || label == "signed", out);
    } else {
      out.push_back({name, base + at + 4, length, in_signed});
    }
    at += 4 + size_t{length};
  }
}

}  // namespace leaves_internal

inline std::vector<Leaf> leaves_of(ByteView document) {
  std::vector<Leaf> out;
  leaves_internal::walk(document, 0, "", false, out);
  return out;
}

// `document` with the content of one field replaced, and all enclosing lengths put right.
inline Bytes replace_field(ByteView document, size_t offset, ByteView content) {
  Bytes out;
  for (size_t at = 0; at < document.size();) {
    const uint32_t length = decode_u32(document.subspan(at).first<4>());
    const ByteView field = document.subspan(at + 4, length);
    const size_t begin = at + 4;
    Bytes inner = protocol::to_bytes(field);
    if (offset == begin) {
      inner = protocol::to_bytes(content);
      // An empty last field begins where its frame ends.
    } else if (offset > begin && offset <= begin + length) {
      inner = replace_field(field, offset - begin, content);
    }
    protocol::append(out, encode_u32(static_cast<uint32_t>(inner.size())));
    protocol::append(out, inner);
    at = begin + length;
  }
  return out;
}

}  // namespace cafe::testing
