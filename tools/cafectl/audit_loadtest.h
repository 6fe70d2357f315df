// The part of the audit that keeps load tests apart from money.
#pragma once

#include "tools/cafectl/audit_receipts.h"

namespace cafe::cafectl {

// Value that was posted for load tests lies with denominations for load tests, of which anyone can
// make coins, and the coin store holds rows without a payment only where the issuer has such
// denominations: in production it has none.
absl::StatusOr<AuditCheck> check_loadtest(storage::Transaction& tx, const Published& published,
                                          uint64_t loadtest_rows);

}  // namespace cafe::cafectl
