#include "libs/protocol/point.h"

#include <gtest/gtest.h>

#include "libs/protocol/rng.h"

namespace cafe::protocol {
namespace {

std::string decode_reason(ByteView bytes) { return reason_of(Point::decode(bytes).status()); }

Bytes encoding_of(const Point& point) { return to_bytes(point.bytes()); }

TEST(Point, decodes_its_own_encoding) { EXPECT_EQ(Point::decode(g1().bytes()).value(), g1()); }

TEST(Point, refuses_everything_else) {
  Bytes bytes = encoding_of(g());
  bytes.back() ^= 1;
  EXPECT_EQ(decode_reason(bytes), "POINT_OFF_CURVE");
  EXPECT_EQ(decode_reason(Bytes(65, 0)), "POINT_NOT_UNCOMPRESSED");
  EXPECT_EQ(decode_reason(Bytes{0}), "BAD_LENGTH") << "the identity's own encoding";
  EXPECT_EQ(decode_reason(Bytes{}), "BAD_LENGTH");
  for (const uint8_t form : {0, 2, 3, 5, 6, 7, 255}) {
    bytes = encoding_of(g());
    bytes[0] = form;
    EXPECT_EQ(decode_reason(bytes), "POINT_NOT_UNCOMPRESSED") << "form " << int{form};
  }
  bytes = encoding_of(g());
  bytes.resize(33);
  bytes[0] = 3;
  EXPECT_EQ(decode_reason(bytes), "BAD_LENGTH") << "compressed";
  bytes = encoding_of(g());
  bytes.push_back(0);
  EXPECT_EQ(decode_reason(bytes), "BAD_LENGTH");
}

TEST(Point, refuses_coordinates_that_are_not_reduced) {
  // The curve has points with x = 5 (checked below); x + p names the same one again.
  const Bytes good = from_hex(
                         "040000000000000000000000000000000000000000000000000000000000000005"
                         "459243b9aa581806fe913bce99817ade11ca503c64d9a3c533415c083248fbcc")
                         .value();
  ASSERT_TRUE(Point::decode(good).ok());
  Bytes bad =
      from_hex("04ffffffff00000001000000000000000000000001000000000000000000000004").value();
  bad.insert(bad.end(), good.begin() + 33, good.end());
  ASSERT_EQ(bad.size(), Point::kSize);
  EXPECT_EQ(decode_reason(bad), "POINT_OFF_CURVE");
}

TEST(Point, combinations_agree_with_sums_of_multiples) {
  SeededRng rng("points");
  const Point P = *multiply(rng.scalar(), g());
  const Scalar a = rng.scalar();
  const Scalar b = rng.scalar();
  const Scalar c = rng.scalar();
  const Scalar d = rng.scalar();
  // Each generator with its table, one of them twice, and a point without.
  const Point by_parts =
      *add(*add(*multiply(a, g()), *multiply(b, g1())), *add(*multiply(c, P), *multiply(d, g1())));
  EXPECT_EQ(linear_combination({{a, g()}, {b, g1()}, {c, P}, {d, g1()}}), by_parts);
  EXPECT_TRUE(combination_equals({{a, g()}, {b, g1()}, {c, P}, {d, g1()}}, by_parts));
  EXPECT_FALSE(combination_equals({{b, g()}, {a, g1()}, {c, P}, {d, g1()}}, by_parts));
  EXPECT_EQ(multiply(a + b, P), add(*multiply(a, P), *multiply(b, P)));
  EXPECT_EQ(multiply(a * b, g2()), multiply(a, *multiply(b, g2())));
}

TEST(Point, sums_that_vanish_are_no_points) {
  SeededRng rng("identity");
  const Scalar k = rng.scalar();
  const Scalar minus_k = -k;
  const Point P = *multiply(k, g3());
  EXPECT_EQ(multiply(Scalar(), P), std::nullopt);
  EXPECT_EQ(linear_combination({{k, P}, {minus_k, P}}), std::nullopt);
  EXPECT_EQ(add(P, *multiply(minus_k, g3())), std::nullopt);
  EXPECT_FALSE(combination_equals({{k, P}, {minus_k, P}}, P));
  EXPECT_EQ(reason_of(not_identity(std::nullopt).status()), "IDENTITY_POINT");
}

TEST(Point, adding_a_point_to_itself_doubles_it) {
  EXPECT_EQ(add(g1(), g1()), multiply(Scalar::from_u64(2), g1()));
}

TEST(Point, batches_agree_with_single_multiplications) {
  SeededRng rng("batches");
  const Point P = *multiply(rng.scalar(), g());
  for (const Point& base : {P, g(), g1(), g2(), g3()}) {
    std::vector<Scalar> ks;
    for (int n = 0; n < 9; ++n) ks.push_back(rng.scalar());
    ks.push_back(Scalar::from_u64(1));
    const std::vector<Point> many = multiples(ks, base).value();
    ASSERT_EQ(many.size(), ks.size());
    for (size_t n = 0; n < ks.size(); ++n) EXPECT_EQ(many[n], multiply(ks[n], base));

    const std::vector<std::vector<Term>> sums = {
        {{ks[0], base}}, {{ks[1], base}, {ks[2], g1()}}, {{ks[3], P}, {ks[4], g()}, {ks[5], base}}};
    const std::vector<Point> sums_at_once = linear_combinations(sums).value();
    ASSERT_EQ(sums_at_once.size(), sums.size());
    for (size_t n = 0; n < sums.size(); ++n) {
      EXPECT_EQ(sums_at_once[n], linear_combination(sums[n]));
    }
  }
}

TEST(Point, batches_refuse_the_identity_and_may_be_empty) {
  const std::vector<Scalar> ks = {Scalar::from_u64(1), Scalar()};
  EXPECT_EQ(reason_of(multiples(ks, g()).status()), "IDENTITY_POINT");
  EXPECT_EQ(reason_of(multiples(ks, *add(g(), g1())).status()), "IDENTITY_POINT");
  EXPECT_TRUE(multiples({}, g())->empty());
  EXPECT_TRUE(linear_combinations({})->empty());
}

TEST(Scalar, decodes_canonical_values_only) {
  const Bytes order =
      from_hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551").value();
  EXPECT_EQ(reason_of(Scalar::decode(order).status()), "SCALAR_TOO_LARGE");
  EXPECT_EQ(reason_of(Scalar::decode(Bytes(32, 0xFF)).status()), "SCALAR_TOO_LARGE");
  EXPECT_EQ(reason_of(Scalar::decode(Bytes(31, 0)).status()), "BAD_LENGTH");
  EXPECT_EQ(reason_of(Scalar::decode(Bytes(33, 0)).status()), "BAD_LENGTH");
  Bytes largest = order;
  largest.back() -= 1;
  EXPECT_EQ(Scalar::decode(largest).value(), -Scalar::from_u64(1));
}

TEST(Scalar, obeys_the_rules_of_a_field) {
  SeededRng rng("field");
  const Scalar one = Scalar::from_u64(1);
  for (int n = 0; n < 20; ++n) {
    const Scalar a = rng.scalar();
    const Scalar b = rng.scalar();
    const Scalar c = rng.scalar();
    EXPECT_EQ((a + b) * c, a * c + b * c);
    EXPECT_EQ(a - a, Scalar());
    EXPECT_EQ(a + -a, Scalar());
    EXPECT_EQ(a * a.inverse(), one);
    EXPECT_EQ(a - b, a + -b);
    EXPECT_EQ(multiply(a * b + c, g1()), linear_combination({{a, *multiply(b, g1())}, {c, g1()}}));
  }
  EXPECT_EQ(-Scalar(), Scalar());
  EXPECT_EQ(Scalar().inverse(), Scalar());
  EXPECT_EQ(Scalar::from_u64(6) * Scalar::from_u64(7), Scalar::from_u64(42));
}

TEST(Scalar, reduces_wide_values) {
  Bytes64 wide{};
  EXPECT_TRUE(Scalar::reduce(wide).is_zero());
  wide[31] = 1;  // 2^256
  EXPECT_EQ(to_hex(Scalar::reduce(wide).bytes()),
            "00000000ffffffff00000000000000004319055258e8617b0c46353d039cdaaf");
  wide.fill(0xFF);  // 2^512 - 1 = (2^256 mod q)^2 - 1
  const Scalar two_256 =
      Scalar::decode(
          from_hex("00000000ffffffff00000000000000004319055258e8617b0c46353d039cdaaf").value())
          .value();
  EXPECT_EQ(Scalar::reduce(wide), two_256 * two_256 - Scalar::from_u64(1));
}

}  // namespace
}  // namespace cafe::protocol
