// Arrays as parameters of a statement, in PostgreSQL's binary form: the bulk insert that costs the
// server least, since nothing is parsed, no expression runs for each field, and rows stream.
//
//   BigintArray places(n);
//   ByteaArray ids(n);
//   for (...) { places.add(place); ids.add(id); }
//   tx.query("INSERT INTO t (place, id) SELECT unnest($1::bigint[]), unnest($2::bytea[])",
//            places.bytes(), ids.bytes());
//
// In the target list, unnest of several arrays gives their elements side by side, in order.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace cafe::storage {

class ArrayParam {
 public:
  // The array so far. Valid until the next change.
  std::span<const uint8_t> bytes() const { return bytes_; }

 protected:
  // `type` is the element type's oid, which is the same on every server for built-in types.
  ArrayParam(uint32_t type, size_t count, size_t element_size);
  // Starts the next element.
  void begin_element(uint32_t size);
  void append(uint64_t value, size_t width);

  std::vector<uint8_t> bytes_;

 private:
  uint32_t count_ = 0;
};

// `count` elements are expected; more or fewer may come.
class BigintArray : public ArrayParam {
 public:
  explicit BigintArray(size_t count) : ArrayParam(20, count, 8) {}
  void add(int64_t value);
};

class SmallintArray : public ArrayParam {
 public:
  explicit SmallintArray(size_t count) : ArrayParam(21, count, 2) {}
  void add(int16_t value);
};

class TextArray : public ArrayParam {
 public:
  // `size` is the elements' expected length.
  TextArray(size_t count, size_t size) : ArrayParam(25, count, size) {}
  void add(std::string_view value) {
    begin_element(static_cast<uint32_t>(value.size()));
    bytes_.insert(bytes_.end(), value.begin(), value.end());
  }
};

class ByteaArray : public ArrayParam {
 public:
  // `size` is the elements' expected length.
  ByteaArray(size_t count, size_t size) : ArrayParam(17, count, size) {}
  void add(std::span<const uint8_t> value) {
    begin_element(static_cast<uint32_t>(value.size()));
    bytes_.insert(bytes_.end(), value.begin(), value.end());
  }
};

}  // namespace cafe::storage
