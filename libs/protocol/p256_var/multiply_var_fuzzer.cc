// Any bytes as a multi-scalar multiplication, against OpenSSL; and the same sum through groups and
// pairs. Scalars come raw from the input; points are small multiples of two bases, their negatives
// and the identity, so that equal, opposite and vanishing points meet often.
//
// Built as a test, it draws its inputs itself; with Clang's -fsanitize=fuzzer (CAFE_FUZZ) the
// fuzzer does.
#include <cstdlib>

#include "libs/protocol/p256_var/jacobian_var.h"
#include "libs/protocol/p256_var/multiply_var.h"
#include "libs/protocol/p256_var/points_var.h"
#include "libs/protocol/rng.h"

namespace cafe::protocol::p256_var {
namespace {

// Fuzzers want a crash; the stack says which comparison failed.
void require(bool holds) {
  if (!holds) std::abort();
}

// One term: which point, and how much of a scalar follows.
constexpr size_t kMostTerms = 200;

struct PublicTerm {
  Scalar multiple;  // of G, that the point is; zero for the identity
  Limbs scalar;
};

Scalar base_multiple(uint8_t choice) {
  const Scalar small = Scalar::from_u64(choice >> 2 & 7);
  const Scalar large = choice & 1 ? small : small * Scalar::from_u64(0x1234567890ABCDEF);
  return choice & 2 ? -large : large;
}

std::vector<PublicTerm> read_terms(ByteView input) {
  std::vector<PublicTerm> terms;
  while (input.size() >= 2 && terms.size() < kMostTerms) {
    const size_t length = std::min<size_t>(input[1] % 33, input.size() - 2);
    Bytes32 scalar{};
    std::copy_n(input.begin() + 2, length, scalar.end() - static_cast<ptrdiff_t>(length));
    terms.push_back({base_multiple(input[0]), load_limbs(scalar)});
    input = input.subspan(2 + length);
  }
  return terms;
}

AffinePoint point_of(const Scalar& multiple) {
  const auto point = multiply(multiple, g());
  return point ? to_affine(*point) : AffinePoint{};
}

Scalar reduced(const Limbs& value) {
  Bytes64 wide{};
  store_limbs(value, std::span(wide).last<32>());
  return Scalar::reduce(wide);
}

void check(ByteView input) {
  const std::vector<PublicTerm> terms = read_terms(input);
  std::vector<AffinePoint> points;
  std::vector<Limbs> scalars;
  Scalar product_sum, plain_sum;
  Groups groups;
  for (const PublicTerm& term : terms) {
    const bool negative = (term.scalar[0] & 1) != 0;
    groups.items.emplace_back(static_cast<uint32_t>(points.size()), negative);
    points.push_back(point_of(term.multiple));
    scalars.push_back(term.scalar);
    product_sum = product_sum + reduced(term.scalar) * term.multiple;
    plain_sum = negative ? plain_sum - term.multiple : plain_sum + term.multiple;
  }
  groups.close_group();
  require(multiply_sum(scalars, points) == point_of(product_sum));
  require(sum_groups(points, groups)[0] == point_of(plain_sum));
  std::vector<IndexPair> pairs;
  for (size_t i = 0; i + 1 < groups.items.size(); ++i) {
    pairs.push_back({groups.items[i], groups.items[i + 1]});
  }
  std::vector<AffinePoint> sums(pairs.size());
  add_pairs(points, pairs, sums);
  for (size_t i = 0; i < sums.size(); ++i) {
    const auto signed_multiple = [&](SignedIndex at) {
      const Scalar& multiple = terms[at.index()].multiple;
      return at.negative() ? -multiple : multiple;
    };
    require(sums[i] == point_of(signed_multiple(pairs[i].a) + signed_multiple(pairs[i].b)));
  }
}

}  // namespace
}  // namespace cafe::protocol::p256_var

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  cafe::protocol::p256_var::check({data, size});
  return 0;
}

#ifndef CAFE_FUZZ
int main() {
  cafe::protocol::SeededRng rng("multiply_var_fuzzer");
  constexpr int kRuns = 400;
  for (int run = 0; run < kRuns; ++run) {
    cafe::protocol::Bytes input(rng.below(2000));
    rng.fill(input);
    // Runs of equal bytes give equal terms, all zeros and all ones.
    for (uint64_t stretches = rng.below(4); stretches > 0 && !input.empty(); --stretches) {
      const size_t begin = rng.below(input.size());
      const size_t length = rng.below(input.size() - begin + 1);
      std::fill_n(input.begin() + static_cast<ptrdiff_t>(begin), length,
                  rng.below(2) == 0 ? uint8_t{0} : uint8_t{0xFF});
    }
    LLVMFuzzerTestOneInput(input.data(), input.size());
  }
  return 0;
}
#endif
