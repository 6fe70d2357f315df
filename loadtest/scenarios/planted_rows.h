// Rows that are recorded twice, each time from another place: which they are, and whether the coin
// store found them out.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>

#include "absl/container/flat_hash_map.h"

namespace cafe::loadtest {

// Of all rows of a load, numbered as they are made, some hold the spend of a row before them.
// Thread-safe.
class PlantedRows {
 public:
  // `share` of the rows, 0 to 0.5, repeat another, 16 requests of `rows` rows before them.
  PlantedRows(uint64_t seed, double share, uint32_t rows)
      : seed_(seed), share_(share), distance_(uint64_t{16} * rows + 1) {}

  // The number of the other row with the same spend, before it or after it.
  std::optional<uint64_t> partner_of(uint64_t number) const;
  // The number of the row whose spend it holds: its own, or the one before it.
  uint64_t spend_of(uint64_t number) const;

  // The answer on a row: fresh, or a repeat of `other`. False where that cannot be: only the two
  // rows of a pair repeat each other, and only one does.
  bool take(uint64_t number, std::optional<uint64_t> other);

 private:
  bool repeats_another(uint64_t number) const;

  const uint64_t seed_;
  const double share_;
  // Odd, so that two rows of a pair never have one position in their batch.
  const uint64_t distance_;
  std::mutex mutex_;
  absl::flat_hash_map<uint64_t, bool> fresh_;  // of rows whose partner is not answered yet
};

}  // namespace cafe::loadtest
