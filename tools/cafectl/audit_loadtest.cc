#include "tools/cafectl/audit_loadtest.h"

#include <algorithm>

#include "libs/storage/ledger.h"

namespace cafe::cafectl {

absl::StatusOr<AuditCheck> check_loadtest(storage::Transaction& tx, const Published& published,
                                          uint64_t loadtest_rows) {
  AuditCheck check{.name = "load test",
                   .rule =
                       "value posted for load tests, and rows of no payment, are of denominations "
                       "for load tests only"};
  CAFE_ASSIGN_OR_RETURN(const Sums posted,
                        ledger_sums(tx, storage::account_kind::kCoins, "loadtest"));
  check.examined = posted.size() + loadtest_rows;
  for (const auto& [name, amount] : posted) {
    const auto found = published.find(name.substr(0, name.find(' ')));
    if (found == published.end() || !found->second.loadtest) {
      check.violated("denomination " + name + ": " + std::to_string(amount) +
                     " was posted for load tests, but real coins are made of it");
    }
  }
  const bool has_any = std::any_of(published.begin(), published.end(),
                                   [](const auto& entry) { return entry.second.loadtest; });
  if (loadtest_rows > 0 && !has_any) {
    check.violated(std::to_string(loadtest_rows) +
                   " rows of no payment, without a denomination for load tests");
  }
  return check;
}

}  // namespace cafe::cafectl
