#include "libs/protocol/frame.h"

namespace cafe::protocol {

std::array<uint8_t, 4> encode_u32(uint32_t value) {
  return {static_cast<uint8_t>(value >> 24), static_cast<uint8_t>(value >> 16),
          static_cast<uint8_t>(value >> 8), static_cast<uint8_t>(value)};
}

std::array<uint8_t, 8> encode_u64(uint64_t value) {
  std::array<uint8_t, 8> out;
  for (int i = 7; i >= 0; --i, value >>= 8) out[i] = static_cast<uint8_t>(value);
  return out;
}

uint32_t decode_u32(std::span<const uint8_t, 4> bytes) {
  return uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 | bytes[3];
}

uint64_t decode_u64(std::span<const uint8_t, 8> bytes) {
  uint64_t out = 0;
  for (const uint8_t byte : bytes) out = out << 8 | byte;
  return out;
}

void append(Bytes& to, ByteView bytes) { to.insert(to.end(), bytes.begin(), bytes.end()); }

Frame& Frame::add(ByteView field) {
  // What most frames stay below: room for a coin or a spend, at once.
  constexpr size_t kUsualSize = 512;
  if (bytes_.capacity() == 0) bytes_.reserve(kUsualSize);
  append(bytes_, encode_u32(static_cast<uint32_t>(field.size())));
  append(bytes_, field);
  return *this;
}

Frame& Frame::add_u8(uint8_t value) { return add(ByteView(&value, 1)); }
Frame& Frame::add_u32(uint32_t value) { return add(encode_u32(value)); }
Frame& Frame::add_u64(uint64_t value) { return add(encode_u64(value)); }

absl::StatusOr<FrameReader> FrameReader::open(std::string_view label, ByteView bytes) {
  FrameReader reader(bytes);
  CAFE_ASSIGN_OR_RETURN(ByteView found, reader.field());
  const ByteView wanted = view_of(label);
  if (!std::equal(found.begin(), found.end(), wanted.begin(), wanted.end())) {
    return invalid("WRONG_LABEL",
                   "Not a document of the kind expected here: " + std::string(label) + ".");
  }
  return reader;
}

absl::StatusOr<ByteView> FrameReader::field() {
  if (rest_.size() < 4) return invalid("TRUNCATED", "A document ends before its last field.");
  const uint32_t length = decode_u32(rest_.first<4>());
  if (rest_.size() - 4 < length) {
    return invalid("TRUNCATED", "A document ends inside a field.");
  }
  const ByteView out = rest_.subspan(4, length);
  rest_ = rest_.subspan(4 + size_t{length});
  return out;
}

absl::StatusOr<Bytes> FrameReader::bytes() {
  CAFE_ASSIGN_OR_RETURN(ByteView view, field());
  return to_bytes(view);
}

namespace {

// Well-formed UTF-8 by the table of RFC 3629 section 4.
bool is_utf8(ByteView text) {
  for (size_t i = 0; i < text.size();) {
    const uint8_t lead = text[i];
    const size_t length = lead < 0x80       ? 1
                          : lead >> 5 == 6  ? 2
                          : lead >> 4 == 14 ? 3
                          : lead >> 3 == 30 ? 4
                                            : 0;
    if (length == 0 || text.size() - i < length) return false;
    uint32_t code = length == 1 ? lead : lead & (0x7F >> length);
    for (size_t k = 1; k < length; ++k) {
      if (text[i + k] >> 6 != 2) return false;
      code = code << 6 | (text[i + k] & 0x3F);
    }
    static constexpr uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (code < kSmallest[length] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
      return false;
    i += length;
  }
  return true;
}

}  // namespace

absl::StatusOr<std::string> FrameReader::text(size_t max) {
  CAFE_ASSIGN_OR_RETURN(ByteView view, field());
  if (view.size() > max) {
    return invalid("TEXT_TOO_LONG",
                   "A text field may have at most " + std::to_string(max) + " bytes.");
  }
  if (!is_utf8(view)) return invalid("BAD_UTF8", "A text field is not UTF-8.");
  return to_string(view);
}

absl::StatusOr<uint8_t> FrameReader::u8() {
  CAFE_ASSIGN_OR_RETURN(auto bytes, array<1>());
  return bytes[0];
}

absl::StatusOr<uint32_t> FrameReader::u32() {
  CAFE_ASSIGN_OR_RETURN(auto bytes, array<4>());
  return decode_u32(bytes);
}

absl::StatusOr<uint64_t> FrameReader::u64() {
  CAFE_ASSIGN_OR_RETURN(auto bytes, array<8>());
  return decode_u64(bytes);
}

absl::StatusOr<Point> FrameReader::point() {
  CAFE_ASSIGN_OR_RETURN(ByteView view, field());
  return Point::decode(view);
}

absl::StatusOr<Scalar> FrameReader::scalar() {
  CAFE_ASSIGN_OR_RETURN(ByteView view, field());
  return Scalar::decode(view);
}

absl::Status FrameReader::finish() const {
  if (!rest_.empty()) return invalid("TRAILING_BYTES", "A document goes on after its last field.");
  return absl::OkStatus();
}

absl::StatusOr<size_t> count_items(ByteView list, size_t width, size_t max) {
  if (list.size() % width != 0) {
    return invalid("BAD_LENGTH", "A list is not a whole number of items.");
  }
  if (list.size() / width > max) {
    return invalid("TOO_MANY_ITEMS",
                   "A list may have at most " + std::to_string(max) + " items here.");
  }
  return list.size() / width;
}

}  // namespace cafe::protocol
