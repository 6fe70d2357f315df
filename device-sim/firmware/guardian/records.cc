#include "device-sim/firmware/guardian/records.h"

#include "device-sim/firmware/guardian/cursor.h"

namespace cafe::guardian {

namespace {

using firmware::RecordState;
using protocol::ByteView;

uint32_t tag_of(uint32_t first, size_t index) { return first + static_cast<uint32_t>(index); }

SlotRecord slot_record(firmware::NonVolatileMemory& memory, size_t index) {
  return {memory, slot_offset(index), tag_of(kSlotTag, index)};
}
LoadKeyRecord load_key_record(firmware::NonVolatileMemory& memory, size_t issuer) {
  return {memory, load_key_offset(issuer), tag_of(kLoadKeyTag, issuer)};
}
PurseRecord purse_record(firmware::NonVolatileMemory& memory, size_t issuer) {
  return {memory, purse_offset(issuer), tag_of(kPurseTag, issuer)};
}
CallRecord call_record(firmware::NonVolatileMemory& memory, size_t index) {
  return {memory, call_offset(index), tag_of(kCallTag, index)};
}

PinRecord pin_record(firmware::NonVolatileMemory& memory, size_t which) {
  return {memory, pin_offset(which), tag_of(kPinTag, which)};
}
WalletKeyRecord wallet_key_record(firmware::NonVolatileMemory& memory) {
  return {memory, kWalletKeyOffset, kWalletKeyTag};
}
AllowancesRecord allowances_record(firmware::NonVolatileMemory& memory) {
  return {memory, kAllowancesOffset, kAllowancesTag};
}

// Writes the front of `payload`, as long as the record is.
template <typename Record>
void store_front(Record record, ByteView payload) {
  Wiped<typename Record::Payload> whole;
  std::copy_n(payload.begin(), whole.payload.size(), whole.payload.begin());
  record.store(whole.payload);
}

template <typename Record>
void make_copies_equal(Record record) {
  Wiped<typename Record::Payload> scratch;
  record.recover(scratch.payload);
}

}  // namespace

Change::Change(size_t index, const Slot& slot) : tag_(tag_of(kSlotTag, index)) {
  Cursor out(payload_);
  out.put_u8(static_cast<uint8_t>(slot.state));
  out.put_u8(static_cast<uint8_t>(slot.secret.kind));
  out.put_u16(slot.generation);
  out.put(slot.secret.o2.bytes());
  out.put(slot.secret.rho);
  out.put(slot.secret.request_digest);
  out.put(slot.currency);
  out.put_u64(slot.value);
}

Change::Change(size_t issuer, const Purse& purse) : tag_(tag_of(kPurseTag, issuer)) {
  Cursor out(payload_);
  out.put_u64(purse.last_sequence);
  for (const Purse::Counter& counter : purse.counters) {
    out.put(counter.currency);
    out.put_u64(counter.amount);
  }
}

Change::Change(size_t index, const Call& call) : tag_(tag_of(kCallTag, index)) {
  Cursor out(payload_);
  out.put_u8(static_cast<uint8_t>(call.state));
  out.put_u32(call.handle);
  out.put_u32(call.count);
  out.put_u32(call.next_index);
  out.put(call.seed.view());
  out.put_u8(call.issuer);
  out.put(call.currency);
  out.put_u64(call.tick_value);
}

Change::Change(size_t which, const Pin& pin) : tag_(tag_of(kPinTag, which)) {
  Cursor out(payload_);
  out.put_u8(pin.set ? 1 : 0);
  out.put_u8(pin.tries);
  out.put(pin.salt);
  out.put(pin.digest);
}

Change::Change(const WalletKey& key) : tag_(kWalletKeyTag) { Cursor(payload_).put(key.view()); }

Change::Change(const Allowances& allowances) : tag_(kAllowancesTag) {
  Cursor out(payload_);
  for (const Allowances::Entry& entry : allowances.entries) {
    out.put(entry.currency);
    out.put_u64(entry.limit);
    out.put_u64(entry.left);
  }
}

bool Records::load(size_t index, Slot& slot) const {
  Wiped<SlotRecord::Payload> record;
  if (slot_record(memory_, index).load(record.payload) == RecordState::kDamaged) return false;
  // A blank record reads as zeros: free, of generation 0.
  Cursor in(record.payload);
  slot.state = static_cast<SlotState>(in.get_u8());
  slot.secret.kind = static_cast<protocol::Kind>(in.get_u8());
  slot.generation = in.get_u16();
  if (!in.get_scalar(slot.secret.o2)) return false;
  in.get(slot.secret.rho);
  in.get(slot.secret.request_digest);
  in.get(slot.currency);
  slot.value = in.get_u64();
  slot.secret.used = slot.state == SlotState::kUsed;
  return true;
}

bool Records::load(size_t issuer, LoadKey& key) const {
  LoadKeyRecord::Payload record{};
  if (load_key_record(memory_, issuer).load(record) == RecordState::kDamaged) return false;
  Cursor in(record);
  key.issuer_id_size = in.get_u8();
  in.get(key.issuer_id_bytes);
  key.der_size = in.get_u16();
  in.get(key.der_bytes);
  return key.issuer_id_size <= kMaxIssuerIdSize && key.der_size <= kMaxLoadKeySize;
}

bool Records::load(size_t issuer, Purse& purse) const {
  PurseRecord::Payload record{};
  if (purse_record(memory_, issuer).load(record) == RecordState::kDamaged) return false;
  Cursor in(record);
  purse.last_sequence = in.get_u64();
  for (Purse::Counter& counter : purse.counters) {
    in.get(counter.currency);
    counter.amount = in.get_u64();
  }
  return true;
}

bool Records::load(size_t index, Call& call) const {
  Wiped<CallRecord::Payload> record;
  if (call_record(memory_, index).load(record.payload) == RecordState::kDamaged) return false;
  Cursor in(record.payload);
  call.state = static_cast<CallState>(in.get_u8());
  call.handle = in.get_u32();
  call.count = in.get_u32();
  call.next_index = in.get_u32();
  in.get(call.seed.mutable_view());
  call.issuer = in.get_u8();
  in.get(call.currency);
  call.tick_value = in.get_u64();
  return call.issuer < kLoadKeys;
}

bool Records::load(size_t which, Pin& pin) const {
  PinRecord::Payload record{};
  if (pin_record(memory_, which).load(record) == RecordState::kDamaged) return false;
  Cursor in(record);
  pin.set = in.get_u8() != 0;
  pin.tries = in.get_u8();
  in.get(pin.salt);
  in.get(pin.digest);
  return true;
}

bool Records::load(WalletKey& key) const {
  Wiped<WalletKeyRecord::Payload> record;
  if (wallet_key_record(memory_).load(record.payload) == RecordState::kDamaged) return false;
  Cursor(record.payload).get(key.mutable_view());
  return true;
}

bool Records::load(Allowances& allowances) const {
  AllowancesRecord::Payload record{};
  if (allowances_record(memory_).load(record) == RecordState::kDamaged) return false;
  Cursor in(record);
  for (Allowances::Entry& entry : allowances.entries) {
    in.get(entry.currency);
    entry.limit = in.get_u64();
    entry.left = in.get_u64();
  }
  return true;
}

void Records::store(size_t issuer, const LoadKey& key) {
  LoadKeyRecord::Payload record{};
  Cursor out(record);
  out.put_u8(key.issuer_id_size);
  out.put(key.issuer_id_bytes);
  out.put_u16(key.der_size);
  out.put(key.der_bytes);
  load_key_record(memory_, issuer).store(record);
}

void Records::apply(uint32_t tag, ByteView payload) {
  if (tag == kAllowancesTag) {
    store_front(allowances_record(memory_), payload);
  } else if (tag == kWalletKeyTag) {
    store_front(wallet_key_record(memory_), payload);
  } else if (tag >= kPinTag) {
    store_front(pin_record(memory_, tag - kPinTag), payload);
  } else if (tag >= kCallTag) {
    store_front(call_record(memory_, tag - kCallTag), payload);
  } else if (tag >= kPurseTag) {
    store_front(purse_record(memory_, tag - kPurseTag), payload);
  } else {
    store_front(slot_record(memory_, tag - kSlotTag), payload);
  }
}

void Records::store_all(std::initializer_list<const Change*> changes) {
  Wiped<JournalRecord::Payload> record;
  Cursor out(record.payload);
  for (const Change* change : changes) {
    out.put_u32(change->tag_);
    out.put(change->payload_);
  }
  journal().store(record.payload);
  // From here on it has happened: a start would finish it.
  for (const Change* change : changes) store(*change);
  // Nothing of what a slot or a call held stays behind once that is freed.
  journal().store({});
}

bool Records::recover() {
  Wiped<JournalRecord::Payload> record;
  const RecordState state = journal().recover(record.payload);
  if (state == RecordState::kDamaged) return false;
  Cursor in(record.payload);
  bool pending = false;
  for (size_t i = 0; i < kJournaled; ++i) {
    const uint32_t tag = in.get_u32();
    Wiped<std::array<uint8_t, kMaxChange>> change;
    in.get(change.payload);
    if (tag == 0) continue;
    apply(tag, change.payload);
    pending = true;
  }
  if (pending) journal().store({});
  for (size_t i = 0; i < kSlots; ++i) make_copies_equal(slot_record(memory_, i));
  for (size_t i = 0; i < kLoadKeys; ++i) make_copies_equal(load_key_record(memory_, i));
  for (size_t i = 0; i < kLoadKeys; ++i) make_copies_equal(purse_record(memory_, i));
  for (size_t i = 0; i < kCalls; ++i) make_copies_equal(call_record(memory_, i));
  for (size_t i = 0; i < kPins; ++i) make_copies_equal(pin_record(memory_, i));
  make_copies_equal(wallet_key_record(memory_));
  make_copies_equal(allowances_record(memory_));
  return true;
}

}  // namespace cafe::guardian
