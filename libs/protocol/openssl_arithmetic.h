// The seam to OpenSSL, for this library's own .cc files: the group, its fixed-base tables,
// thread-local scratch.
#pragma once

#define OPENSSL_SUPPRESS_DEPRECATED  // EC_POINTs_mul and fixed-base tables have no newer interface
#include <openssl/bn.h>
#include <openssl/ec.h>

#include <memory>

#include "libs/protocol/point.h"
#include "libs/protocol/scalar.h"

namespace cafe::protocol {

// Aborts where `ok` is false: OpenSSL fails on these calls only when memory is exhausted.
void require_openssl(bool ok);

// Scratch of one thread.
BN_CTX* bn_ctx();

const BIGNUM* group_order();
BN_MONT_CTX* order_montgomery();

// A number taken from the thread's scratch, cleared when it goes.
class SecretNumber {
 public:
  SecretNumber();
  explicit SecretNumber(ByteView big_endian);
  SecretNumber(const SecretNumber&) = delete;
  SecretNumber& operator=(const SecretNumber&) = delete;
  ~SecretNumber();
  operator BIGNUM*() { return number_; }  // NOLINT: stands for the BIGNUM
  Bytes32 bytes() const;

 private:
  BIGNUM* number_;
};

struct PointDeleter {
  void operator()(EC_POINT* point) const { EC_POINT_clear_free(point); }
};
using PointHandle = std::unique_ptr<EC_POINT, PointDeleter>;

// P-256 with each generator's own fixed-base table: index 0 is G, then G1, G2, G3.
inline constexpr int kGeneratorCount = 4;
const EC_GROUP* group(int generator = 0);

// Null where the encoding is no point on the curve.
PointHandle to_handle(ByteView encoding);
// Empty for the identity.
std::optional<Point> from_handle(const EC_POINT* point);
// The same of many, with one inversion for all: normalises `points` in place. Empty where any of
// them is the identity.
std::optional<std::vector<Point>> from_handles(std::span<const PointHandle> points);

class PointAccess {
 public:
  static Point make(const Point::Encoding& bytes) { return Point(bytes); }
};

}  // namespace cafe::protocol
