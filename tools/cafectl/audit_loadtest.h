// The part of the audit that keeps load tests apart from money.
#pragma once

#include "tools/cafectl/audit_receipts.h"

namespace cafe::cafectl {

struct LoadtestAudit {
  AuditCheck check{.name = "load test",
                   .rule =
                       "value posted for load tests, and rows of no payment, are of denominations "
                       "for load tests only"};
  Sums coins;    // given to denominations
  Sums cheques;  // given to accounts of loads

  // As the member "loadtest" of the audit's JSON: what was given out for nothing.
  void add_to(const Published& published, Json& audit) const;
};

// Value that was posted for load tests lies with denominations for load tests, of which anyone can
// make coins and cheques, and never under cheques that are real, and the coin store holds rows
// without a payment only where the issuer has such denominations: in production it has none.
absl::StatusOr<LoadtestAudit> check_loadtest(storage::Transaction& tx, const Published& published,
                                             uint64_t loadtest_rows);

}  // namespace cafe::cafectl
