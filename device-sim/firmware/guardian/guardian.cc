#include "device-sim/firmware/guardian/guardian.h"

#include <algorithm>

#include "libs/protocol/frame.h"
#include "libs/protocol/payment.h"

namespace cafe::guardian {

namespace {

using firmware::Command;
using firmware::RecordState;
using firmware::StatusWord;
using protocol::ByteView;
using protocol::Kind;
using protocol::MutableByteView;

constexpr size_t kHandleSize = 4;
constexpr size_t kScalarSize = 32;
constexpr size_t kPointSize = 65;

// What a command must look like, checked before it changes anything.
struct Form {
  Ins ins;
  bool any_p1p2;
  size_t data;      // exact length
  size_t response;  // the least that must be expected
};

constexpr Form kForms[] = {
    {Ins::kPersonalize, false, 16, 2 * kPointSize},
    {Ins::kLock, false, kCertificateSize, 0},
    {Ins::kGetCertificate, true, 0, 1},
    {Ins::kMakeSlot, true, 0, kHandleSize + kPointSize},
    {Ins::kAnswerCoin, false, kHandleSize + kScalarSize, kScalarSize},
    {Ins::kFreeSlot, false, kHandleSize, 0},
    {Ins::kSlotStatus, false, kHandleSize, 2},
    {Ins::kListSlots, false, 2, kSlotsPerList* kSlotEntrySize},
};

const Form* find_form(uint8_t ins) {
  for (const Form& form : kForms) {
    if (static_cast<uint8_t>(form.ins) == ins) return &form;
  }
  return nullptr;
}

uint32_t handle_of(size_t index, uint16_t generation) {
  return static_cast<uint32_t>(index << 16 | generation);
}

// A cursor over a record's payload, so that writing and reading it name each field once.
class Cursor {
 public:
  explicit Cursor(MutableByteView bytes) : bytes_(bytes) {}
  void put(ByteView field) { std::copy(field.begin(), field.end(), take(field.size()).begin()); }
  void put_u8(uint8_t value) { take(1)[0] = value; }
  void get(MutableByteView field) {
    const MutableByteView from = take(field.size());
    std::copy(from.begin(), from.end(), field.begin());
  }
  uint8_t get_u8() { return take(1)[0]; }
  // False where the bytes are no canonical scalar, which no firmware writes.
  bool get_scalar(protocol::Scalar& scalar) {
    const auto decoded = protocol::Scalar::decode(take(kScalarSize));
    if (decoded.ok()) scalar = *decoded;
    return decoded.ok();
  }

 private:
  MutableByteView take(size_t length) {
    const MutableByteView front = bytes_.first(length);
    bytes_ = bytes_.subspan(length);
    return front;
  }
  MutableByteView bytes_;
};

template <typename Payload>
struct Wiped {
  Payload payload{};
  ~Wiped() { protocol::wipe(payload); }
};

}  // namespace

void Guardian::Output::add(ByteView bytes) {
  std::copy(bytes.begin(), bytes.end(), buffer.begin() + static_cast<ptrdiff_t>(size));
  size += bytes.size();
}

Guardian::Guardian(firmware::NonVolatileMemory& memory, protocol::Rng& rng)
    : memory_(memory), rng_(rng), identity_{} {
  start_identity();
  if (phase_ == Phase::kLocked) start_slots();
}

void Guardian::start_identity() {
  Wiped<KeysRecord::Payload> record;
  const RecordState state = KeysRecord(memory_, kKeysOffset, 0).recover(record.payload);
  if (state == RecordState::kBlank) return;
  Cursor in(record.payload);
  const uint8_t version = in.get_u8();
  const uint8_t phase = in.get_u8();
  in.get(identity_.serial.bytes);
  const bool keys = in.get_scalar(identity_.keys.o_coin) && in.get_scalar(identity_.keys.o_cheque);
  in.get(identity_.A_O);
  in.get(identity_.A_Q);
  in.get(identity_.certificate);
  const bool usable = state == RecordState::kValid && version == kLayoutVersion && keys &&
                      (phase == static_cast<uint8_t>(Phase::kPersonalized) ||
                       phase == static_cast<uint8_t>(Phase::kLocked));
  phase_ = usable ? static_cast<Phase>(phase) : Phase::kDead;
}

void Guardian::start_slots() {
  for (size_t index = 0; index < kSlots; ++index) {
    Wiped<SlotRecord::Payload> record;
    SlotRecord(memory_, slot_offset(index), static_cast<uint32_t>(1 + index))
        .recover(record.payload);
    Slot slot;
    taken_[index] = !load_slot(index, slot) || slot.state != SlotState::kFree;
  }
}

void Guardian::store_identity(Phase phase) {
  Wiped<KeysRecord::Payload> record;
  Cursor out(record.payload);
  out.put_u8(kLayoutVersion);
  out.put_u8(static_cast<uint8_t>(phase));
  out.put(identity_.serial);
  out.put(identity_.keys.o_coin.bytes());
  out.put(identity_.keys.o_cheque.bytes());
  out.put(identity_.A_O);
  out.put(identity_.A_Q);
  out.put(identity_.certificate);
  KeysRecord(memory_, kKeysOffset, 0).store(record.payload);
  phase_ = phase;
}

bool Guardian::load_slot(size_t index, Slot& slot) const {
  Wiped<SlotRecord::Payload> record;
  const RecordState found =
      SlotRecord(memory_, slot_offset(index), static_cast<uint32_t>(1 + index))
          .load(record.payload);
  if (found == RecordState::kDamaged) return false;
  // A blank record reads as zeros: free, of generation 0.
  Cursor in(record.payload);
  slot.state = static_cast<SlotState>(in.get_u8());
  slot.secret.kind = static_cast<Kind>(in.get_u8());
  std::array<uint8_t, 2> generation;
  in.get(generation);
  slot.generation = static_cast<uint16_t>(generation[0] << 8 | generation[1]);
  if (!in.get_scalar(slot.secret.o2)) return false;
  in.get(slot.secret.rho);
  in.get(slot.secret.request_digest);
  slot.secret.used = slot.state == SlotState::kUsed;
  return true;
}

void Guardian::store_slot(size_t index, const Slot& slot) {
  Wiped<SlotRecord::Payload> record;
  Cursor out(record.payload);
  out.put_u8(static_cast<uint8_t>(slot.state));
  out.put_u8(static_cast<uint8_t>(slot.secret.kind));
  out.put_u8(static_cast<uint8_t>(slot.generation >> 8));
  out.put_u8(static_cast<uint8_t>(slot.generation));
  out.put(slot.secret.o2.bytes());
  out.put(slot.secret.rho);
  out.put(slot.secret.request_digest);
  SlotRecord(memory_, slot_offset(index), static_cast<uint32_t>(1 + index)).store(record.payload);
  taken_[index] = slot.state != SlotState::kFree;
}

size_t Guardian::process(ByteView command_bytes, MutableByteView response) {
  Command command;
  Output out{response.first(response.size() - 2)};
  const StatusWord word = firmware::parse_command(command_bytes, command)
                              ? dispatch(command, out)
                              : StatusWord::kWrongLength;
  if (word != StatusWord::kOk) out.size = 0;
  response[out.size] = static_cast<uint8_t>(static_cast<uint16_t>(word) >> 8);
  response[out.size + 1] = static_cast<uint8_t>(word);
  return out.size + 2;
}

StatusWord Guardian::dispatch(const Command& command, Output& out) {
  if (command.cla != kCla) return StatusWord::kUnknownClass;
  const Form* form = find_form(command.ins);
  if (form == nullptr) return StatusWord::kUnknownInstruction;
  if (!form->any_p1p2 && command.p1p2() != 0) return StatusWord::kWrongParameters;
  if (command.data.size() != form->data || command.expected < form->response) {
    return StatusWord::kWrongLength;
  }
  if (phase_ == Phase::kDead) return StatusWord::kMemoryFailure;
  const bool manufacturing = form->ins == Ins::kPersonalize || form->ins == Ins::kLock;
  if (!manufacturing && phase_ != Phase::kLocked) return StatusWord::kConditionsNotSatisfied;
  switch (form->ins) {
    case Ins::kPersonalize:
      return personalize(command, out);
    case Ins::kLock:
      return lock(command);
    case Ins::kGetCertificate:
      return get_certificate(command, out);
    case Ins::kMakeSlot:
      return make_slot(command, out);
    case Ins::kAnswerCoin:
      return answer_coin(command, out);
    case Ins::kFreeSlot:
      return free_slot(command);
    case Ins::kSlotStatus:
      return slot_status(command, out);
    case Ins::kListSlots:
      return list_slots(command, out);
    default:
      break;  // has no form
  }
  return StatusWord::kInternal;
}

StatusWord Guardian::personalize(const Command& command, Output& out) {
  if (phase_ == Phase::kBlank) {
    std::copy(command.data.begin(), command.data.end(), identity_.serial.bytes.begin());
    identity_.keys = {rng_.scalar(), rng_.scalar()};
    const auto A_O = protocol::multiply(identity_.keys.o_coin, protocol::g1());
    const auto A_Q = protocol::multiply(identity_.keys.o_cheque, protocol::g1());
    if (!A_O || !A_Q) return StatusWord::kInternal;
    identity_.A_O = A_O->bytes();
    identity_.A_Q = A_Q->bytes();
    store_identity(Phase::kPersonalized);
  } else if (!std::equal(command.data.begin(), command.data.end(),
                         identity_.serial.bytes.begin())) {
    return StatusWord::kConditionsNotSatisfied;  // this chip has its name already
  }
  out.add(identity_.A_O);
  out.add(identity_.A_Q);
  return StatusWord::kOk;
}

StatusWord Guardian::lock(const Command& command) {
  if (phase_ == Phase::kBlank) return StatusWord::kConditionsNotSatisfied;
  if (phase_ == Phase::kLocked) {
    const bool same =
        std::equal(command.data.begin(), command.data.end(), identity_.certificate.begin());
    return same ? StatusWord::kOk : StatusWord::kConditionsNotSatisfied;
  }
  // The frame of this guardian's own certificate, whoever signed it: a chip locked with another's
  // would be lost.
  std::array<uint8_t, kCertificateSize> expected;
  Cursor frame(expected);
  const auto field = [&](ByteView bytes) {
    frame.put(protocol::encode_u32(static_cast<uint32_t>(bytes.size())));
    frame.put(bytes);
  };
  field(protocol::view_of("cafe/v1/signed"));
  frame.put(protocol::encode_u32(kCertifiedSize));
  field(protocol::view_of("cafe/v1/guardian"));
  field(identity_.serial);
  field(identity_.A_O);
  field(identity_.A_Q);
  frame.put(protocol::encode_u32(64));
  if (!std::equal(expected.begin(), expected.end() - 64, command.data.begin())) {
    return StatusWord::kWrongData;
  }
  std::copy(command.data.begin(), command.data.end(), identity_.certificate.begin());
  store_identity(Phase::kLocked);
  start_slots();
  return StatusWord::kOk;
}

StatusWord Guardian::get_certificate(const Command& command, Output& out) const {
  const size_t offset = command.p1p2();
  if (offset >= kCertificateSize) return StatusWord::kWrongOffset;
  const size_t length = std::min(kCertificateSize - offset, command.expected);
  out.add(ByteView(identity_.certificate).subspan(offset, length));
  return StatusWord::kOk;
}

StatusWord Guardian::make_slot(const Command& command, Output& out) {
  if (command.p2 != 0) return StatusWord::kWrongParameters;
  const auto kind = static_cast<Kind>(command.p1);
  if (kind != Kind::kCoin && kind != Kind::kCheque) return StatusWord::kWrongData;
  const bool cheque = kind == Kind::kCheque;
  if (cheque && command.expected < kHandleSize + kPointSize + 32) return StatusWord::kWrongLength;
  size_t index = 0;
  while (index < kSlots && taken_[index]) ++index;
  if (index == kSlots) return StatusWord::kMemoryFull;

  Slot slot;
  if (!load_slot(index, slot)) return StatusWord::kMemoryFailure;
  slot.state = SlotState::kMade;
  ++slot.generation;
  slot.secret = {kind, rng_.scalar(), {}};
  if (cheque) rng_.fill(slot.secret.rho);
  const auto B_O = protocol::multiply(slot.secret.o2, protocol::g1());
  if (!B_O) return StatusWord::kInternal;
  // Stored before the point leaves: a point that is out always has its o2 here.
  store_slot(index, slot);
  out.add(protocol::encode_u32(handle_of(index, slot.generation)));
  out.add(B_O->bytes());
  if (cheque) out.add(protocol::salt_commitment(slot.secret.rho));
  return StatusWord::kOk;
}

StatusWord Guardian::find_slot(ByteView handle, size_t& index, Slot& slot) const {
  const uint32_t number = protocol::decode_u32(handle.first<4>());
  index = number >> 16;
  if (index >= kSlots) return StatusWord::kNotFound;
  if (!load_slot(index, slot)) return StatusWord::kMemoryFailure;
  const bool there = slot.state != SlotState::kFree && handle_of(index, slot.generation) == number;
  return there ? StatusWord::kOk : StatusWord::kNotFound;
}

StatusWord Guardian::answer_coin(const Command& command, Output& out) {
  size_t index;
  Slot slot;
  const StatusWord found = find_slot(command.data.first(kHandleSize), index, slot);
  if (found != StatusWord::kOk) return found;
  const auto d_plus_e = protocol::Scalar::decode(command.data.subspan(kHandleSize));
  if (!d_plus_e.ok()) return StatusWord::kWrongData;
  const auto answer = protocol::answer_coin(identity_.keys, slot.secret, *d_plus_e);
  // Another request than the first, or a cheque's slot.
  if (!answer.ok()) return StatusWord::kConditionsNotSatisfied;
  if (answer->write_needed) {
    // The mark first, then the answer: after a power cut here the slot is bound to this request
    // though nobody has heard the answer yet.
    slot.state = SlotState::kUsed;
    slot.secret = answer->slot;
    store_slot(index, slot);
  }
  out.add(answer->answer.bytes());
  return StatusWord::kOk;
}

StatusWord Guardian::free_slot(const Command& command) {
  size_t index;
  Slot slot;
  const StatusWord found = find_slot(command.data, index, slot);
  if (found != StatusWord::kOk) return found;
  // Overwrites both copies, and o2 with them. The generation stays, so that the handle is dead.
  store_slot(index, Slot{SlotState::kFree, slot.generation, {}});
  return StatusWord::kOk;
}

StatusWord Guardian::slot_status(const Command& command, Output& out) const {
  size_t index;
  Slot slot;
  const StatusWord found = find_slot(command.data, index, slot);
  if (found != StatusWord::kOk) return found;
  const std::array<uint8_t, 2> status = {static_cast<uint8_t>(slot.state),
                                         static_cast<uint8_t>(slot.secret.kind)};
  out.add(status);
  return StatusWord::kOk;
}

StatusWord Guardian::list_slots(const Command& command, Output& out) const {
  const size_t first = command.data[0] << 8 | command.data[1];
  if (first >= kSlots) return StatusWord::kNotFound;
  const size_t end = std::min(first + kSlotsPerList, kSlots);
  for (size_t index = first; index < end; ++index) {
    Slot slot;
    if (!load_slot(index, slot)) slot = Slot{SlotState::kDamaged, 0, {}};
    const std::array<uint8_t, 2> status = {static_cast<uint8_t>(slot.state),
                                           static_cast<uint8_t>(slot.secret.kind)};
    out.add(status);
    out.add(protocol::encode_u32(handle_of(index, slot.generation)));
  }
  return StatusWord::kOk;
}

}  // namespace cafe::guardian
