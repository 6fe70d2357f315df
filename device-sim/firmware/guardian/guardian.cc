// Commands: their form, the phase that they need, and who carries them out.
#include "device-sim/firmware/guardian/guardian.h"

#include <algorithm>

namespace cafe::guardian {

namespace {

using firmware::Command;
using firmware::StatusWord;
using protocol::ByteView;
using protocol::MutableByteView;

constexpr size_t kScalarSize = protocol::Scalar::kSize;
constexpr size_t kPointSize = protocol::Point::kSize;

// What a command must look like, checked before it changes anything.
struct Form {
  Ins ins;
  bool any_p1p2;
  size_t least, most;  // data
  size_t response;     // the least that must be expected
};

constexpr Form kForms[] = {
    {Ins::kPersonalize, false, 16, 16, 2 * kPointSize},
    {Ins::kLock, false, kCertificateSize, kCertificateSize, 0},
    {Ins::kGetCertificate, true, 0, 0, 1},
    {Ins::kMakeSlot, true, 0, kSumSize, kHandleSize + kPointSize},
    {Ins::kAnswerCoin, false, kHandleSize + kScalarSize, kHandleSize + kScalarSize, kScalarSize},
    {Ins::kFreeSlot, false, kHandleSize, kHandleSize, 0},
    {Ins::kSlotStatus, false, kHandleSize, kHandleSize, 2},
    {Ins::kListSlots, false, 2, 2, kSlotsPerList* kSlotEntrySize},
    {Ins::kInstallLoadKey, false, 2, 1 + kMaxIssuerIdSize + kMaxLoadKeySize, 0},
    {Ins::kLoad, false, kLoadSignatureSize + 1, kLoadSignatureSize + kMaxLoadFrameSize, 0},
    {Ins::kListCounters, true, 0, 0, kMaxCountersSize},
    {Ins::kAnswerCheque, false, kHandleSize + 1, firmware::kMaxCommand, 32 + kScalarSize},
    {Ins::kDrawTicks, false, kHandleSize + 4, kHandleSize + 4, 0},
    {Ins::kTickPoints, false, kHandleSize + 4, kHandleSize + 4, kPointSize},
    {Ins::kAnswerTicks, false, kHandleSize + 1, firmware::kMaxCommand, 32 + 32 + kScalarSize},
    {Ins::kReleaseTick, false, kHandleSize + 4, kHandleSize + 4, kScalarSize},
    {Ins::kDrawPuk, false, 0, 0, kPukDigits},
    {Ins::kSetUpPin, false, kMinPinDigits, kMaxPinDigits, 0},
    {Ins::kVerifyPin, true, kMinPinDigits, kMaxPinDigits, 0},
    {Ins::kForgetPins, false, 0, 0, 0},
    {Ins::kChangePin, true, 0, kMaxPinDigits, 0},
    {Ins::kUnblockPin, true, kPukDigits + kMinPinDigits, kPukDigits + kMaxPinDigits, 0},
    {Ins::kPinStatus, false, 0, 0, kPinStatusSize},
    {Ins::kWalletKey, false, 0, 0, kWalletKeySize},
    {Ins::kUnlock, false, kSumSize, kSumSize, 0},
    {Ins::kLockPayments, false, 0, 0, 0},
    {Ins::kSetLimit, false, kSumSize, kSumSize, 0},
    {Ins::kListAllowances, false, 0, 0, kAllowances* kAllowanceEntrySize},
};

const Form* find_form(uint8_t ins) {
  for (const Form& form : kForms) {
    if (static_cast<uint8_t>(form.ins) == ins) return &form;
  }
  return nullptr;
}

// The manufacturer's commands: the others are a locked guardian's.
bool is_manufacturing(Ins ins) {
  return ins == Ins::kPersonalize || ins == Ins::kInstallLoadKey || ins == Ins::kLock;
}

}  // namespace

StatusWord word_of(const absl::Status& refusal) {
  switch (refusal.code()) {
    case absl::StatusCode::kInvalidArgument:
      return StatusWord::kWrongData;
    case absl::StatusCode::kFailedPrecondition:
      return StatusWord::kConditionsNotSatisfied;
    case absl::StatusCode::kOutOfRange:
      return StatusWord::kCounterLimit;
    case absl::StatusCode::kUnauthenticated:
      return StatusWord::kSecurityNotSatisfied;
    default:
      return StatusWord::kInternal;
  }
}

void Guardian::Output::add(ByteView bytes) {
  std::copy(bytes.begin(), bytes.end(), buffer.begin() + static_cast<ptrdiff_t>(size));
  size += bytes.size();
}

Guardian::Guardian(firmware::NonVolatileMemory& memory, protocol::Rng& rng)
    : records_(memory), memory_(memory), rng_(rng), identity_{} {
  start_identity();
  if (phase_ != Phase::kDead && !records_.recover()) phase_ = Phase::kDead;
  if (phase_ != Phase::kDead) start_slots();
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
  if (command.data.size() < form->least || command.data.size() > form->most ||
      command.expected < form->response) {
    return StatusWord::kWrongLength;
  }
  if (phase_ == Phase::kDead) return StatusWord::kMemoryFailure;
  if (!is_manufacturing(form->ins) && phase_ != Phase::kLocked) {
    return StatusWord::kConditionsNotSatisfied;
  }
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
    case Ins::kInstallLoadKey:
      return install_load_key(command);
    case Ins::kLoad:
      return load(command);
    case Ins::kListCounters:
      return list_counters(command, out);
    case Ins::kAnswerCheque:
      return answer_cheque(command, out);
    case Ins::kDrawTicks:
      return draw_ticks(command);
    case Ins::kTickPoints:
      return tick_points(command, out);
    case Ins::kAnswerTicks:
      return answer_ticks(command, out);
    case Ins::kReleaseTick:
      return release_tick(command, out);
    case Ins::kDrawPuk:
      return draw_puk(out);
    case Ins::kSetUpPin:
      return set_up_pin(command);
    case Ins::kVerifyPin:
      return verify_pin(command);
    case Ins::kForgetPins:
      return forget_pins();
    case Ins::kChangePin:
      return change_pin(command);
    case Ins::kUnblockPin:
      return unblock_pin(command);
    case Ins::kPinStatus:
      return pin_status(out);
    case Ins::kWalletKey:
      return wallet_key(out);
    case Ins::kUnlock:
      return unlock(command);
    case Ins::kLockPayments:
      return lock_payments();
    case Ins::kSetLimit:
      return set_limit(command);
    case Ins::kListAllowances:
      return list_allowances(out);
  }
  return StatusWord::kInternal;
}

}  // namespace cafe::guardian
