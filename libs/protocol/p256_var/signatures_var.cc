#include "libs/protocol/p256_var/signatures_var.h"

#include "libs/protocol/p256_var/multiples_var.h"
#include "libs/protocol/p256_var/points_var.h"

namespace cafe::protocol::p256_var {
namespace {

const MultiplesTable& generator_table() {
  static const MultiplesTable table(to_affine(g()), 8);
  return table;
}

bool in_range(const Limbs& value) { return value != Limbs{} && less(value, OrderModulus::kValue); }

}  // namespace

// FIPS 186-5, 6.4.2: R = (digest/s)·G + (r/s)·key has r as its x mod q.
std::vector<bool> check_signatures_of(const AffinePoint& key,
                                      std::span<const DigestSignature> signatures) {
  const MultiplesTable& base = generator_table();
  const MultiplesTable table(key, best_table_width(signatures.size()));
  std::vector<AffinePoint> entries(base.entries().begin(), base.entries().end());
  const auto offset = static_cast<uint32_t>(entries.size());
  entries.insert(entries.end(), table.entries().begin(), table.entries().end());

  std::vector<OrderElement> inverses;
  inverses.reserve(signatures.size());
  for (const DigestSignature& signature : signatures) {
    inverses.push_back(in_range(signature.s) ? OrderElement::from_limbs(signature.s)
                                             : OrderElement::one());
  }
  invert_all(std::span(inverses));
  Groups groups;
  for (size_t i = 0; i < signatures.size(); ++i) {
    const DigestSignature& signature = signatures[i];
    base.add_multiple((OrderElement::from_limbs(signature.digest) * inverses[i]).to_limbs(), 0,
                      groups);
    table.add_multiple((OrderElement::from_limbs(signature.r) * inverses[i]).to_limbs(), offset,
                       groups);
    groups.close_group();
  }
  const std::vector<AffinePoint> sums = sum_groups(entries, groups);
  std::vector<bool> valid;
  valid.reserve(signatures.size());
  for (size_t i = 0; i < signatures.size(); ++i) {
    const DigestSignature& signature = signatures[i];
    valid.push_back(in_range(signature.r) && in_range(signature.s) && !sums[i].is_identity() &&
                    OrderElement::from_limbs(sums[i].x.to_limbs()).to_limbs() == signature.r);
  }
  return valid;
}

}  // namespace cafe::protocol::p256_var
