// The guardian client's commands of PINs and allowances.
#include "device-sim/firmware/guardian/commands.h"
#include "device-sim/firmware/wallet/guardian_client.h"
#include "libs/protocol/frame.h"

namespace cafe::wallet {

using firmware::StatusWord;
using guardian::Ins;
using protocol::Bytes;
using protocol::ByteView;

namespace {

constexpr uint16_t kTriesMask = 0x000F;

absl::Status wrong_answer() {
  return protocol::refused("GUARDIAN_WRONG",
                           "The guardian answers what no guardian does: have it replaced.");
}

absl::Status blocked() {
  return protocol::refused("PIN_BLOCKED",
                           "Wrong digits were entered too often: unblock the PIN with the PUK.");
}

absl::Status puk_blocked() {
  return protocol::refused("PUK_BLOCKED",
                           "The wrong PUK was entered too often: this guardian does no more of it. "
                           "Report the wallet as lost, and claim what is in it.");
}

absl::Status no_pin() {
  return protocol::make_error(absl::StatusCode::kNotFound, "NO_PIN", "This PIN is not set.");
}

absl::Status sum_status(const absl::Status& status) {
  // What the allowance has no room for, and that there is no payment PIN, have names of their own.
  const std::string reason = protocol::reason_of(status);
  if (reason != "COUNTER_TOO_LOW") return status;
  return protocol::make_error(absl::StatusCode::kOutOfRange, "ALLOWANCE_TOO_LARGE",
                              "This is more than can be unlocked, or there is no payment PIN.");
}

Bytes sum_of(std::string_view currency, uint64_t amount) {
  Bytes data = protocol::to_bytes(protocol::view_of(currency));
  protocol::append(data, protocol::encode_u64(amount));
  return data;
}

}  // namespace

absl::StatusOr<Pin> Pin::of(std::string_view digits) {
  const bool form =
      digits.size() >= guardian::kMinPinDigits && digits.size() <= guardian::kMaxPinDigits &&
      std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!form) return protocol::invalid("BAD_PIN", "A PIN is 4 to 12 digits.");
  Pin pin;
  std::copy(digits.begin(), digits.end(), pin.digits_.mutable_view().begin());
  pin.size_ = digits.size();
  return pin;
}

absl::StatusOr<PinStates> GuardianClient::pin_states() {
  CAFE_ASSIGN_OR_RETURN(const Bytes answer, call(static_cast<uint8_t>(Ins::kPinStatus), 0, {},
                                                 guardian::kPinStatusSize));
  if (answer.size() != guardian::kPinStatusSize) return wrong_answer();
  const auto state = [&](size_t n) { return PinState{answer[3 * n] != 0, answer[3 * n + 1]}; };
  return PinStates{state(0), state(1), state(2)};
}

absl::StatusOr<Pin> GuardianClient::draw_puk() {
  auto answer = call(static_cast<uint8_t>(Ins::kDrawPuk), 0, {}, guardian::kPukDigits);
  if (protocol::reason_of(answer.status()) == "GUARDIAN_REFUSED") {
    return protocol::refused("PINS_SET", "The guardian was set up before.");
  }
  CAFE_RETURN_IF_ERROR(answer.status());
  auto puk = Pin::of(protocol::to_string(*answer));
  protocol::wipe(*answer);
  if (!puk.ok() || puk->digits().size() != guardian::kPukDigits) return wrong_answer();
  return puk;
}

absl::Status GuardianClient::set_up_pin(const Pin& withdrawal) {
  return call(static_cast<uint8_t>(Ins::kSetUpPin), 0, withdrawal.digits(), 0).status();
}

absl::StatusOr<bool> GuardianClient::call_pin(Ins ins, PinKind kind, ByteView data) {
  CAFE_ASSIGN_OR_RETURN(const Bytes answer,
                        transmit(static_cast<uint8_t>(ins),
                                 static_cast<uint16_t>(static_cast<int>(kind) << 8), data, 0));
  const auto word = static_cast<uint16_t>(answer[0] << 8 | answer[1]);
  if ((word & ~kTriesMask) == static_cast<uint16_t>(StatusWord::kWrongPin)) {
    if ((word & kTriesMask) == 0) return blocked();
    return false;
  }
  switch (static_cast<StatusWord>(word)) {
    case StatusWord::kOk:
      return true;
    case StatusWord::kAuthenticationBlocked:
      return blocked();
    case StatusWord::kReferenceNotFound:
      return no_pin();
    case StatusWord::kWrongData:
      return protocol::invalid("PINS_ALIKE", "The two PINs must differ.");
    case StatusWord::kPinNeeded:
      return protocol::make_error(absl::StatusCode::kPermissionDenied, "PIN_NEEDED",
                                  "The guardian does this with the owner's PINs only.");
    default:
      return wrong_answer();
  }
}

absl::StatusOr<bool> GuardianClient::verify_pin(PinKind kind, const Pin& pin) {
  return call_pin(Ins::kVerifyPin, kind, pin.digits());
}

absl::Status GuardianClient::forget_pins() {
  return call(static_cast<uint8_t>(Ins::kForgetPins), 0, {}, 0).status();
}

absl::Status GuardianClient::change_pin(PinKind kind, const Pin& pin) {
  return call_pin(Ins::kChangePin, kind, pin.digits()).status();
}

absl::Status GuardianClient::switch_payment_pin_off() {
  return call_pin(Ins::kChangePin, PinKind::kPayment, {}).status();
}

absl::StatusOr<bool> GuardianClient::unblock_pin(PinKind kind, const Pin& puk, const Pin& pin) {
  Bytes data;
  data.reserve(guardian::kPukDigits + guardian::kMaxPinDigits);  // one buffer, wiped below
  protocol::append(data, puk.digits());
  protocol::append(data, pin.digits());
  auto right = call_pin(Ins::kUnblockPin, kind, data);
  protocol::wipe(data);
  if (protocol::reason_of(right.status()) == "PIN_BLOCKED") return puk_blocked();
  return right;
}

absl::StatusOr<protocol::Seed> GuardianClient::wallet_key() {
  CAFE_ASSIGN_OR_RETURN(
      Bytes answer, call(static_cast<uint8_t>(Ins::kWalletKey), 0, {}, guardian::kWalletKeySize));
  if (answer.size() != guardian::kWalletKeySize) return wrong_answer();
  protocol::Seed key;
  std::copy(answer.begin(), answer.end(), key.mutable_view().begin());
  protocol::wipe(answer);
  return key;
}

absl::Status GuardianClient::unlock(std::string_view currency, uint64_t amount) {
  return sum_status(
      call(static_cast<uint8_t>(Ins::kUnlock), 0, sum_of(currency, amount), 0).status());
}

absl::Status GuardianClient::set_limit(std::string_view currency, uint64_t amount) {
  return sum_status(
      call(static_cast<uint8_t>(Ins::kSetLimit), 0, sum_of(currency, amount), 0).status());
}

absl::Status GuardianClient::lock_payments() {
  const absl::Status status = call(static_cast<uint8_t>(Ins::kLockPayments), 0, {}, 0).status();
  return protocol::reason_of(status) == "COUNTER_TOO_LOW" ? no_pin() : status;
}

absl::StatusOr<std::vector<Allowance>> GuardianClient::allowances() {
  CAFE_ASSIGN_OR_RETURN(const Bytes answer,
                        call(static_cast<uint8_t>(Ins::kListAllowances), 0, {},
                             guardian::kAllowances * guardian::kAllowanceEntrySize));
  if (answer.size() % guardian::kAllowanceEntrySize != 0) return wrong_answer();
  std::vector<Allowance> all;
  for (ByteView rest(answer); !rest.empty(); rest = rest.subspan(guardian::kAllowanceEntrySize)) {
    all.push_back({protocol::to_string(rest.first(3)), protocol::decode_u64(rest.subspan<3, 8>()),
                   protocol::decode_u64(rest.subspan<11, 8>())});
  }
  return all;
}

}  // namespace cafe::wallet
