#include "libs/storage/array_param.h"

namespace cafe::storage {
namespace {

// i32 dimensions ‖ i32 has nulls ‖ u32 element type ‖ i32 count ‖ i32 first subscript, big-endian.
constexpr size_t kHeaderSize = 20;
constexpr size_t kCountOffset = 12;

}  // namespace

ArrayParam::ArrayParam(uint32_t type, size_t count, size_t element_size) {
  bytes_.reserve(kHeaderSize + count * (4 + element_size));
  for (const uint32_t field : {uint32_t{1}, uint32_t{0}, type, uint32_t{0}, uint32_t{1}}) {
    append(field, 4);
  }
}

void ArrayParam::append(uint64_t value, size_t width) {
  for (size_t byte = width; byte > 0; --byte) {
    bytes_.push_back(static_cast<uint8_t>(value >> 8 * (byte - 1)));
  }
}

void ArrayParam::begin_element(uint32_t size) {
  ++count_;
  for (size_t i = 0; i < 4; ++i) {
    bytes_[kCountOffset + i] = static_cast<uint8_t>(count_ >> 8 * (3 - i));
  }
  append(size, 4);
}

void BigintArray::add(int64_t value) {
  begin_element(8);
  append(static_cast<uint64_t>(value), 8);
}

void SmallintArray::add(int16_t value) {
  begin_element(2);
  append(static_cast<uint16_t>(value), 2);
}

}  // namespace cafe::storage
