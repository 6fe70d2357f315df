#include "libs/protocol/p256_var/jacobian_var.h"

namespace cafe::protocol::p256_var {
namespace {

AffinePoint scale(const FieldElement& x, const FieldElement& y, const FieldElement& z_inverse) {
  const FieldElement square = z_inverse.square();
  return {x * square, y * square * z_inverse};
}

}  // namespace

// With a = -3: M = 3(X - Z^2)(X + Z^2), S = 4XY^2, X' = M^2 - 2S, Y' = M(S - X') - 8Y^4, Z' = 2YZ.
JacobianPoint JacobianPoint::doubled() const {
  if (is_identity()) return *this;
  const FieldElement z_squared = z_.square();
  const FieldElement third = (x_ - z_squared) * (x_ + z_squared);
  const FieldElement m = third + third + third;
  const FieldElement twice_y = y_ + y_;
  const FieldElement y_squared = twice_y.square();  // 4Y^2
  const FieldElement s = x_ * y_squared;
  JacobianPoint out;
  out.x_ = m.square() - s - s;
  // 16Y^4 = 2·8Y^4, so half of it is subtracted: 2Y·Y·4Y^2.
  out.y_ = m * (s - out.x_) - twice_y * y_ * y_squared;
  out.z_ = twice_y * z_;
  return out;
}

// H = xZ^2 - X, R = yZ^3 - Y, X' = R^2 - H^3 - 2XH^2, Y' = R(XH^2 - X') - YH^3, Z' = ZH.
JacobianPoint JacobianPoint::operator+(const AffinePoint& other) const {
  if (other.is_identity()) return *this;
  if (is_identity()) return JacobianPoint(other);
  const FieldElement z_squared = z_.square();
  const FieldElement h = other.x * z_squared - x_;
  const FieldElement r = other.y * z_squared * z_ - y_;
  if (h.is_zero()) return r.is_zero() ? doubled() : JacobianPoint();
  const FieldElement h_squared = h.square();
  const FieldElement h_cubed = h_squared * h;
  const FieldElement v = x_ * h_squared;
  JacobianPoint out;
  out.x_ = r.square() - h_cubed - v - v;
  out.y_ = r * (v - out.x_) - y_ * h_cubed;
  out.z_ = z_ * h;
  return out;
}

AffinePoint JacobianPoint::to_affine() const {
  return is_identity() ? AffinePoint{} : scale(x_, y_, z_.inverse());
}

std::vector<AffinePoint> to_affine(std::span<const JacobianPoint> points) {
  std::vector<FieldElement> inverses;
  inverses.reserve(points.size());
  for (const JacobianPoint& point : points) {
    inverses.push_back(point.is_identity() ? FieldElement::one() : point.z_);
  }
  invert_all(std::span(inverses));
  std::vector<AffinePoint> out;
  out.reserve(points.size());
  for (size_t i = 0; i < points.size(); ++i) {
    out.push_back(points[i].is_identity() ? AffinePoint{}
                                          : scale(points[i].x_, points[i].y_, inverses[i]));
  }
  return out;
}

}  // namespace cafe::protocol::p256_var
