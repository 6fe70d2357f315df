#include "libs/protocol/p256_var/sums_var.h"

#include "libs/protocol/p256_var/lanes_var.h"

namespace cafe::protocol::p256_var {
namespace {

AffinePoint take(std::span<const AffinePoint> points, SignedIndex at) {
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

// One after the other, in every case.
void add_pairs_simply(std::span<const AffinePoint> points, std::span<const IndexPair> pairs,
                      std::span<AffinePoint> sums) {
  std::vector<Slope> slopes;
  slopes.reserve(pairs.size());
  std::vector<FieldElement> inverses;
  inverses.reserve(pairs.size());
  for (const IndexPair& pair : pairs) {
    slopes.push_back(slope_of(take(points, pair.a), take(points, pair.b)));
    if (!slopes.back().denominator.is_zero()) inverses.push_back(slopes.back().denominator);
  }
  if (!inverses.empty()) invert_all(std::span(inverses));
  size_t next = 0;
  for (size_t i = 0; i < pairs.size(); ++i) {
    const AffinePoint a = take(points, pairs[i].a);
    const AffinePoint b = take(points, pairs[i].b);
    sums[i] = slopes[i].denominator.is_zero()
                  ? sum_without_slope(a, b)
                  : sum_with_slope(a, b, slopes[i].numerator * inverses[next++]);
  }
}

// What lanes cost before the first pair pays off.
constexpr size_t kLeastForLanes = 32;

}  // namespace

void add_pairs(std::span<const AffinePoint> points, std::span<const IndexPair> pairs,
               std::span<AffinePoint> sums) {
  if (!has_lanes() || pairs.size() < kLeastForLanes) return add_pairs_simply(points, pairs, sums);
  std::vector<uint32_t> left;
  add_pairs_in_lanes(points, pairs, sums, left);
  std::vector<IndexPair> left_pairs;
  left_pairs.reserve(left.size());
  for (const uint32_t i : left) left_pairs.push_back(pairs[i]);
  std::vector<AffinePoint> left_sums(left.size());
  add_pairs_simply(points, left_pairs, left_sums);
  for (size_t i = 0; i < left.size(); ++i) sums[left[i]] = left_sums[i];
}

namespace {

// Groups are summed up some at a time, so that their points stay in the cache.
constexpr size_t kItemsAtOnce = 16384;

// Where the items of one group stand.
struct Range {
  uint32_t begin, end;
};

// Sums groups by halving them: in each round all pairs of all groups are added at once. An item
// without a partner waits for the next round.
class Halving {
 public:
  explicit Halving(std::span<const AffinePoint> points) : points_(points.begin(), points.end()) {}

  void sum(std::span<const SignedIndex> items, std::span<const Range> groups,
           std::span<AffinePoint> sums) {
    points_.resize(base_);
    items_.assign(items.begin(), items.end());
    ranges_.assign(groups.begin(), groups.end());
    while (pair_up()) add();
    for (size_t g = 0; g < ranges_.size(); ++g) {
      if (ranges_[g].begin < ranges_[g].end) sums[g] = take(points_, items_[ranges_[g].begin]);
    }
  }

 private:
  // Moves pairs from the items to pairs_, and puts in their place what their sum will be.
  bool pair_up() {
    pairs_.clear();
    uint32_t next = static_cast<uint32_t>(points_.size());
    for (Range& range : ranges_) {
      uint32_t out = range.begin;
      uint32_t i = range.begin;
      for (; i + 1 < range.end; i += 2) {
        pairs_.push_back({items_[i], items_[i + 1]});
        items_[out++] = SignedIndex(next++, false);
      }
      if (i < range.end) items_[out++] = items_[i];
      range.end = out;
    }
    return !pairs_.empty();
  }

  void add() {
    const size_t old_size = points_.size();
    points_.resize(old_size + pairs_.size());
    add_pairs(std::span(points_).first(old_size), pairs_, std::span(points_).subspan(old_size));
  }

  std::vector<AffinePoint> points_;  // the given ones, then sums
  const size_t base_ = points_.size();
  std::vector<SignedIndex> items_;
  std::vector<Range> ranges_;
  std::vector<IndexPair> pairs_;
};

}  // namespace

std::vector<AffinePoint> sum_groups(std::span<const AffinePoint> points, const Groups& groups) {
  std::vector<AffinePoint> sums(groups.ends.size());
  Halving halving(points);
  std::vector<Range> ranges;
  uint32_t first_item = 0;
  for (size_t first = 0; first < groups.ends.size();) {
    ranges.clear();
    uint32_t begin = first_item;
    size_t g = first;
    while (g < groups.ends.size() && (g == first || groups.ends[g] - first_item <= kItemsAtOnce)) {
      ranges.push_back({begin - first_item, groups.ends[g] - first_item});
      begin = groups.ends[g++];
    }
    halving.sum(std::span(groups.items).subspan(first_item, begin - first_item), ranges,
                std::span(sums).subspan(first, g - first));
    first = g;
    first_item = begin;
  }
  return sums;
}

}  // namespace cafe::protocol::p256_var
