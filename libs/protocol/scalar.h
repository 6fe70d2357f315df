// Integers modulo q, the order of P-256.
#pragma once

#include "libs/protocol/bytes.h"

namespace cafe::protocol {

// A canonical scalar, 32 bytes big-endian, < q. Every scalar may be a secret: arithmetic is
// OpenSSL's Montgomery arithmetic in constant time, and the bytes are wiped when the object goes.
class Scalar {
 public:
  static constexpr size_t kSize = 32;

  Scalar() : bytes_{} {}  // zero
  Scalar(const Scalar&) = default;
  Scalar& operator=(const Scalar&) = default;
  ~Scalar() { wipe(bytes_); }

  static Scalar from_u64(uint64_t value);
  // INVALID_ARGUMENT: BAD_LENGTH, or SCALAR_TOO_LARGE for a value >= q.
  static absl::StatusOr<Scalar> decode(ByteView bytes);
  // 64 bytes big-endian, reduced mod q (a hash value, section 1).
  static Scalar reduce(const Bytes64& wide);

  const Bytes32& bytes() const { return bytes_; }
  bool is_zero() const;

  Scalar operator+(const Scalar& other) const;
  Scalar operator-(const Scalar& other) const;
  Scalar operator*(const Scalar& other) const;
  Scalar operator-() const;
  // 1 / this mod q, by Fermat in constant time; zero for zero.
  Scalar inverse() const;
  // In constant time.
  bool operator==(const Scalar& other) const { return equal_ct(bytes_, other.bytes_); }

 private:
  explicit Scalar(const Bytes32& bytes) : bytes_(bytes) {}
  Bytes32 bytes_;
};

}  // namespace cafe::protocol
