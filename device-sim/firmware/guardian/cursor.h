// A cursor over bytes of fixed layout, so that writing and reading them name each field once.
#pragma once

#include "libs/protocol/frame.h"
#include "libs/protocol/scalar.h"

namespace cafe::guardian {

class Cursor {
 public:
  // What is put or got lies inside `bytes`.
  explicit Cursor(protocol::MutableByteView bytes) : bytes_(bytes) {}

  void put(protocol::ByteView field) {
    std::copy(field.begin(), field.end(), take(field.size()).begin());
  }
  void put_u8(uint8_t value) { take(1)[0] = value; }
  void put_u16(uint16_t value) {
    put_u8(static_cast<uint8_t>(value >> 8));
    put_u8(static_cast<uint8_t>(value));
  }
  void put_u32(uint32_t value) { put(protocol::encode_u32(value)); }
  void put_u64(uint64_t value) { put(protocol::encode_u64(value)); }

  void get(protocol::MutableByteView field) {
    const protocol::MutableByteView from = take(field.size());
    std::copy(from.begin(), from.end(), field.begin());
  }
  uint8_t get_u8() { return take(1)[0]; }
  uint16_t get_u16() {
    const protocol::MutableByteView from = take(2);
    return static_cast<uint16_t>(from[0] << 8 | from[1]);
  }
  uint32_t get_u32() { return protocol::decode_u32(take(4).first<4>()); }
  uint64_t get_u64() { return protocol::decode_u64(take(8).first<8>()); }
  // False where the bytes are no canonical scalar, which no firmware writes.
  bool get_scalar(protocol::Scalar& scalar) {
    const auto decoded = protocol::Scalar::decode(take(protocol::Scalar::kSize));
    if (decoded.ok()) scalar = *decoded;
    return decoded.ok();
  }

 private:
  protocol::MutableByteView take(size_t length) {
    const protocol::MutableByteView front = bytes_.first(length);
    bytes_ = bytes_.subspan(length);
    return front;
  }
  protocol::MutableByteView bytes_;
};

// A payload that is wiped when it goes.
template <typename Payload>
struct Wiped {
  Payload payload{};
  ~Wiped() { protocol::wipe(payload); }
};

}  // namespace cafe::guardian
