// Records of fixed width, big-endian, that one bytea parameter carries into a statement
// (libs/storage/values.h).
#pragma once

#include "libs/protocol/frame.h"
#include "services/doublespend/spend_row.h"

namespace cafe::doublespend {

inline void pack(protocol::Bytes& to, const protocol::Bytes32& value) {
  protocol::append(to, value);
}
inline void pack(protocol::Bytes& to, uint64_t value) {
  protocol::append(to, protocol::encode_u64(value));
}
inline void pack(protocol::Bytes& to, uint32_t value) {
  protocol::append(to, protocol::encode_u32(value));
}

// coin id 32 ‖ deposit_until 8 ‖ slot 4
inline constexpr size_t kPackedKeySize = 44;
inline void pack(protocol::Bytes& to, const SlotKey& key) {
  pack(to, key.coin_id.bytes);
  pack(to, key.deposit_until);
  pack(to, key.slot);
}

// key 44 ‖ position 4 ‖ batch 8 ‖ d 32 ‖ r1 32 ‖ r2 32
inline constexpr size_t kPackedRowSize = 152;
inline void pack(protocol::Bytes& to, const SpendRow& row) {
  pack(to, row.key);
  pack(to, row.place.position);
  pack(to, row.place.batch);
  pack(to, row.trace.d);
  pack(to, row.trace.r1);
  pack(to, row.trace.r2);
}

}  // namespace cafe::doublespend
