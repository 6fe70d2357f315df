// Many products at once against OpenSSL's one by one: random ones, and those that make affine
// formulas meet equal and opposite points and the identity.
#include "libs/protocol/p256_var/two_terms_var.h"

#include <gtest/gtest.h>

#include "libs/protocol/p256_var/multiples_var.h"
#include "libs/protocol/p256_var/points_var.h"
#include "libs/protocol/rng.h"

namespace cafe::protocol::p256_var {
namespace {

Point random_point(SeededRng& rng) { return *multiply(rng.scalar(), g()); }

const std::vector<Scalar>& edges() {
  static const std::vector<Scalar> scalars = {
      Scalar(),
      Scalar::from_u64(1),
      Scalar::from_u64(2),
      Scalar::from_u64(3),
      Scalar::from_u64(UINT64_MAX),
      -Scalar::from_u64(1),
      -Scalar::from_u64(2),
      Scalar::from_u64(2).inverse(),
  };
  return scalars;
}

struct Sample {
  Scalar k;
  Point P;
  Scalar l;
  Point Q;
};

void expect_as_openssl(const std::vector<Sample>& samples) {
  std::vector<TwoTerms> sums;
  for (const Sample& sample : samples) {
    sums.push_back({load_limbs(sample.k.bytes()), to_affine(sample.P), load_limbs(sample.l.bytes()),
                    to_affine(sample.Q)});
  }
  const std::vector<AffinePoint> results = sums_of_two(sums);
  ASSERT_EQ(results.size(), samples.size());
  for (size_t i = 0; i < samples.size(); ++i) {
    EXPECT_EQ(to_point(results[i]),
              linear_combination({{samples[i].k, samples[i].P}, {samples[i].l, samples[i].Q}}))
        << i << " of " << samples.size();
  }
}

// 31 and 33 lie on both sides of what goes in lanes, 513 takes two rounds.
TEST(SumsOfTwoTest, AgreeWithOpenSsl) {
  SeededRng rng("two-terms");
  for (const size_t count : {0, 1, 2, 31, 33, 100, 513}) {
    std::vector<Sample> samples;
    for (size_t i = 0; i < count; ++i) {
      samples.push_back({rng.scalar(), random_point(rng), rng.scalar(), random_point(rng)});
    }
    expect_as_openssl(samples);
  }
}

TEST(SumsOfTwoTest, TakeZeroSmallAndMaximalScalars) {
  SeededRng rng("two-terms-edges");
  const Point P = random_point(rng);
  const Point Q = random_point(rng);
  std::vector<Sample> samples;
  for (const Scalar& k : edges()) {
    for (const Scalar& l : edges()) samples.push_back({k, P, l, Q});
  }
  expect_as_openssl(samples);
}

TEST(SumsOfTwoTest, TakeEqualAndOppositePoints) {
  SeededRng rng("two-terms-equal");
  const Point P = random_point(rng);
  const Point minus_P = *to_point(-to_affine(P));
  std::vector<Sample> samples;
  for (const Point& Q : {P, minus_P}) {
    for (const Scalar& k : edges()) {
      for (const Scalar& l : edges()) samples.push_back({k, P, l, Q});
      const Scalar other = rng.scalar();
      samples.push_back({other, P, other, Q});
      samples.push_back({other, P, -other, Q});
    }
  }
  expect_as_openssl(samples);
}

// Each sum by itself: what is special in one changes nothing for its neighbours.
TEST(SumsOfTwoTest, MixSpecialAndRandomOnes) {
  SeededRng rng("two-terms-mixed");
  std::vector<Sample> samples;
  for (int i = 0; i < 200; ++i) {
    const Point P = random_point(rng);
    const Scalar k = rng.scalar();
    switch (i % 4) {
      case 0:
        samples.push_back({k, P, -k, P});
        break;
      case 1:
        samples.push_back({Scalar(), P, k, random_point(rng)});
        break;
      default:
        samples.push_back({k, P, rng.scalar(), random_point(rng)});
    }
  }
  expect_as_openssl(samples);
}

TEST(MultiplesOfTest, AgreeWithOpenSsl) {
  SeededRng rng("multiples");
  for (const size_t count : {0, 1, 2, 40, 600}) {
    const Point P = random_point(rng);
    std::vector<Scalar> scalars;
    std::vector<Limbs> limbs;
    for (size_t i = 0; i < count; ++i) {
      scalars.push_back(i < edges().size() ? edges()[i] : rng.scalar());
      limbs.push_back(load_limbs(scalars.back().bytes()));
    }
    const std::vector<AffinePoint> products = multiples_of(to_affine(P), limbs);
    ASSERT_EQ(products.size(), count);
    for (size_t i = 0; i < count; ++i) {
      EXPECT_EQ(to_point(products[i]), multiply(scalars[i], P)) << i << " of " << count;
    }
  }
}

}  // namespace
}  // namespace cafe::protocol::p256_var
