#include "libs/protocol/p256_var/points_var.h"

#include "libs/protocol/openssl_arithmetic.h"

namespace cafe::protocol {
namespace p256_var {
namespace {

// The curve's constant b (SEC 2, secp256r1).
const FieldElement& curve_b() {
  static const FieldElement b = FieldElement::from_limbs(
      {0x3BCE3C3E27D2604B, 0x651D06B0CC53B0F6, 0xB3EBBD55769886BC, 0x5AC635D8AA3A93E7});
  return b;
}

}  // namespace

AffinePoint to_affine(const Point& point) {
  const std::span<const uint8_t, Point::kSize> bytes(point.bytes());
  return {FieldElement::from_bytes(bytes.subspan<1, 32>()),
          FieldElement::from_bytes(bytes.subspan<33, 32>())};
}

std::vector<AffinePoint> to_affine(std::span<const Point> points) {
  std::vector<AffinePoint> out;
  out.reserve(points.size());
  for (const Point& point : points) out.push_back(to_affine(point));
  return out;
}

std::optional<Point> to_point(const AffinePoint& point) {
  if (point.is_identity()) return std::nullopt;
  Point::Encoding encoding;
  const std::span<uint8_t, Point::kSize> bytes(encoding);
  bytes[0] = POINT_CONVERSION_UNCOMPRESSED;
  store_limbs(point.x.to_limbs(), bytes.subspan<1, 32>());
  store_limbs(point.y.to_limbs(), bytes.subspan<33, 32>());
  return PointAccess::make(encoding);
}

bool is_on_curve(std::span<const uint8_t, Point::kSize> encoding) {
  const Limbs x_limbs = load_limbs(encoding.subspan<1, 32>());
  const Limbs y_limbs = load_limbs(encoding.subspan<33, 32>());
  if (!less(x_limbs, FieldModulus::kValue) || !less(y_limbs, FieldModulus::kValue)) return false;
  const FieldElement x = FieldElement::from_limbs(x_limbs);
  const FieldElement y = FieldElement::from_limbs(y_limbs);
  return y.square() == x.square() * x - (x + x + x) + curve_b();
}

}  // namespace p256_var

absl::StatusOr<std::vector<Point>> add_each_var(std::span<const Point> P,
                                                std::span<const Point> Q) {
  std::vector<p256_var::AffinePoint> points = p256_var::to_affine(P);
  const std::vector<p256_var::AffinePoint> others = p256_var::to_affine(Q);
  points.insert(points.end(), others.begin(), others.end());
  std::vector<p256_var::IndexPair> pairs;
  pairs.reserve(P.size());
  for (uint32_t i = 0; i < P.size(); ++i) {
    pairs.push_back({{i, false}, {i + static_cast<uint32_t>(P.size()), false}});
  }
  std::vector<p256_var::AffinePoint> sums(P.size());
  p256_var::add_pairs(points, pairs, sums);
  std::vector<Point> out;
  out.reserve(sums.size());
  for (const p256_var::AffinePoint& sum : sums) {
    CAFE_ASSIGN_OR_RETURN(const Point point, not_identity(p256_var::to_point(sum)));
    out.push_back(point);
  }
  return out;
}

}  // namespace cafe::protocol
