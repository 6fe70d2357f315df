// Between the library's points and this module's: conversions, the curve's equation, sums of pairs.
// Public data only.
#pragma once

#include "libs/protocol/p256_var/sums_var.h"
#include "libs/protocol/point.h"

namespace cafe::protocol {
namespace p256_var {

AffinePoint to_affine(const Point& point);
std::vector<AffinePoint> to_affine(std::span<const Point> points);
// Empty for the identity.
std::optional<Point> to_point(const AffinePoint& point);

// Whether 65 bytes, of which the first is 4, are the coordinates of a point: both below p, and y^2
// = x^3 - 3x + b.
bool is_on_curve(std::span<const uint8_t, Point::kSize> encoding);

}  // namespace p256_var

// P[i] + Q[i] for each i; both of one size. INTERNAL (IDENTITY_POINT) where a sum is the identity.
absl::StatusOr<std::vector<Point>> add_each_var(std::span<const Point> P, std::span<const Point> Q);

}  // namespace cafe::protocol
