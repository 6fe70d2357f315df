// Many ECDSA signatures under one key: the tables of the key's multiples, which a single
// verification does without, pay off from a few signatures on. Public data only.
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

// A signature over a digest, all big-endian numbers.
struct DigestSignature {
  Limbs digest, r, s;
};

// For each whether it is the key's; key is not the identity.
std::vector<bool> check_signatures_of(const AffinePoint& key,
                                      std::span<const DigestSignature> signatures);

}  // namespace cafe::protocol::p256_var
