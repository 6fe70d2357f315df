// Points of P-256 and their multiples.
//
//   Point B = *linear_combination({{x1, g1()}, {x2, g2()}, {e * s, A_G}, {s, B_O}});
//   bool ok = combination_equals({{r1, g1()}, {r2, g2()}, {-d, A}}, B);
#pragma once

#include <initializer_list>
#include <optional>

#include "libs/protocol/bytes.h"
#include "libs/protocol/scalar.h"

namespace cafe::protocol {

// A point on the curve that is not the identity, held in its encoding: SEC1 uncompressed, 65 bytes.
// The identity has no encoding (section 1) and so is no Point.
class Point {
 public:
  static constexpr size_t kSize = 65;
  using Encoding = std::array<uint8_t, kSize>;

  // Checks everything: BAD_LENGTH, POINT_NOT_UNCOMPRESSED (any first byte but 4, a compressed or
  // hybrid form or the identity's zero byte among them), POINT_OFF_CURVE (coordinates >= p
  // included).
  static absl::StatusOr<Point> decode(ByteView bytes);

  const Encoding& bytes() const { return bytes_; }
  // Order and equality of encodings. Points are public or compared only where they are.
  auto operator<=>(const Point&) const = default;

 private:
  friend class PointAccess;
  explicit Point(const Encoding& bytes) : bytes_(bytes) {}
  Encoding bytes_;
};

// The standard base point, and the generators with unknown logarithms of section 1.
const Point& g();
const Point& g1();
const Point& g2();
const Point& g3();

// generator(name) of section 1.
Point make_generator(std::string_view name);

struct Term {
  const Scalar& k;
  const Point& P;
};

// k1·P1 + k2·P2 + ..., in time that does not depend on the scalars or points. Empty where the sum
// is the identity, which for honest inputs never happens; callers say what it means to them.
std::optional<Point> linear_combination(std::span<const Term> terms);
std::optional<Point> linear_combination(std::initializer_list<Term> terms);

// Whether k1·P1 + k2·P2 + ... = expected.
bool combination_equals(std::span<const Term> terms, const Point& expected);
bool combination_equals(std::initializer_list<Term> terms, const Point& expected);

// k·P; empty only for k = 0.
std::optional<Point> multiply(const Scalar& k, const Point& P);
std::optional<Point> add(const Point& a, const Point& b);

// Many combinations at once: they share one inversion, which is a tenth of the cost of each alone.
// IDENTITY_POINT as not_identity says, where one of them is the identity.
absl::StatusOr<std::vector<Point>> linear_combinations(std::span<const std::vector<Term>> sums);
// k·P for each of `ks`, which share the decoding of P too. IDENTITY_POINT for a zero scalar.
absl::StatusOr<std::vector<Point>> multiples(std::span<const Scalar> ks, const Point& P);

// Unwraps a combination of an honest party: INTERNAL (IDENTITY_POINT) for the identity, which has
// probability 2^-256.
absl::StatusOr<Point> not_identity(const std::optional<Point>& point);

}  // namespace cafe::protocol
