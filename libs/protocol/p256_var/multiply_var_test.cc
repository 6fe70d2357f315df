// The module against OpenSSL, on random inputs and on those where affine formulas break: equal and
// opposite points, the identity, zero and maximal scalars.
#include "libs/protocol/p256_var/multiply_var.h"

#include <gtest/gtest.h>

#include "libs/protocol/hash.h"
#include "libs/protocol/openssl_arithmetic.h"
#include "libs/protocol/p256_var/jacobian_var.h"
#include "libs/protocol/p256_var/points_var.h"
#include "libs/protocol/rng.h"

namespace cafe::protocol::p256_var {
namespace {

Point random_point(SeededRng& rng) { return *multiply(rng.scalar(), g()); }

Point negated(const Point& point) { return *to_point(-to_affine(point)); }

// k·P summed by OpenSSL, one after the other.
std::optional<Point> expected_sum(std::span<const Scalar> scalars, std::span<const Point> points) {
  std::optional<Point> sum;
  for (size_t i = 0; i < points.size(); ++i) {
    const auto product = multiply(scalars[i], points[i]);
    if (!product) continue;
    sum = sum ? (*sum == negated(*product) ? std::nullopt : add(*sum, *product)) : product;
  }
  return sum;
}

std::optional<Point> actual_sum(std::span<const Scalar> scalars, std::span<const Point> points) {
  std::vector<Limbs> limbs;
  for (const Scalar& scalar : scalars) limbs.push_back(load_limbs(scalar.bytes()));
  return to_point(multiply_sum(limbs, to_affine(points)));
}

const Scalar& minus_one() {
  static const Scalar value = -Scalar::from_u64(1);
  return value;
}

Scalar short_scalar(SeededRng& rng) {
  Bytes64 wide{};
  const auto low = rng.array<16>();
  std::copy(low.begin(), low.end(), wide.begin() + 48);
  return Scalar::reduce(wide);
}

TEST(MultiplySumTest, AgreesWithOpenSslOnRandomTerms) {
  SeededRng rng("multiply-sum");
  for (const size_t count : {1, 2, 3, 5, 17, 64, 300}) {
    std::vector<Scalar> scalars;
    std::vector<Point> points;
    for (size_t i = 0; i < count; ++i) {
      scalars.push_back(i % 2 == 0 ? rng.scalar() : short_scalar(rng));
      points.push_back(random_point(rng));
    }
    EXPECT_EQ(actual_sum(scalars, points), expected_sum(scalars, points)) << count;
  }
}

TEST(MultiplySumTest, TakesZeroSmallAndMaximalScalars) {
  SeededRng rng("extreme-scalars");
  const Point P = random_point(rng);
  const Point Q = random_point(rng);
  const Scalar zero;
  const Scalar edge[] = {zero,
                         Scalar::from_u64(1),
                         Scalar::from_u64(2),
                         Scalar::from_u64(255),
                         Scalar::from_u64(UINT64_MAX),
                         minus_one(),
                         -Scalar::from_u64(2)};
  for (const Scalar& k : edge) {
    for (const Scalar& l : edge) {
      const Scalar scalars[] = {k, l};
      const Point points[] = {P, Q};
      EXPECT_EQ(actual_sum(scalars, points), expected_sum(scalars, points));
    }
  }
}

TEST(MultiplySumTest, TakesScalarsThatAreNotReduced) {
  SeededRng rng("unreduced");
  const Point P = random_point(rng);
  const Limbs all_ones = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX};
  Bytes64 wide{};
  std::fill(wide.begin() + 32, wide.end(), 0xFF);
  const AffinePoint points[] = {to_affine(P)};
  EXPECT_EQ(to_point(multiply_sum({&all_ones, 1}, points)), multiply(Scalar::reduce(wide), P));
}

TEST(MultiplySumTest, AddsEqualPoints) {
  SeededRng rng("equal-points");
  const Point P = random_point(rng);
  for (const size_t count : {2, 3, 100}) {
    const std::vector<Point> points(count, P);
    std::vector<Scalar> same(count, rng.scalar());
    EXPECT_EQ(actual_sum(same, points), expected_sum(same, points)) << count;
    for (Scalar& scalar : same) scalar = rng.scalar();
    EXPECT_EQ(actual_sum(same, points), expected_sum(same, points)) << count;
  }
}

TEST(MultiplySumTest, CancelsOppositePoints) {
  SeededRng rng("opposite-points");
  std::vector<Scalar> scalars;
  std::vector<Point> points;
  for (int i = 0; i < 50; ++i) {
    const Point P = random_point(rng);
    const Scalar k = rng.scalar();
    points.push_back(P);
    points.push_back(i % 2 == 0 ? negated(P) : P);
    scalars.push_back(k);
    scalars.push_back(i % 2 == 0 ? k : -k);
  }
  EXPECT_EQ(actual_sum(scalars, points), std::nullopt);
  points.push_back(g());
  scalars.push_back(Scalar::from_u64(7));
  EXPECT_EQ(actual_sum(scalars, points), multiply(Scalar::from_u64(7), g()));
}

TEST(MultiplySumTest, TakesTheIdentityAndNothing) {
  SeededRng rng("identity");
  EXPECT_TRUE(multiply_sum({}, {}).is_identity());
  const Limbs scalars[] = {load_limbs(rng.scalar().bytes()), Limbs{3, 0, 0, 0}};
  const AffinePoint points[] = {AffinePoint{}, to_affine(g())};
  EXPECT_EQ(to_point(multiply_sum(scalars, points)), multiply(Scalar::from_u64(3), g()));
}

TEST(MultiplySumTest, EveryWindowWidthGivesTheSameDigitsSum) {
  SeededRng rng("digits");
  for (int width = 2; width <= 13; ++width) {
    const Limbs scalar = load_limbs(rng.scalar().bytes());
    std::vector<int16_t> digits((256 + width) / width);
    signed_digits(scalar, width, digits);
    OrderElement sum;
    const OrderElement base = OrderElement::from_limbs({uint64_t{1} << width, 0, 0, 0});
    for (size_t i = digits.size(); i-- > 0;) {
      EXPECT_LE(digits[i], 1 << (width - 1));
      EXPECT_GT(digits[i], -(1 << (width - 1)) - 1);
      const auto magnitude = static_cast<uint64_t>(std::abs(digits[i]));
      const OrderElement digit = OrderElement::from_limbs({magnitude, 0, 0, 0});
      sum = sum * base + (digits[i] < 0 ? -digit : digit);
    }
    EXPECT_EQ(sum.to_limbs(), scalar) << width;
  }
}

// --- Sums of groups ---

TEST(SumGroupsTest, AgreesWithOpenSslOnEveryMixOfPoints) {
  SeededRng rng("groups");
  std::vector<Point> base;
  for (int i = 0; i < 12; ++i) base.push_back(random_point(rng));
  std::vector<AffinePoint> points = to_affine(base);
  points.push_back(AffinePoint{});  // index 12: the identity
  Groups groups;
  std::vector<std::optional<Point>> expected;
  for (int group = 0; group < 400; ++group) {
    std::vector<Scalar> scalars;
    std::vector<Point> terms;
    const size_t size = rng.array<1>()[0] % 10;
    for (size_t i = 0; i < size; ++i) {
      const auto draw = rng.array<2>();
      const uint32_t index = draw[0] % 13;
      const bool negative = draw[1] % 2 == 1;
      groups.items.emplace_back(index, negative);
      if (index == 12) continue;
      scalars.push_back(negative ? minus_one() : Scalar::from_u64(1));
      terms.push_back(base[index]);
    }
    groups.close_group();
    expected.push_back(expected_sum(scalars, terms));
  }
  const std::vector<AffinePoint> sums = sum_groups(points, groups);
  ASSERT_EQ(sums.size(), expected.size());
  for (size_t i = 0; i < sums.size(); ++i) EXPECT_EQ(to_point(sums[i]), expected[i]) << i;
}

TEST(SumGroupsTest, TakesNoGroupsAndEmptyOnes) {
  EXPECT_TRUE(sum_groups({}, {}).empty());
  Groups groups;
  groups.close_group();
  groups.close_group();
  const auto sums = sum_groups({}, groups);
  ASSERT_EQ(sums.size(), 2U);
  EXPECT_TRUE(sums[0].is_identity() && sums[1].is_identity());
}

TEST(AddEachTest, AddsPairsAndRefusesTheIdentity) {
  SeededRng rng("add-each");
  std::vector<Point> P;
  std::vector<Point> Q;
  for (int i = 0; i < 100; ++i) {
    P.push_back(random_point(rng));
    Q.push_back(i % 5 == 0 ? P.back() : random_point(rng));
  }
  const auto sums = add_each_var(P, Q);
  ASSERT_TRUE(sums.ok());
  for (size_t i = 0; i < P.size(); ++i) EXPECT_EQ((*sums)[i], add(P[i], Q[i])) << i;
  Q[3] = negated(P[3]);
  EXPECT_EQ(reason_of(add_each_var(P, Q).status()), "IDENTITY_POINT");
}

// --- Jacobian coordinates ---

TEST(JacobianTest, DoublesAndAddsInEveryCase) {
  SeededRng rng("jacobian");
  const AffinePoint P = to_affine(random_point(rng));
  const AffinePoint Q = to_affine(random_point(rng));
  const JacobianPoint twice = JacobianPoint(P).doubled();
  const Scalar two = Scalar::from_u64(2);
  EXPECT_EQ(to_point(twice.to_affine()), multiply(two, *to_point(P)));
  EXPECT_EQ((JacobianPoint(P) + P).to_affine(), twice.to_affine());
  EXPECT_TRUE((twice + -P + -P).is_identity());
  EXPECT_EQ((twice + -P).to_affine(), P);
  EXPECT_EQ((JacobianPoint() + Q).to_affine(), Q);
  EXPECT_EQ((twice + AffinePoint{}).to_affine(), twice.to_affine());
  EXPECT_TRUE(JacobianPoint().doubled().is_identity());
  const JacobianPoint many[] = {twice, JacobianPoint(), twice + Q};
  const auto affine = to_affine(many);
  EXPECT_EQ(affine[0], twice.to_affine());
  EXPECT_TRUE(affine[1].is_identity());
  EXPECT_EQ(affine[2], (twice + Q).to_affine());
}

// --- The curve's equation ---

TEST(OnCurveTest, AgreesWithOpenSslOnPointsAndTheirNeighbours) {
  SeededRng rng("on-curve");
  for (int i = 0; i < 50; ++i) {
    Point::Encoding bytes = random_point(rng).bytes();
    EXPECT_TRUE(is_on_curve(bytes));
    bytes[1 + i] ^= 1;
    EXPECT_FALSE(is_on_curve(bytes));
  }
}

TEST(OnCurveTest, RefusesCoordinatesThatAreNotReduced) {
  // A point whose x is so small that x + p still has 256 bits: the equation holds for both.
  std::array<uint8_t, 33> compressed{};
  compressed[0] = 2;
  PointHandle small;
  while (small == nullptr) {
    ++compressed[32];
    small = to_handle(compressed);
  }
  Point::Encoding bytes = from_handle(small.get())->bytes();
  ASSERT_TRUE(is_on_curve(bytes));
  Limbs x = FieldModulus::kValue;
  uint64_t carry = 0;
  x[0] = add_carry(x[0], compressed[32], carry);
  for (int i = 1; i < 4; ++i) x[i] = add_carry(x[i], 0, carry);
  ASSERT_EQ(carry, 0U);
  store_limbs(x, std::span<uint8_t, Point::kSize>(bytes).subspan<1, 32>());
  EXPECT_FALSE(is_on_curve(bytes));
}

}  // namespace
}  // namespace cafe::protocol::p256_var
