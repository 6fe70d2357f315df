// Slots that payments ask to reserve, as the coin store is told of them: rows of fixed width,
// packed into one byte string for each payment.
//
// A row is 76 bytes, integers big-endian:
//   coin id 32 ‖ d 32 ‖ u64 deposit_until ‖ u32 slot
#pragma once

#include "libs/protocol/bytes.h"

namespace cafe::protocol {

inline constexpr size_t kSlotRowSize = 76;

// A slot and the challenge of the payment that wants it (section 5).
struct PackedSlot {
  CoinId coin_id;
  Bytes32 d{};
  uint64_t deposit_until = 0;  // of its denomination, unix seconds
  uint32_t slot = 0;
  bool operator==(const PackedSlot&) const = default;
};

// Appends one row.
void append_slot_row(std::string& to, const PackedSlot& row);

// Packed rows that somebody sent. They are read in place: the bytes must outlive this.
class SlotRows {
 public:
  // INVALID_ARGUMENT BAD_LENGTH for what is no whole number of rows.
  static absl::StatusOr<SlotRows> open(std::string_view packed);

  size_t size() const { return packed_.size() / kSlotRowSize; }
  // Row i < size(), its fields as they are: any bytes are a row.
  PackedSlot operator[](size_t i) const;

 private:
  explicit SlotRows(ByteView packed) : packed_(packed) {}
  ByteView packed_;
};

}  // namespace cafe::protocol
