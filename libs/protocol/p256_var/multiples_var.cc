#include "libs/protocol/p256_var/multiples_var.h"

#include <cstdlib>

#include "libs/protocol/p256_var/jacobian_var.h"
#include "libs/protocol/p256_var/multiply_var.h"

namespace cafe::protocol::p256_var {
namespace {

// P, 2^width·P, 2^(2·width)·P, ...
std::vector<AffinePoint> window_bases(const AffinePoint& P, int width, size_t windows) {
  std::vector<JacobianPoint> bases;
  JacobianPoint at(P);
  for (size_t w = 0; w < windows; ++w) {
    bases.push_back(at);
    for (int i = 0; i < width; ++i) at = at.doubled();
  }
  return to_affine(bases);
}

}  // namespace

MultiplesTable::MultiplesTable(const AffinePoint& P, int width)
    : width_(width),
      windows_((256 + width) / width),
      per_window_(size_t{1} << (width - 1)),
      entries_(windows_ * per_window_) {
  const std::vector<AffinePoint> bases = window_bases(P, width, windows_);
  for (size_t w = 0; w < windows_; ++w) entries_[w * per_window_] = bases[w];
  std::vector<IndexPair> pairs;
  std::vector<AffinePoint> sums;
  // From the multiples 1 .. known of each window to 1 .. 2·known, of all windows at once.
  for (size_t known = 1; known < per_window_; known *= 2) {
    pairs.clear();
    for (size_t w = 0; w < windows_; ++w) {
      const auto first = static_cast<uint32_t>(w * per_window_);
      const SignedIndex last(first + static_cast<uint32_t>(known) - 1, false);
      for (uint32_t d = 0; d < known; ++d) pairs.push_back({last, {first + d, false}});
    }
    sums.resize(pairs.size());
    add_pairs(entries_, pairs, sums);
    for (size_t i = 0; i < sums.size(); ++i) {
      entries_[(i / known) * per_window_ + known + i % known] = sums[i];
    }
  }
}

void MultiplesTable::add_multiple(const Limbs& scalar, uint32_t offset, Groups& groups) const {
  std::array<int16_t, 129> digits;
  signed_digits(scalar, width_, std::span(digits).first(windows_));
  for (size_t w = 0; w < windows_; ++w) {
    if (digits[w] == 0) continue;
    const size_t entry = w * per_window_ + static_cast<size_t>(std::abs(digits[w])) - 1;
    groups.items.emplace_back(offset + static_cast<uint32_t>(entry), digits[w] < 0);
  }
}

int best_table_width(size_t count) {
  int best = 4;
  size_t least = SIZE_MAX;
  for (int width = 4; width <= 9; ++width) {
    const size_t windows = (256 + width) / width;
    const size_t cost = windows * ((size_t{1} << (width - 1)) + count);
    if (cost < least) {
      least = cost;
      best = width;
    }
  }
  return best;
}

std::vector<AffinePoint> multiples_of(const AffinePoint& P, std::span<const Limbs> scalars) {
  const MultiplesTable table(P, best_table_width(scalars.size()));
  Groups groups;
  for (const Limbs& scalar : scalars) {
    table.add_multiple(scalar, 0, groups);
    groups.close_group();
  }
  return sum_groups(table.entries(), groups);
}

}  // namespace cafe::protocol::p256_var
