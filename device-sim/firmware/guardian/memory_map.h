// What lies where in the guardian's non-volatile memory. Every record is a MirroredRecord, so that
// each changes as a whole; those that must change together go through the journal (records.h).
#pragma once

#include "device-sim/firmware/common/mirrored_record.h"
#include "device-sim/firmware/guardian/commands.h"

namespace cafe::guardian {

// Keys: u8 layout version ‖ u8 phase ‖ serial ‖ o_coin ‖ o_cheque ‖ A_O ‖ A_Q ‖ certificate.
inline constexpr uint8_t kLayoutVersion = 2;
inline constexpr size_t kKeysPayload = 2 + 16 + 32 + 32 + 65 + 65 + kCertificateSize;
using KeysRecord = firmware::MirroredRecord<kKeysPayload>;

// One slot: u8 state ‖ u8 kind ‖ u16 generation ‖ o2 ‖ rho ‖ request digest ‖ currency ‖ u64 value
// (a coin's, zeros for cheques). A free one keeps its generation and zeros otherwise.
inline constexpr size_t kSlotPayload = 4 + 32 + 32 + 32 + kSumSize;
using SlotRecord = firmware::MirroredRecord<kSlotPayload>;

// One issuer's load key: u8 length ‖ issuer id ‖ u16 length ‖ DER; zeros behind both texts.
// A length of 0: none.
inline constexpr size_t kLoadKeyPayload = 1 + kMaxIssuerIdSize + 2 + kMaxLoadKeySize;
using LoadKeyRecord = firmware::MirroredRecord<kLoadKeyPayload>;

// The purse of the same issuer: u64 last sequence ‖ (currency ‖ u64 amount)*. Zeros: no counter.
inline constexpr size_t kPursePayload = 8 + kCurrencies * kCounterEntrySize;
using PurseRecord = firmware::MirroredRecord<kPursePayload>;

// The ticks of one slot: u8 state ‖ handle ‖ u32 count ‖ u32 next index ‖ seed ‖ u8 issuer (the
// number of its load key) ‖ currency ‖ u64 tick value.
inline constexpr size_t kCallPayload = 1 + 4 + 4 + 4 + 32 + 1 + 3 + 8;
using CallRecord = firmware::MirroredRecord<kCallPayload>;

// The withdrawal PIN, the payment PIN, the PUK, a record each: u8 set ‖ u8 tries left ‖ salt ‖
// SHA-256(salt ‖ digits, zeros behind). Zeros: not set.
inline constexpr size_t kPins = 3;
inline constexpr size_t kPinPayload = 2 + 16 + 32;
using PinRecord = firmware::MirroredRecord<kPinPayload>;

// The key that the wallet seals with. Zeros: not set up.
using WalletKeyRecord = firmware::MirroredRecord<kWalletKeySize>;

// What can be paid without the payment PIN: (currency ‖ u64 limit ‖ u64 left)*.
inline constexpr size_t kAllowancesPayload = kAllowances * kAllowanceEntrySize;
using AllowancesRecord = firmware::MirroredRecord<kAllowancesPayload>;

// The journal: (u32 tag ‖ new payload of the record with that tag)*, zeros where there is none.
inline constexpr size_t kJournaled = 3;
inline constexpr size_t kMaxChange = kAllowancesPayload;  // of the records that change together
inline constexpr size_t kJournalPayload = kJournaled * (4 + kMaxChange);
using JournalRecord = firmware::MirroredRecord<kJournalPayload>;
static_assert(kSlotPayload <= kMaxChange && kPursePayload <= kMaxChange &&
              kCallPayload <= kMaxChange && kPinPayload <= kMaxChange &&
              kWalletKeySize <= kMaxChange);

// Tags of the first record of each kind.
inline constexpr uint32_t kKeysTag = 0;
inline constexpr uint32_t kSlotTag = 1;
inline constexpr uint32_t kLoadKeyTag = kSlotTag + kSlots;
inline constexpr uint32_t kPurseTag = kLoadKeyTag + kLoadKeys;
inline constexpr uint32_t kCallTag = kPurseTag + kLoadKeys;
inline constexpr uint32_t kPinTag = kCallTag + kCalls;
inline constexpr uint32_t kWalletKeyTag = kPinTag + kPins;
inline constexpr uint32_t kAllowancesTag = kWalletKeyTag + 1;
inline constexpr uint32_t kJournalTag = kAllowancesTag + 1;

inline constexpr size_t kKeysOffset = 0;
inline constexpr size_t kLoadKeysOffset = 2048;
inline constexpr size_t kPursesOffset = kLoadKeysOffset + kLoadKeys * LoadKeyRecord::kSize;
inline constexpr size_t kCallsOffset = kPursesOffset + kLoadKeys * PurseRecord::kSize;
inline constexpr size_t kPinsOffset = kCallsOffset + kCalls * CallRecord::kSize;
inline constexpr size_t kWalletKeyOffset = kPinsOffset + kPins * PinRecord::kSize;
inline constexpr size_t kAllowancesOffset = kWalletKeyOffset + WalletKeyRecord::kSize;
inline constexpr size_t kJournalOffset = kAllowancesOffset + AllowancesRecord::kSize;
inline constexpr size_t kSlotsOffset = 2048 + size_t{16} * 1024;
inline constexpr size_t kMemorySize = kSlotsOffset + kSlots * SlotRecord::kSize;

static_assert(KeysRecord::kSize <= kLoadKeysOffset);
static_assert(kJournalOffset + JournalRecord::kSize <= kSlotsOffset);

inline constexpr size_t slot_offset(size_t index) {
  return kSlotsOffset + index * SlotRecord::kSize;
}
inline constexpr size_t load_key_offset(size_t issuer) {
  return kLoadKeysOffset + issuer * LoadKeyRecord::kSize;
}
inline constexpr size_t purse_offset(size_t issuer) {
  return kPursesOffset + issuer * PurseRecord::kSize;
}
inline constexpr size_t call_offset(size_t index) {
  return kCallsOffset + index * CallRecord::kSize;
}
inline constexpr size_t pin_offset(size_t index) { return kPinsOffset + index * PinRecord::kSize; }

}  // namespace cafe::guardian
