// The part of the audit that is about claims: that every one of them is proved, that its rows say
// what was signed, and that the ledger moved what that comes to.
#pragma once

#include "tools/cafectl/audit_receipts.h"

namespace cafe::cafectl {

// All claims in one currency, minor units.
struct ClaimedTotals {
  int64_t claimed = 0;   // with a receipt, whatever became of it
  int64_t credited = 0;  // to claimants
  int64_t charged = 0;   // of that, taken back for payments that came later
  int64_t uncollected = 0;
  int64_t pending = 0;  // credited slots of coins that were deposited and are not charged yet
  int64_t recovered() const { return credited - charged; }
};

// Cheques of a claim drew more than guardians were loaded with: what the issuer bore for it.
struct ClaimAlarm {
  uint64_t number;
  std::string currency;
  uint64_t amount;  // minor units
};

struct ClaimAudit {
  AuditCheck claims{
      .name = "claims",
      .rule =
          "every claim verifies with public keys; its rows say what was signed; its slots are "
          "marked in the coin store; the ledger credited, charged and drew what its statements "
          "say; issued >= deposited + recovered"};
  std::map<std::string, ClaimedTotals> totals;  // by currency
  std::map<std::string, uint64_t> states;       // how many claims are "filed", "held", ...
  Sums cheques;                    // what final claims drew, by account of loads, negative
  std::vector<ClaimAlarm> alarms;  // no violation: the books are exact where a guardian is broken

  uint64_t in_progress() const;  // filed, with slots that may not be marked yet
  // As members of the audit's JSON: "claims", "claims_by_state" and "claim_alarms".
  void add_to(Json& audit) const;
};

// `anchors` judge the claims' files; without them only sums and rows are compared.
absl::StatusOr<ClaimAudit> check_claims(storage::Transaction& tx,
                                        const std::optional<protocol::TrustAnchors>& anchors,
                                        const Published& published);

}  // namespace cafe::cafectl
