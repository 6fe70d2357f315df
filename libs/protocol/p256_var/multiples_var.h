// Many multiples of one point: the tables of its multiples, which a single one does without, pay
// off from a few on. Public data only.
#pragma once

#include "libs/protocol/p256_var/sums_var.h"

namespace cafe::protocol::p256_var {

// d·2^(width·w)·P for every window w and every digit d in 1 .. 2^(width-1): any multiple of P is
// then a sum of one entry of each window, negated or not.
class MultiplesTable {
 public:
  MultiplesTable(const AffinePoint& P, int width);

  std::span<const AffinePoint> entries() const { return entries_; }
  // Adds the entries that sum up to scalar·P to the group that is open in `groups`; the table's
  // first entry has the index `offset` there.
  void add_multiple(const Limbs& scalar, uint32_t offset, Groups& groups) const;

 private:
  int width_;
  size_t windows_;
  size_t per_window_;
  std::vector<AffinePoint> entries_;
};

// The width with which a table and `count` multiples together cost the fewest additions.
int best_table_width(size_t count);

// k·P for each of the scalars; the identity where it is that.
std::vector<AffinePoint> multiples_of(const AffinePoint& P, std::span<const Limbs> scalars);

}  // namespace cafe::protocol::p256_var
