// Slots, and coins that they pay.
#include <algorithm>

#include "device-sim/firmware/guardian/guardian.h"
#include "libs/protocol/frame.h"
#include "libs/protocol/payment.h"

namespace cafe::guardian {

using firmware::Command;
using firmware::StatusWord;
using protocol::ByteView;
using protocol::Kind;

namespace {

uint32_t handle_of(size_t index, uint16_t generation) {
  return static_cast<uint32_t>(index << 16 | generation);
}

}  // namespace

void Guardian::start_slots() {
  for (size_t index = 0; index < kSlots; ++index) {
    Slot slot;
    taken_[index] = !records_.load(index, slot) || slot.state != SlotState::kFree;
  }
}

void Guardian::store_slot(size_t index, const Slot& slot) {
  records_.store(Change(index, slot));
  taken_[index] = slot.state != SlotState::kFree;
}

StatusWord Guardian::make_slot(const Command& command, Output& out) {
  if (command.p2 != 0) return StatusWord::kWrongParameters;
  const auto kind = static_cast<Kind>(command.p1);
  if (kind != Kind::kCoin && kind != Kind::kCheque) return StatusWord::kWrongData;
  const bool cheque = kind == Kind::kCheque;
  if (command.data.size() != (cheque ? 0 : kSumSize)) return StatusWord::kWrongLength;
  if (cheque && command.expected < kHandleSize + protocol::Point::kSize + 32)
    return StatusWord::kWrongLength;
  const StatusWord allowed = check_verified(kWithdrawalIndex);
  if (allowed != StatusWord::kOk) return allowed;
  size_t index = 0;
  while (index < kSlots && taken_[index]) ++index;
  if (index == kSlots) return StatusWord::kMemoryFull;

  Slot slot;
  if (!records_.load(index, slot)) return StatusWord::kMemoryFailure;
  slot.state = SlotState::kMade;
  ++slot.generation;
  slot.secret = {kind, rng_.scalar(), {}};
  slot.currency = {};
  slot.value = 0;
  if (cheque) {
    rng_.fill(slot.secret.rho);
  } else if (!read_sum(command.data, slot.currency, slot.value)) {
    return StatusWord::kWrongData;
  }
  const auto B_O = protocol::multiply(slot.secret.o2, protocol::g1());
  if (!B_O) return StatusWord::kInternal;
  // Stored before the point leaves: a point that is out always has its o2 here.
  store_slot(index, slot);
  out.add(protocol::encode_u32(handle_of(index, slot.generation)));
  out.add(B_O->bytes());
  if (cheque) out.add(protocol::salt_commitment(slot.secret.rho));
  return StatusWord::kOk;
}

StatusWord Guardian::find_slot(ByteView handle, FoundSlot& found) const {
  const uint32_t number = protocol::decode_u32(handle.first<kHandleSize>());
  found.index = number >> 16;
  if (found.index >= kSlots) return StatusWord::kNotFound;
  if (!records_.load(found.index, found.slot)) return StatusWord::kMemoryFailure;
  const bool there = found.slot.state != SlotState::kFree &&
                     handle_of(found.index, found.slot.generation) == number;
  return there ? StatusWord::kOk : StatusWord::kNotFound;
}

StatusWord Guardian::answer_coin(const Command& command, Output& out) {
  FoundSlot found;
  StatusWord word = find_slot(command.data, found);
  if (word != StatusWord::kOk) return word;
  auto& [index, slot] = found;
  const auto d_plus_e = protocol::Scalar::decode(command.data.subspan(kHandleSize));
  if (!d_plus_e.ok()) return StatusWord::kWrongData;
  const auto answer = protocol::answer_coin(identity_.keys, slot.secret, *d_plus_e);
  if (!answer.ok()) return word_of(answer.status());
  if (answer->write_needed) {
    Charge left;
    word = charge(slot.currency, slot.value, left);
    if (word != StatusWord::kOk) return word;
    // The mark first, then the answer: after a power cut here the slot is bound to this request
    // though nobody has heard the answer yet. [guard] What it takes from the allowance with it.
    slot.state = SlotState::kUsed;
    slot.secret = answer->slot;
    if (left.limited) {
      records_.store(Change(index, slot), Change(left.after));
    } else {
      store_slot(index, slot);
    }
  }
  out.add(answer->answer.bytes());
  return StatusWord::kOk;
}

StatusWord Guardian::free_slot(const Command& command) {
  FoundSlot found;
  const StatusWord word = find_slot(command.data, found);
  if (word != StatusWord::kOk) return word;
  // Overwrites both copies, and o2 with them. The generation stays, so that the handle is dead.
  const Slot freed{SlotState::kFree, found.slot.generation, {}, {}, 0};
  FoundCall ticks;
  if (find_call(handle_of(found.index, found.slot.generation), ticks)) {
    records_.store(Change(found.index, freed), Change(ticks.index, Call{}));
    taken_[found.index] = false;
  } else {
    store_slot(found.index, freed);
  }
  return StatusWord::kOk;
}

StatusWord Guardian::slot_status(const Command& command, Output& out) const {
  FoundSlot found;
  const StatusWord word = find_slot(command.data, found);
  if (word != StatusWord::kOk) return word;
  const std::array<uint8_t, 2> status = {static_cast<uint8_t>(found.slot.state),
                                         static_cast<uint8_t>(found.slot.secret.kind)};
  out.add(status);
  return StatusWord::kOk;
}

StatusWord Guardian::list_slots(const Command& command, Output& out) const {
  const size_t first = command.data[0] << 8 | command.data[1];
  if (first >= kSlots) return StatusWord::kNotFound;
  const size_t end = std::min(first + kSlotsPerList, kSlots);
  for (size_t index = first; index < end; ++index) {
    Slot slot;
    if (!records_.load(index, slot)) slot = Slot{SlotState::kDamaged, 0, {}, {}, 0};
    const uint32_t handle = handle_of(index, slot.generation);
    FoundCall ticks;
    if (slot.state == SlotState::kMade && slot.secret.kind == Kind::kCheque &&
        find_call(handle, ticks)) {
      slot.state = SlotState::kDrawn;
    }
    const std::array<uint8_t, 2> status = {static_cast<uint8_t>(slot.state),
                                           static_cast<uint8_t>(slot.secret.kind)};
    out.add(status);
    out.add(protocol::encode_u32(handle));
  }
  return StatusWord::kOk;
}

}  // namespace cafe::guardian
