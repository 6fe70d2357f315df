// Voided terms as statements name them. For the files that hold the SQL of schema deposit.
#pragma once

#include "services/deposit/check_payments.h"

namespace cafe::deposit::store {

// 32 terms digest ‖ 16 payee ‖ 16 terminal of each, as string_agg puts them together.
absl::flat_hash_set<VoidedTerms> unpack_voided(protocol::ByteView packed);

}  // namespace cafe::deposit::store
