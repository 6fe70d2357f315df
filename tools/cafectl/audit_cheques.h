// The part of the audit that is about cheques: what guardians were loaded with against what cheques
// took, blank cheques, and where a broken guardian overdrew.
#pragma once

#include "libs/storage/key_files.h"
#include "tools/cafectl/audit_receipts.h"

namespace cafe::cafectl {

// Cheques of an issuer took more than its guardians were loaded with: what the issuer bore for it.
struct ChequeAlarm {
  int64_t batch;
  std::string issuer_id;
  std::string currency;
  int64_t amount;  // minor units
  uint64_t raised_ms;
};

// The cheques of one issuer in one currency, minor units.
struct ChequeTotals {
  std::string issuer_id;
  std::string currency;
  int64_t loaded = 0;
  int64_t deposited = 0;  // all that payees were credited for
  int64_t overdrawn = 0;  // the part of it that the issuer bore
  int64_t loadtest = 0;   // put under them for load tests, without a load
  int64_t recovered = 0;  // drawn for claims of lost wallets
  int64_t outstanding() const { return loaded + loadtest - (deposited - overdrawn) - recovered; }
};

// The blank cheques that were issued of one denomination.
struct BlankTotals {
  std::string denomination;
  std::string currency;
  uint64_t up_to;  // what one can be written out for
  uint64_t issued;
};

struct ChequeAudit {
  AuditCheck loads{
      .name = "loads",
      .rule =
          "every account's loads are numbered 1, 2, 3, ...; each has its signed order, "
          "debits what that says, and is answered with a signed load of just that"};
  AuditCheck cheques{.name = "cheques",
                     .rule =
                         "cheques took what the receipts say, but for what alarms say the issuer "
                         "bore; blank ones cost nothing and are counted against their account"};
  std::vector<ChequeTotals> totals;
  std::vector<BlankTotals> blanks;
  std::vector<ChequeAlarm> alarms;  // no violation: the books are exact where a guardian is broken

  // As members of the audit's JSON: "cheques", "blank_cheques" and "alarms".
  void add_to(Json& audit) const;
};

// `trust` judges the signatures of the answers and of the loads; those of the orders are always
// checked. By account of loads: `loadtest` is what was put under cheques for load tests,
// `recovered` what claims drew (negative).
absl::StatusOr<ChequeAudit> check_cheques(storage::Transaction& tx,
                                          const std::optional<storage::TrustFile>& trust,
                                          const ReceiptChecks& receipts, const Sums& loadtest,
                                          const Sums& recovered);

}  // namespace cafe::cafectl
