#include "libs/protocol/slot_rows.h"

#include <algorithm>

#include "libs/protocol/frame.h"

namespace cafe::protocol {
namespace {

void put(std::string& to, ByteView bytes) {
  to.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

}  // namespace

void append_slot_row(std::string& to, const PackedSlot& row) {
  put(to, row.coin_id);
  put(to, row.d);
  put(to, encode_u64(row.deposit_until));
  put(to, encode_u32(row.slot));
}

absl::StatusOr<SlotRows> SlotRows::open(std::string_view packed) {
  if (packed.size() % kSlotRowSize != 0) {
    return invalid("BAD_LENGTH", "Packed slots are 76 bytes each.");
  }
  return SlotRows(view_of(packed));
}

PackedSlot SlotRows::operator[](size_t i) const {
  const auto row = packed_.subspan(i * kSlotRowSize).first<kSlotRowSize>();
  PackedSlot out;
  std::ranges::copy(row.subspan<0, 32>(), out.coin_id.bytes.begin());
  std::ranges::copy(row.subspan<32, 32>(), out.d.begin());
  out.deposit_until = decode_u64(row.subspan<64, 8>());
  out.slot = decode_u32(row.subspan<72, 4>());
  return out;
}

}  // namespace cafe::protocol
