// frame(label, f1, ...): the one encoding of section 1, written and strictly read.
//
//   Bytes bytes = Frame("cafe/v1/spend").add(coin_id).add_u32(slot).add(terms_digest).take();
//
//   CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open("cafe/v1/spend", bytes));
//   CAFE_ASSIGN_OR_RETURN(CoinId coin_id, in.id<CoinId>());
//   CAFE_ASSIGN_OR_RETURN(uint32_t slot, in.u32());
//   ...
//   CAFE_RETURN_IF_ERROR(in.finish());
#pragma once

#include <optional>

#include "libs/protocol/bytes.h"
#include "libs/protocol/point.h"
#include "libs/protocol/scalar.h"

namespace cafe::protocol {

// Builds u32 length ‖ bytes for the label and each field, big-endian.
class Frame {
 public:
  explicit Frame(std::string_view label) { add(view_of(label)); }
  // A list of items: the same without a label.
  static Frame list() { return Frame(); }

  Frame& add(ByteView field);
  Frame& add(std::string_view field) { return add(view_of(field)); }
  Frame& add(const Point& point) { return add(point.bytes()); }
  Frame& add(const Scalar& scalar) { return add(scalar.bytes()); }
  Frame& add_u8(uint8_t value);
  Frame& add_u32(uint32_t value);
  Frame& add_u64(uint64_t value);

  ByteView view() const { return bytes_; }
  Bytes take() { return std::move(bytes_); }
  void reserve(size_t size) { bytes_.reserve(size); }

 private:
  Frame() = default;
  Bytes bytes_;
};

// Reads the fields of one frame in order. Every getter fails with INVALID_ARGUMENT: TRUNCATED where
// the frame ends too early, BAD_LENGTH where a fixed-width field has another width, and the reasons
// of Point and Scalar. `finish` fails with TRAILING_BYTES where anything is left.
class FrameReader {
 public:
  // Opens a frame whose label must be `label` (WRONG_LABEL). The bytes must outlive the reader.
  static absl::StatusOr<FrameReader> open(std::string_view label, ByteView bytes);

  // Opens what Frame::list wrote.
  static FrameReader open_list(ByteView bytes) { return FrameReader(bytes); }

  absl::StatusOr<ByteView> field();
  absl::StatusOr<Bytes> bytes();
  // UTF-8 text of at most `max` bytes (TEXT_TOO_LONG, BAD_UTF8).
  absl::StatusOr<std::string> text(size_t max = 255);
  absl::StatusOr<uint8_t> u8();
  absl::StatusOr<uint32_t> u32();
  absl::StatusOr<uint64_t> u64();
  absl::StatusOr<Point> point();
  absl::StatusOr<Scalar> scalar();
  template <size_t N>
  absl::StatusOr<std::array<uint8_t, N>> array() {
    CAFE_ASSIGN_OR_RETURN(ByteView view, field());
    return to_array<N>(view);
  }
  template <typename T>
  absl::StatusOr<T> id() {
    CAFE_ASSIGN_OR_RETURN(ByteView view, field());
    return T::decode(view);
  }
  bool at_end() const { return rest_.empty(); }
  absl::Status finish() const;

 private:
  explicit FrameReader(ByteView rest) : rest_(rest) {}
  ByteView rest_;
};

// A field that holds a list of items of `width` bytes each: the count, or BAD_LENGTH. At most `max`
// items (TOO_MANY_ITEMS).
absl::StatusOr<size_t> count_items(ByteView list, size_t width, size_t max);

// Big-endian integers of fixed width.
std::array<uint8_t, 4> encode_u32(uint32_t value);
std::array<uint8_t, 8> encode_u64(uint64_t value);
uint32_t decode_u32(std::span<const uint8_t, 4> bytes);
uint64_t decode_u64(std::span<const uint8_t, 8> bytes);
void append(Bytes& to, ByteView bytes);

}  // namespace cafe::protocol
