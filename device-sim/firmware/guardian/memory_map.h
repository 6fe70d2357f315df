// What lies where in the guardian's non-volatile memory. Every record is a MirroredRecord, so that
// each changes as a whole.
#pragma once

#include "device-sim/firmware/common/mirrored_record.h"
#include "device-sim/firmware/guardian/commands.h"

namespace cafe::guardian {

// Keys: u8 layout version ‖ u8 phase ‖ serial ‖ o_coin ‖ o_cheque ‖ A_O ‖ A_Q ‖ certificate.
inline constexpr uint8_t kLayoutVersion = 1;
inline constexpr size_t kKeysPayload = 2 + 16 + 32 + 32 + 65 + 65 + kCertificateSize;
using KeysRecord = firmware::MirroredRecord<kKeysPayload>;

// One slot: u8 state ‖ u8 kind ‖ u16 generation ‖ o2 ‖ rho ‖ request digest. A free one keeps its
// generation and zeros otherwise.
inline constexpr size_t kSlotPayload = 4 + 32 + 32 + 32;
using SlotRecord = firmware::MirroredRecord<kSlotPayload>;

// Kept for cheques: the counters and load keys. A cheque changes a slot and a counter in one atomic
// write, a load a key and a counter: both go through one journal record of twice the size.
inline constexpr size_t kCounterArea = size_t{16} * 1024;

inline constexpr size_t kKeysOffset = 0;
inline constexpr size_t kCounterOffset = 2048;
inline constexpr size_t kSlotsOffset = kCounterOffset + kCounterArea;
inline constexpr size_t kMemorySize = kSlotsOffset + kSlots * SlotRecord::kSize;

static_assert(KeysRecord::kSize <= kCounterOffset);

inline constexpr size_t slot_offset(size_t index) {
  return kSlotsOffset + index * SlotRecord::kSize;
}

}  // namespace cafe::guardian
