// Many ECDSA signatures under one key: the tables of the key's multiples, which a single
// verification does without, pay off from a few signatures on. Public data only.
#pragma once

#include "libs/protocol/p256_var/sums_var.h"

namespace cafe::protocol::p256_var {

// A signature over a digest, all big-endian numbers.
struct DigestSignature {
  Limbs digest, r, s;
};

// For each whether it is the key's; key is not the identity.
std::vector<bool> check_signatures_of(const AffinePoint& key,
                                      std::span<const DigestSignature> signatures);

}  // namespace cafe::protocol::p256_var
