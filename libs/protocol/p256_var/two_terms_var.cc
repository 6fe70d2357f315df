#include "libs/protocol/p256_var/two_terms_var.h"

namespace cafe::protocol::p256_var {
namespace {

// So many at once that their points stay in the cache.
constexpr size_t kAtOnce = 512;
constexpr int kBits = 256;

// An odd scalar is a sum of ±2^i over all i in 0 .. 255: +2^255, and for each lower i plus where
// its bit i + 1 is set, minus where it is not. An even k below q stands for -(q - k), which is odd.
struct OddTerm {
  Limbs scalar;
  AffinePoint point;

  OddTerm(const Limbs& k, const AffinePoint& P) : scalar(k), point(P) {
    if ((k[0] & 1) != 0) return;
    uint64_t borrow = 0;
    for (int i = 0; i < 4; ++i) {
      scalar[i] = subtract_borrow(OrderModulus::kValue[i], k[i], borrow);
    }
    point = -P;
  }
  bool negative_at(int i) const {
    const int bit = i + 1;
    return bit < kBits && (scalar[bit / 64] >> (bit % 64) & 1) == 0;
  }
};

// Without a digit that is zero, each step is 2·S + T for one of four T: ±(P + Q), ±(P - Q). It is
// done as (S + T) + S, since two additions of different points go side by side in lanes, and a
// doubling does not.
class Steps {
 public:
  explicit Steps(std::span<const TwoTerms> sums) : size_(static_cast<uint32_t>(sums.size())) {
    points_.resize(4 * sums.size());
    results_.resize(2 * sums.size());
    for (const TwoTerms& sum : sums) {
      first_.emplace_back(sum.k, sum.P);
      second_.emplace_back(sum.l, sum.Q);
    }
    make_tables();
  }

  std::vector<AffinePoint> run() {
    for (uint32_t i = 0; i < size_; ++i) points_[at(kSum, i)] = points_[at(kPlus, i)];  // bit 255
    for (int bit = kBits - 2; bit >= 0; --bit) step(bit);
    return {points_.begin() + at(kSum, 0), points_.begin() + at(kSum, 0) + size_};
  }

 private:
  // Where the points of one kind begin, in numbers of sums.
  enum Region : uint32_t { kPlus = 0, kMinus = 1, kSum = 2, kHalf = 3 };
  uint32_t at(Region region, uint32_t i) const { return region * size_ + i; }

  // P + Q and P - Q, from the regions of the sums.
  void make_tables() {
    pairs_.clear();
    for (uint32_t i = 0; i < size_; ++i) {
      points_[at(kSum, i)] = first_[i].point;
      points_[at(kHalf, i)] = second_[i].point;
    }
    for (const bool negative : {false, true}) {
      for (uint32_t i = 0; i < size_; ++i) {
        pairs_.push_back({{at(kSum, i), false}, {at(kHalf, i), negative}});
      }
    }
    add_pairs(points_, pairs_, results_);
    std::copy(results_.begin(), results_.end(), points_.begin());
  }

  void step(int bit) {
    pairs_.clear();
    for (uint32_t i = 0; i < size_; ++i) {
      const bool minus_P = first_[i].negative_at(bit);
      const bool minus_Q = second_[i].negative_at(bit);
      pairs_.push_back(
          {{at(kSum, i), false}, {at(minus_P == minus_Q ? kPlus : kMinus, i), minus_P}});
    }
    add_into(kHalf);
    pairs_.clear();
    for (uint32_t i = 0; i < size_; ++i) {
      pairs_.push_back({{at(kHalf, i), false}, {at(kSum, i), false}});
    }
    add_into(kSum);
  }

  void add_into(Region region) {
    const std::span<AffinePoint> sums = std::span(results_).first(size_);
    add_pairs(points_, pairs_, sums);
    std::copy(sums.begin(), sums.end(), points_.begin() + at(region, 0));
  }

  uint32_t size_;
  std::vector<OddTerm> first_, second_;
  std::vector<AffinePoint> points_;
  std::vector<AffinePoint> results_;
  std::vector<IndexPair> pairs_;
};

}  // namespace

std::vector<AffinePoint> sums_of_two(std::span<const TwoTerms> sums) {
  std::vector<AffinePoint> out;
  out.reserve(sums.size());
  for (size_t first = 0; first < sums.size(); first += kAtOnce) {
    const std::vector<AffinePoint> some =
        Steps(sums.subspan(first, std::min(kAtOnce, sums.size() - first))).run();
    out.insert(out.end(), some.begin(), some.end());
  }
  return out;
}

}  // namespace cafe::protocol::p256_var
