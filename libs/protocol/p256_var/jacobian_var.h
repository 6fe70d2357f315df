// Points as (X, Y, Z), for the short chains of additions and doublings that cannot share an
// inversion. x = X/Z^2, y = Y/Z^3; the identity has Z = 0. Public data only.
#pragma once

#include "libs/protocol/p256_var/sums_var.h"

namespace cafe::protocol::p256_var {

class JacobianPoint {
 public:
  JacobianPoint() = default;  // the identity
  explicit JacobianPoint(const AffinePoint& point)
      : x_(point.x), y_(point.y), z_(point.is_identity() ? FieldElement() : FieldElement::one()) {}

  bool is_identity() const { return z_.is_zero(); }
  JacobianPoint doubled() const;
  JacobianPoint operator+(const AffinePoint& other) const;
  AffinePoint to_affine() const;

  friend std::vector<AffinePoint> to_affine(std::span<const JacobianPoint> points);

 private:
  FieldElement x_, y_, z_;
};

// All of them, with one inversion.
std::vector<AffinePoint> to_affine(std::span<const JacobianPoint> points);

}  // namespace cafe::protocol::p256_var
