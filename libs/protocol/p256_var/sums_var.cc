#include "libs/protocol/p256_var/sums_var.h"

#include <algorithm>

namespace cafe::protocol::p256_var {
namespace {

AffinePoint take(std::span<const AffinePoint> points, SignedIndex at) {
  if (at.is_none()) return {};
  const AffinePoint& point = points[at.index()];
  return at.negative() ? -point : point;
}

// What an addition divides: the slope of the line through both points is `numerator` /
// `denominator`. A denominator of zero says that the sum needs no slope.
struct Slope {
  FieldElement numerator, denominator;
};

Slope slope_of(const AffinePoint& a, const AffinePoint& b) {
  if (a.is_identity() || b.is_identity()) return {};
  if (a.x != b.x) return {b.y - a.y, b.x - a.x};
  if (a.y != b.y) return {};
  // Equal points: the tangent, (3x^2 - 3) / 2y. No point has y = 0, since q is odd.
  const FieldElement square = a.x.square() - FieldElement::one();
  return {square + square + square, a.y + a.y};
}

AffinePoint sum_without_slope(const AffinePoint& a, const AffinePoint& b) {
  if (a.is_identity()) return b;
  if (b.is_identity()) return a;
  return {};  // opposite points
}

AffinePoint sum_with_slope(const AffinePoint& a, const AffinePoint& b, const FieldElement& slope) {
  const FieldElement x = slope.square() - a.x - b.x;
  return {x, slope * (a.x - x) - a.y};
}

// Enough for the inversion to weigh little, few enough to stay in the cache.
constexpr size_t kChunk = 1024;

void add_chunk(std::span<const AffinePoint> points, std::span<const IndexPair> pairs,
               std::span<AffinePoint> sums) {
  std::vector<FieldElement> denominators;
  denominators.reserve(pairs.size());
  for (const IndexPair& pair : pairs) {
    const Slope slope = slope_of(take(points, pair.a), take(points, pair.b));
    if (!slope.denominator.is_zero()) denominators.push_back(slope.denominator);
  }
  invert_all(std::span(denominators));
  size_t next = 0;
  for (size_t i = 0; i < pairs.size(); ++i) {
    const AffinePoint a = take(points, pairs[i].a);
    const AffinePoint b = take(points, pairs[i].b);
    const Slope slope = slope_of(a, b);
    sums[i] = slope.denominator.is_zero()
                  ? sum_without_slope(a, b)
                  : sum_with_slope(a, b, slope.numerator * denominators[next++]);
  }
}

}  // namespace

void add_pairs(std::span<const AffinePoint> points, std::span<const IndexPair> pairs,
               std::span<AffinePoint> sums) {
  for (size_t begin = 0; begin < pairs.size(); begin += kChunk) {
    const size_t count = std::min(kChunk, pairs.size() - begin);
    add_chunk(points, pairs.subspan(begin, count), sums.subspan(begin, count));
  }
}

namespace {

// One round of halving: the points of each group in pairs, a last one without a partner as it is.
struct Round {
  std::vector<IndexPair> pairs;
  std::vector<uint32_t> ends;
};

template <class ItemAt>
Round pair_up(std::span<const uint32_t> ends, const ItemAt& item_at) {
  Round round;
  round.ends.reserve(ends.size());
  uint32_t begin = 0;
  for (const uint32_t end : ends) {
    for (uint32_t i = begin; i < end; i += 2) {
      round.pairs.push_back({item_at(i), i + 1 < end ? item_at(i + 1) : SignedIndex::none()});
    }
    round.ends.push_back(static_cast<uint32_t>(round.pairs.size()));
    begin = end;
  }
  return round;
}

bool all_single(std::span<const uint32_t> ends) {
  uint32_t begin = 0;
  for (const uint32_t end : ends) {
    if (end - begin > 1) return false;
    begin = end;
  }
  return true;
}

}  // namespace

std::vector<AffinePoint> sum_groups(std::span<const AffinePoint> points, const Groups& groups) {
  Round round = pair_up(groups.ends, [&](uint32_t i) { return groups.items[i]; });
  std::vector<AffinePoint> current(round.pairs.size());
  add_pairs(points, round.pairs, current);
  std::vector<AffinePoint> next;
  while (!all_single(round.ends)) {
    round = pair_up(round.ends, [](uint32_t i) { return SignedIndex(i, false); });
    next.resize(round.pairs.size());
    add_pairs(current, round.pairs, next);
    current.swap(next);
  }
  std::vector<AffinePoint> sums(round.ends.size());
  uint32_t begin = 0;
  for (size_t g = 0; g < sums.size(); ++g) {
    if (round.ends[g] > begin) sums[g] = current[begin];
    begin = round.ends[g];
  }
  return sums;
}

}  // namespace cafe::protocol::p256_var
