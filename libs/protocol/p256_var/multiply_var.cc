#include "libs/protocol/p256_var/multiply_var.h"

#include <algorithm>
#include <bit>
#include <cstdlib>

#include "libs/protocol/p256_var/jacobian_var.h"

namespace cafe::protocol::p256_var {

int bit_length(const Limbs& value) {
  for (int i = 3; i >= 0; --i) {
    if (value[i] != 0) return 64 * i + static_cast<int>(std::bit_width(value[i]));
  }
  return 0;
}

namespace {

constexpr int kMinWidth = 2;
constexpr int kMaxWidth = 13;

// Digits that a number of `length` bits takes: the sign needs one bit more.
int digit_count(int length, int width) { return length == 0 ? 0 : (length + width) / width; }

}  // namespace

int best_window(std::span<const int> lengths) {
  std::array<int, 257> of_length{};
  int longest = 0;
  for (const int length : lengths) {
    ++of_length[length];
    longest = std::max(longest, length);
  }
  int best = kMinWidth;
  int64_t least = INT64_MAX;
  for (int width = kMinWidth; width <= kMaxWidth; ++width) {
    // Each bucket is added twice when the buckets are summed up.
    int64_t cost = int64_t{digit_count(longest, width)} * (int64_t{2} << (width - 1));
    for (int length = 1; length <= longest; ++length) {
      cost += int64_t{of_length[length]} * digit_count(length, width);
    }
    if (cost < least) {
      least = cost;
      best = width;
    }
  }
  return best;
}

void signed_digits(const Limbs& scalar, int width, std::span<int16_t> digits) {
  const int half = 1 << (width - 1);
  int carry = 0;
  int at = 0;
  for (int16_t& digit : digits) {
    int value = carry;
    if (at < 256) {
      const int limb = at / 64;
      const int shift = at % 64;
      uint64_t bits = scalar[limb] >> shift;
      if (shift + width > 64 && limb < 3) bits |= scalar[limb + 1] << (64 - shift);
      value += static_cast<int>(bits & ((uint64_t{1} << width) - 1));
    }
    carry = value > half ? 1 : 0;
    digit = static_cast<int16_t>(value - (carry << width));
    at += width;
  }
}

namespace {

// Each term's point goes, for each window, to the bucket of its digit there: bucket k - 1 of a
// window gathers the points whose digit is k or, negated, -k.
class Buckets {
 public:
  Buckets(std::span<const Limbs> scalars, int width, int windows)
      : width_(width), windows_(windows), per_window_(size_t{1} << (width - 1)) {
    std::vector<int16_t> digits(scalars.size() * windows);
    std::vector<uint32_t> next(per_window_ * windows + 1);
    for (size_t i = 0; i < scalars.size(); ++i) {
      const std::span<int16_t> row(digits.data() + i * windows, windows);
      signed_digits(scalars[i], width, row);
      for (int w = 0; w < windows; ++w) {
        if (row[w] != 0) ++next[bucket(w, std::abs(row[w])) + 1];
      }
    }
    for (size_t b = 1; b < next.size(); ++b) next[b] += next[b - 1];
    groups_.ends.assign(next.begin() + 1, next.end());
    groups_.items.resize(next.back());
    for (size_t i = 0; i < scalars.size(); ++i) {
      const int16_t* const row = digits.data() + i * windows;
      for (int w = 0; w < windows; ++w) {
        if (row[w] == 0) continue;
        groups_.items[next[bucket(w, std::abs(row[w]))]++] =
            SignedIndex(static_cast<uint32_t>(i), row[w] < 0);
      }
    }
  }

  // For each window w and bit j below width, in that order: the sum of the buckets' sums whose k
  // has bit j set. So the whole is the sum over w and j of 2^(width·w + j) times these.
  std::vector<AffinePoint> bit_sums(std::span<const AffinePoint> points) const {
    const std::vector<AffinePoint> sums = sum_groups(points, groups_);
    // By halves of k, so that a bucket's sum is added twice instead of once for each bit.
    const int low_bits = width_ / 2;
    const size_t lows = size_t{1} << low_bits;
    const size_t highs = (per_window_ >> low_bits) + 1;
    Groups halves;
    for (int w = 0; w < windows_; ++w) {
      for (size_t low = 0; low < lows; ++low) {
        for (size_t high = 0; high < highs; ++high) add_bucket(halves, sums, w, high, low);
        halves.close_group();
      }
      for (size_t high = 0; high < highs; ++high) {
        for (size_t low = 0; low < lows; ++low) add_bucket(halves, sums, w, high, low);
        halves.close_group();
      }
    }
    const std::vector<AffinePoint> half_sums = sum_groups(sums, halves);
    Groups bits;
    for (int w = 0; w < windows_; ++w) {
      const size_t first_low = w * (lows + highs);
      for (int j = 0; j < width_; ++j) {
        if (j < low_bits) {
          add_with_bit(bits, half_sums, first_low, lows, j);
        } else {
          add_with_bit(bits, half_sums, first_low + lows, highs, j - low_bits);
        }
        bits.close_group();
      }
    }
    return sum_groups(half_sums, bits);
  }

 private:
  size_t bucket(int window, int k) const { return window * per_window_ + k - 1; }

  void add_bucket(Groups& to, std::span<const AffinePoint> sums, int window, size_t high,
                  size_t low) const {
    const size_t k = (high << (width_ / 2)) + low;
    if (k == 0 || k > per_window_) return;
    const size_t at = bucket(window, static_cast<int>(k));
    if (!sums[at].is_identity()) to.items.emplace_back(static_cast<uint32_t>(at), false);
  }

  static void add_with_bit(Groups& to, std::span<const AffinePoint> sums, size_t first,
                           size_t count, int bit) {
    for (size_t v = 0; v < count; ++v) {
      if ((v >> bit & 1) == 0 || sums[first + v].is_identity()) continue;
      to.items.emplace_back(static_cast<uint32_t>(first + v), false);
    }
  }

  const int width_;
  const int windows_;
  const size_t per_window_;
  Groups groups_;
};

}  // namespace

AffinePoint multiply_sum(std::span<const Limbs> scalars, std::span<const AffinePoint> points) {
  std::vector<int> lengths;
  lengths.reserve(scalars.size());
  for (const Limbs& scalar : scalars) lengths.push_back(bit_length(scalar));
  const int longest = lengths.empty() ? 0 : *std::max_element(lengths.begin(), lengths.end());
  if (longest == 0) return {};
  const int width = best_window(lengths);
  const Buckets buckets(scalars, width, digit_count(longest, width));
  const std::vector<AffinePoint> bits = buckets.bit_sums(points);
  JacobianPoint sum;
  for (size_t i = bits.size(); i-- > 0;) sum = sum.doubled() + bits[i];
  return sum.to_affine();
}

}  // namespace cafe::protocol::p256_var
