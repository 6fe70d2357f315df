// The audit: recomputes what must hold from the signed documents and the archive, and compares it
// with the ledger and the coin store. Money is neither lost nor made.
#pragma once

#include "libs/storage/key_files.h"
#include "libs/storage/postgres.h"
#include "tools/cafectl/output.h"

namespace cafe::cafectl {

struct AuditCheck {
  std::string name;
  std::string rule;  // what must hold
  uint64_t examined = 0;
  std::vector<std::string> violations{};  // at most kMaxViolations are named
  uint64_t violation_count = 0;
  void violated(std::string what);
};
inline constexpr size_t kMaxViolations = 20;

struct Audit {
  std::vector<AuditCheck> checks;
  // Batches that are stored and not credited yet, and cases without proof yet: work in progress, no
  // violation.
  uint64_t batches_in_progress = 0;
  uint64_t cases_in_progress = 0;
  // Members of to_json() besides: what cheques took, and where guardians were overdrawn.
  Json more = Json::object();
  bool passed() const;
  Json to_json() const;
};

// Everything in one snapshot of the database (a repeatable-read transaction of the operator's).
// `trust` judges the signatures of receipts, loads and cases; without it they are not checked.
absl::StatusOr<Audit> run_audit(storage::Transaction& tx,
                                const std::optional<storage::TrustFile>& trust);

}  // namespace cafe::cafectl
