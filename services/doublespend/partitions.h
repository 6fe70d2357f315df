// The months of the coin store (migrations/0007_narrow_spent.sql): made before a row needs them,
// and remembered.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <span>

#include "absl/functional/function_ref.h"
#include "libs/storage/postgres.h"
#include "services/doublespend/spend_row.h"

namespace cafe::doublespend {

// Thread-safe.
class Partitions {
 public:
  // `database` must outlive it.
  explicit Partitions(storage::Database& database) : database_(database) {}

  // Runs a transaction that writes rows with these dates: makes sure first that each month has a
  // partition that is kept until the rows' claim_until (a transaction for each month that is not
  // known for that long), and runs it again where one was dropped since it was last seen. Errors,
  // beside those of `run`: FAILED_PRECONDITION RETENTION_OVER (a month was dropped);
  // INVALID_ARGUMENT BAD_DATES.
  absl::Status write(std::span<const SpendRow> rows, absl::FunctionRef<absl::Status()> run);
  absl::Status write(std::span<const ClaimedCoin> coins, absl::FunctionRef<absl::Status()> run);

  // After partitions were dropped: asks for each of them again.
  void forget();

 private:
  struct Dates {
    uint64_t deposit_until;
    uint64_t claim_until;
  };
  template <class Item>
  absl::Status write_all(std::span<const Item> items, absl::FunctionRef<absl::Status()> run);
  template <class Item>
  absl::Status ensure(std::span<const Item> items);
  static Dates dates_of(const SpendRow& row) { return {row.key.deposit_until, row.claim_until}; }
  static Dates dates_of(const ClaimedCoin& coin) { return {coin.deposit_until, coin.claim_until}; }

  storage::Database& database_;
  std::mutex mutex_;
  // Months that are known to have a partition, and until when it is kept at least.
  std::map<int16_t, uint64_t> months_;
};

}  // namespace cafe::doublespend
