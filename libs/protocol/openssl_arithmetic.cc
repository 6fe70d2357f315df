#include "libs/protocol/openssl_arithmetic.h"

#include <openssl/obj_mac.h>

#include <cstdlib>

#include "libs/protocol/hash.h"

namespace cafe::protocol {

void require_openssl(bool ok) {
  if (!ok) std::abort();
}

BN_CTX* bn_ctx() {
  struct Deleter {
    void operator()(BN_CTX* ctx) const { BN_CTX_free(ctx); }
  };
  thread_local std::unique_ptr<BN_CTX, Deleter> ctx(BN_CTX_new());
  require_openssl(ctx != nullptr);
  return ctx.get();
}

const BIGNUM* group_order() { return EC_GROUP_get0_order(group()); }

BN_MONT_CTX* order_montgomery() {
  static BN_MONT_CTX* const mont = [] {
    BN_MONT_CTX* m = BN_MONT_CTX_new();
    require_openssl(m != nullptr && BN_MONT_CTX_set(m, group_order(), bn_ctx()) == 1);
    return m;
  }();
  return mont;
}

SecretNumber::SecretNumber() : number_(BN_new()) { require_openssl(number_ != nullptr); }

SecretNumber::SecretNumber(ByteView big_endian) : SecretNumber() {
  require_openssl(BN_bin2bn(big_endian.data(), static_cast<int>(big_endian.size()), number_) !=
                  nullptr);
}

SecretNumber::~SecretNumber() { BN_clear_free(number_); }

Bytes32 SecretNumber::bytes() const {
  Bytes32 out;
  require_openssl(BN_bn2binpad(number_, out.data(), 32) == 32);
  return out;
}

namespace {

EC_GROUP* plain_group() {
  EC_GROUP* group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
  require_openssl(group != nullptr);
  return group;
}

// The same curve with `generator` as its generator and a table for it: a fixed-base multiplication
// costs a sixth of one with any other point.
EC_GROUP* group_with_table(const Point& generator) {
  EC_GROUP* group = plain_group();
  const PointHandle point = to_handle(generator.bytes());
  require_openssl(point != nullptr &&
                  EC_GROUP_set_generator(group, point.get(), EC_GROUP_get0_order(group),
                                         EC_GROUP_get0_cofactor(group)) == 1 &&
                  EC_GROUP_precompute_mult(group, bn_ctx()) == 1);
  return group;
}

}  // namespace

const EC_GROUP* group(int generator) {
  static const EC_GROUP* const base = plain_group();
  if (generator == 0) return base;
  static const EC_GROUP* const tables[] = {group_with_table(g1()), group_with_table(g2()),
                                           group_with_table(g3())};
  return tables[generator - 1];
}

PointHandle to_handle(ByteView encoding) {
  PointHandle point(EC_POINT_new(group()));
  require_openssl(point != nullptr);
  // Checks that the coordinates are below p and satisfy the curve's equation.
  if (EC_POINT_oct2point(group(), point.get(), encoding.data(), encoding.size(), bn_ctx()) != 1) {
    return nullptr;
  }
  return point;
}

std::optional<Point> from_handle(const EC_POINT* point) {
  if (EC_POINT_is_at_infinity(group(), point) == 1) return std::nullopt;
  Point::Encoding out;
  require_openssl(EC_POINT_point2oct(group(), point, POINT_CONVERSION_UNCOMPRESSED, out.data(),
                                     out.size(), bn_ctx()) == out.size());
  return PointAccess::make(out);
}

#if OPENSSL_VERSION_MAJOR < 4
namespace {

// Reads points whose Z is 1: their coordinates are X and Y as they stand. The numbers are made once
// for all of them.
class AffineReader {
 public:
  Point read(const EC_POINT* point) {
    require_openssl(
        EC_POINT_get_Jprojective_coordinates_GFp(group(), point, x_, y_, z_, bn_ctx()) == 1 &&
        BN_is_one(z_));
    Point::Encoding out;
    out[0] = POINT_CONVERSION_UNCOMPRESSED;
    require_openssl(BN_bn2binpad(x_, out.data() + 1, 32) == 32 &&
                    BN_bn2binpad(y_, out.data() + 33, 32) == 32);
    return PointAccess::make(out);
  }

 private:
  SecretNumber x_, y_, z_;
};

}  // namespace
#endif

std::optional<std::vector<Point>> from_handles(std::span<const PointHandle> points) {
  std::vector<EC_POINT*> raw;
  raw.reserve(points.size());
  for (const PointHandle& point : points) {
    if (EC_POINT_is_at_infinity(group(), point.get()) == 1) return std::nullopt;
    raw.push_back(point.get());
  }
  std::vector<Point> out;
  out.reserve(points.size());
#if OPENSSL_VERSION_MAJOR < 4
  if (raw.empty()) return out;
  require_openssl(EC_POINTs_make_affine(group(), raw.size(), raw.data(), bn_ctx()) == 1);
  AffineReader reader;
  for (const EC_POINT* point : raw) out.push_back(reader.read(point));
#else
  // Deprecated in 3.0 and not to be counted on later; one inversion a point instead.
  for (const EC_POINT* point : raw) out.push_back(*from_handle(point));
#endif
  return out;
}

}  // namespace cafe::protocol
