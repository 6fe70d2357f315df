#include "services/doublespend/partitions.h"

#include <algorithm>

#include "libs/protocol/status.h"
#include "services/doublespend/columns.h"

namespace cafe::doublespend {

using storage::Transaction;

template <class Item>
absl::Status Partitions::ensure(std::span<const Item> items) {
  std::map<int16_t, Dates> wanted;  // of one of the month's items, with the latest claim_until
  {
    const std::lock_guard lock(mutex_);
    uint64_t last_deposit_until = 0;  // items are sorted by coin, but most share one deadline
    int16_t month = 0;
    for (const Item& item : items) {
      const Dates dates = dates_of(item);
      if (dates.deposit_until != last_deposit_until) {
        last_deposit_until = dates.deposit_until;
        month = month_of(last_deposit_until);
      }
      const auto known = months_.find(month);
      if (known != months_.end() && known->second >= dates.claim_until) continue;
      Dates& entry = wanted[month];
      entry = {dates.deposit_until, std::max(entry.claim_until, dates.claim_until)};
    }
  }
  for (const auto& [month, entry] : wanted) {
    CAFE_RETURN_IF_ERROR(
        database_.transaction({.idempotent = true}, [&entry = entry](Transaction& tx) {
          return tx
              .query("SELECT coinstore.ensure_partition($1, $2)", entry.deposit_until,
                     entry.claim_until)
              .status();
        }));
    const std::lock_guard lock(mutex_);
    uint64_t& known = months_[month];
    known = std::max(known, entry.claim_until);
  }
  return absl::OkStatus();
}

template <class Item>
absl::Status Partitions::write_all(std::span<const Item> items,
                                   absl::FunctionRef<absl::Status()> run) {
  CAFE_RETURN_IF_ERROR(ensure(items));
  const absl::Status status = run();
  // That is also how PostgreSQL says that a partition is missing: this one was dropped since.
  if (protocol::reason_of(status) != "CHECK_VIOLATION") return status;
  forget();
  CAFE_RETURN_IF_ERROR(ensure(items));
  return run();
}

absl::Status Partitions::write(std::span<const SpendRow> rows,
                               absl::FunctionRef<absl::Status()> run) {
  return write_all(rows, run);
}

absl::Status Partitions::write(std::span<const ClaimedCoin> coins,
                               absl::FunctionRef<absl::Status()> run) {
  return write_all(coins, run);
}

void Partitions::forget() {
  const std::lock_guard lock(mutex_);
  months_.clear();
}

}  // namespace cafe::doublespend
