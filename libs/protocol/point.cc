#include "libs/protocol/point.h"

#include "libs/protocol/hash.h"
#include "libs/protocol/openssl_arithmetic.h"
#include "libs/protocol/p256_var/points_var.h"

namespace cafe::protocol {

absl::StatusOr<Point> Point::decode(ByteView view) {
  CAFE_ASSIGN_OR_RETURN(Encoding bytes, to_array<kSize>(view));
  if (bytes[0] != POINT_CONVERSION_UNCOMPRESSED) {
    return invalid("POINT_NOT_UNCOMPRESSED", "A point must be in SEC1 uncompressed form.");
  }
  // Whether bytes from outside are a point is said to whoever sent them: no secret.
  if (!p256_var::is_on_curve(bytes)) {
    return invalid("POINT_OFF_CURVE", "A point does not lie on the curve P-256.");
  }
  return Point(bytes);
}

namespace {

// The curve point with abscissa `x` and even y, if there is one.
std::optional<Point> lift_x(const Bytes32& x) {
  std::array<uint8_t, 33> compressed;
  compressed[0] = POINT_CONVERSION_COMPRESSED;  // 2: even y
  std::copy(x.begin(), x.end(), compressed.begin() + 1);
  const PointHandle point = to_handle(compressed);
  return point == nullptr ? std::nullopt : from_handle(point.get());
}

}  // namespace

Point make_generator(std::string_view name) {
  for (uint32_t ctr = 0;; ++ctr) {
    if (auto point = lift_x(digest(Frame("cafe/v1/generator").add(name).add_u32(ctr)))) {
      return *point;
    }
  }
}

const Point& g() {
  static const Point point = *from_handle(EC_GROUP_get0_generator(group()));
  return point;
}

const Point& g1() {
  static const Point point = make_generator("G1");
  return point;
}

const Point& g2() {
  static const Point point = make_generator("G2");
  return point;
}

const Point& g3() {
  static const Point point = make_generator("G3");
  return point;
}

namespace {

// Which fixed-base table serves `point`, or -1. Points are public here: who multiplies what is no
// secret.
int table_of(const Point& point) {
  if (point == g()) return 0;
  if (point == g1()) return 1;
  if (point == g2()) return 2;
  if (point == g3()) return 3;
  return -1;
}

// The sum as an OpenSSL point, the identity included. Terms on generators use their tables; all
// others share one interleaved multiplication.
PointHandle sum_of(std::span<const Term> terms) {
  constexpr size_t kMost = 8;
  require_openssl(terms.size() <= kMost);
  std::array<PointHandle, kMost> handles;
  std::array<std::optional<SecretNumber>, kMost> numbers;
  std::array<const EC_POINT*, kMost> points;
  std::array<const BIGNUM*, kMost> scalars;
  std::array<const BIGNUM*, kGeneratorCount> fixed{};
  size_t variable = 0;
  for (size_t i = 0; i < terms.size(); ++i) {
    numbers[i].emplace(terms[i].k.bytes());
    const int table = table_of(terms[i].P);
    if (table >= 0 && fixed[table] == nullptr) {
      fixed[table] = *numbers[i];
      continue;
    }
    handles[variable] = to_handle(terms[i].P.bytes());
    points[variable] = handles[variable].get();
    scalars[variable] = *numbers[i];
    ++variable;
  }
  PointHandle sum(EC_POINT_new(group()));
  require_openssl(sum != nullptr && EC_POINT_set_to_infinity(group(), sum.get()) == 1);
  if (variable > 0) {
    require_openssl(EC_POINTs_mul(group(), sum.get(), nullptr, variable, points.data(),
                                  scalars.data(), bn_ctx()) == 1);
  }
  PointHandle part(EC_POINT_new(group()));
  for (int table = 0; table < kGeneratorCount; ++table) {
    if (fixed[table] == nullptr) continue;
    require_openssl(
        EC_POINTs_mul(group(table), part.get(), fixed[table], 0, nullptr, nullptr, bn_ctx()) == 1 &&
        EC_POINT_add(group(), sum.get(), sum.get(), part.get(), bn_ctx()) == 1);
  }
  return sum;
}

}  // namespace

std::optional<Point> linear_combination(std::span<const Term> terms) {
  return from_handle(sum_of(terms).get());
}

std::optional<Point> linear_combination(std::initializer_list<Term> terms) {
  return linear_combination(std::span<const Term>(terms.begin(), terms.size()));
}

namespace {

absl::StatusOr<std::vector<Point>> none_identity(std::span<const PointHandle> points) {
  auto out = from_handles(points);
  if (!out) return not_identity(std::nullopt).status();
  return *std::move(out);
}

}  // namespace

absl::StatusOr<std::vector<Point>> linear_combinations(std::span<const std::vector<Term>> sums) {
  std::vector<PointHandle> points;
  points.reserve(sums.size());
  for (const std::vector<Term>& terms : sums) points.push_back(sum_of(terms));
  return none_identity(points);
}

absl::StatusOr<std::vector<Point>> multiples(std::span<const Scalar> ks, const Point& P) {
  const int table = table_of(P);
  const PointHandle base = table < 0 ? to_handle(P.bytes()) : nullptr;
  const EC_POINT* bases[] = {base.get()};
  std::vector<PointHandle> points;
  points.reserve(ks.size());
  for (const Scalar& k : ks) {
    SecretNumber number(k.bytes());
    const BIGNUM* numbers[] = {number};
    PointHandle& point = points.emplace_back(EC_POINT_new(group()));
    require_openssl(point != nullptr);
    require_openssl(
        table < 0
            ? EC_POINTs_mul(group(), point.get(), nullptr, 1, bases, numbers, bn_ctx()) == 1
            : EC_POINTs_mul(group(table), point.get(), number, 0, nullptr, nullptr, bn_ctx()) == 1);
  }
  return none_identity(points);
}

bool combination_equals(std::span<const Term> terms, const Point& expected) {
  // Compared without leaving Jacobian coordinates, which saves the inversion.
  return EC_POINT_cmp(group(), sum_of(terms).get(), to_handle(expected.bytes()).get(), bn_ctx()) ==
         0;
}

bool combination_equals(std::initializer_list<Term> terms, const Point& expected) {
  return combination_equals(std::span<const Term>(terms.begin(), terms.size()), expected);
}

std::optional<Point> multiply(const Scalar& k, const Point& P) {
  return linear_combination({{k, P}});
}

std::optional<Point> add(const Point& a, const Point& b) {
  const PointHandle sum = to_handle(a.bytes());
  require_openssl(
      EC_POINT_add(group(), sum.get(), sum.get(), to_handle(b.bytes()).get(), bn_ctx()) == 1);
  return from_handle(sum.get());
}

absl::StatusOr<Point> not_identity(const std::optional<Point>& point) {
  if (!point) {
    return make_error(absl::StatusCode::kInternal, "IDENTITY_POINT",
                      "A computed point is the identity; draw new randomness.");
  }
  return *point;
}

}  // namespace cafe::protocol
