// Sums of many public points of P-256 at once: the primitive under multi-scalar multiplication,
// batches of signatures and the load generator.
//
// An addition in affine coordinates costs one inversion and a few multiplications. Thousands of
// additions that do not depend on each other share one inversion, which makes each cheaper than in
// any projective coordinates: five multiplications, one squaring.
#pragma once

#include <span>
#include <vector>

#include "libs/protocol/p256_var/field_var.h"

namespace cafe::protocol::p256_var {

// A point of the curve, or the identity, which is (0, 0): the curve has no such point.
struct AffinePoint {
  FieldElement x, y;

  bool is_identity() const { return x.is_zero() && y.is_zero(); }
  AffinePoint operator-() const { return {x, -y}; }
  bool operator==(const AffinePoint&) const = default;
};

// Points to be summed, by their index in an array of points, negated or not.
class SignedIndex {
 public:
  SignedIndex() = default;
  SignedIndex(uint32_t index, bool negative) : bits_(index << 1 | uint32_t{negative}) {}
  uint32_t index() const { return bits_ >> 1; }
  bool negative() const { return (bits_ & 1) != 0; }

 private:
  uint32_t bits_ = 0;
};

struct IndexPair {
  SignedIndex a, b;
};

// sums[i] = ±points[a] ± points[b] for each pair. Any points, equal and opposite ones and the
// identity included. `sums` lies outside of `points`.
void add_pairs(std::span<const AffinePoint> points, std::span<const IndexPair> pairs,
               std::span<AffinePoint> sums);

// Groups of points: group g has the items from ends[g - 1] (0 for the first) up to ends[g].
struct Groups {
  std::vector<SignedIndex> items;
  std::vector<uint32_t> ends;

  void close_group() { ends.push_back(static_cast<uint32_t>(items.size())); }
};

// The sum of each group; the identity for an empty one. At most 2^30 points.
std::vector<AffinePoint> sum_groups(std::span<const AffinePoint> points, const Groups& groups);

}  // namespace cafe::protocol::p256_var
