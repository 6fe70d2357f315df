// Spent slots as the coin store is told of them: rows of fixed width, packed into one byte string.
//
//   std::string rows;
//   for (...) append_spend_row(rows, {.coin_id = ..., .d = ..., ...});
//
//   CAFE_ASSIGN_OR_RETURN(SpendRows rows, SpendRows::open(request.rows()));
//   for (size_t i = 0; i < rows.size(); ++i) use(rows[i]);
//
// A row is 164 bytes, integers big-endian:
//   coin id 32 ‖ d 32 ‖ r1 32 ‖ r2 32 ‖ u64 deposit_until ‖ u64 claim_until ‖ u64 batch
//   ‖ u32 position ‖ u32 slot ‖ u32 ticks
#pragma once

#include "libs/protocol/bytes.h"

namespace cafe::protocol {

inline constexpr size_t kSpendRowSize = 164;
inline constexpr size_t kSpendTraceSize = 96;  // d ‖ r1 ‖ r2

// Batches that no deposit has, by which the audit tells rows of load tests: those that the database
// made (Record refuses that batch), and those recorded straight at the coin store.
inline constexpr uint64_t kPreloadBatch = (uint64_t{1} << 46) - 1;
inline constexpr uint64_t kLoadtestBatch = (uint64_t{1} << 46) - 2;

// A spend of one slot (section 5) and what the store must know of its denomination and its archive.
struct PackedSpend {
  CoinId coin_id;
  Bytes32 d{}, r1{}, r2{};     // challenge and answers, encoded scalars
  uint64_t deposit_until = 0;  // of its denomination, unix seconds
  uint64_t claim_until = 0;    // until when it is kept, unix seconds
  uint64_t batch = 0;          // the deposit service's, that archives the payment
  uint32_t position = 0;       // payment · 128 + spend within the batch
  uint32_t slot = 0;
  uint32_t ticks = 0;  // shown so far where the spend pays ticks, else 0
  bool operator==(const PackedSpend&) const = default;
};

// Appends one row. Allocates nothing where `to` has room.
void append_spend_row(std::string& to, const PackedSpend& row);

// Packed rows that somebody sent. They are read in place: the bytes must outlive this.
class SpendRows {
 public:
  // INVALID_ARGUMENT BAD_LENGTH for what is no whole number of rows.
  static absl::StatusOr<SpendRows> open(std::string_view packed);

  size_t size() const { return packed_.size() / kSpendRowSize; }
  // Row i < size(), its fields as they are: any bytes are a row.
  PackedSpend operator[](size_t i) const;
  // Whether d, r1 and r2 of row i are canonical scalars, each below the order of the group.
  bool has_canonical_scalars(size_t i) const;

 private:
  explicit SpendRows(ByteView packed) : packed_(packed) {}
  ByteView packed_;
};

}  // namespace cafe::protocol
