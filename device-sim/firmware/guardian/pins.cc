// The owner's PINs, the PUK that unblocks them, and what they open.
#include "device-sim/firmware/guardian/guardian.h"
#include "libs/protocol/hash.h"

namespace cafe::guardian {

using firmware::Command;
using firmware::StatusWord;
using protocol::ByteView;

namespace {

bool all_digits(ByteView text) {
  return std::all_of(text.begin(), text.end(), [](uint8_t c) { return c >= '0' && c <= '9'; });
}

// SHA-256(salt ‖ digits, zeros behind), in time that does not depend on how many they are.
protocol::Bytes32 digest_of(const protocol::Bytes16& salt, ByteView digits) {
  protocol::SecretArray<16 + kMaxPinDigits> text;
  const protocol::MutableByteView view = text.mutable_view();
  std::copy(salt.begin(), salt.end(), view.begin());
  std::copy(digits.begin(), digits.end(), view.begin() + 16);
  return protocol::sha256(text.view());
}

bool matches(const Pin& pin, ByteView digits) {
  return protocol::equal_ct(pin.digest, digest_of(pin.salt, digits));
}

StatusWord wrong_pin(uint8_t tries_left) {
  return static_cast<StatusWord>(static_cast<uint16_t>(StatusWord::kWrongPin) | tries_left);
}

// The PIN that P1 names; false for any other.
bool pin_in(const Command& command, size_t& which) {
  which = command.p1 == static_cast<uint8_t>(PinKind::kPayment) ? kPaymentIndex : kWithdrawalIndex;
  return command.p2 == 0 &&
         (which == kPaymentIndex || command.p1 == static_cast<uint8_t>(PinKind::kWithdrawal));
}

size_t other_of(size_t which) {
  return which == kWithdrawalIndex ? kPaymentIndex : kWithdrawalIndex;
}

}  // namespace

StatusWord Guardian::check_verified(size_t which) const {
  return verified_[which] ? StatusWord::kOk : StatusWord::kPinNeeded;
}

StatusWord Guardian::check_all_verified() const {
  for (const size_t which : {kWithdrawalIndex, kPaymentIndex}) {
    Pin pin;
    if (!records_.load(which, pin)) return StatusWord::kMemoryFailure;
    if ((pin.set || which == kWithdrawalIndex) && !verified_[which]) return StatusWord::kPinNeeded;
  }
  return StatusWord::kOk;
}

// Leaves all tries in `pin` where it is right; storing that is the caller's, with what goes with
// it.
StatusWord Guardian::try_pin(size_t which, ByteView digits, Pin& pin) {
  if (!records_.load(which, pin)) return StatusWord::kMemoryFailure;
  if (!pin.set) return StatusWord::kReferenceNotFound;
  if (pin.tries == 0) return StatusWord::kAuthenticationBlocked;
  // [guard] The try is gone, durably, before anything depends on whether it is right: whoever cuts
  // the power when she sees how it ends has lost it all the same.
  --pin.tries;
  records_.store(Change(which, pin));
  if (!matches(pin, digits)) return wrong_pin(pin.tries);
  pin.tries = which == kPukIndex ? kPukTries : kPinTries;
  return StatusWord::kOk;
}

Pin Guardian::new_pin(ByteView digits, uint8_t tries) {
  Pin pin{true, tries, {}, {}};
  rng_.fill(pin.salt);
  pin.digest = digest_of(pin.salt, digits);
  return pin;
}

StatusWord Guardian::draw_puk(Output& out) {
  Pin pin;
  if (!records_.load(kWithdrawalIndex, pin)) return StatusWord::kMemoryFailure;
  if (pin.set) return StatusWord::kConditionsNotSatisfied;
  for (uint8_t& digit : puk_.mutable_view()) {
    constexpr uint8_t kEvenly = 250;  // a multiple of 10
    do {
      rng_.fill(protocol::MutableByteView(&digit, 1));
    } while (digit >= kEvenly);
    digit = static_cast<uint8_t>('0' + digit % 10);
  }
  puk_drawn_ = true;
  out.add(puk_.view());
  return StatusWord::kOk;
}

StatusWord Guardian::set_up_pin(const Command& command) {
  if (!all_digits(command.data)) return StatusWord::kWrongData;
  Pin pin;
  if (!records_.load(kWithdrawalIndex, pin)) return StatusWord::kMemoryFailure;
  if (pin.set || !puk_drawn_) return StatusWord::kConditionsNotSatisfied;
  WalletKey key;
  rng_.fill(key.mutable_view());
  pin = new_pin(command.data, kPinTries);
  records_.store(Change(kWithdrawalIndex, pin), Change(kPukIndex, new_pin(puk_.view(), kPukTries)),
                 Change(key));
  protocol::wipe(puk_.mutable_view());
  puk_drawn_ = false;
  verified_[kWithdrawalIndex] = true;
  return StatusWord::kOk;
}

StatusWord Guardian::verify_pin(const Command& command) {
  size_t which = 0;
  if (!pin_in(command, which)) return StatusWord::kWrongParameters;
  if (!all_digits(command.data)) return StatusWord::kWrongData;
  verified_[which] = false;
  Pin pin;
  const StatusWord word = try_pin(which, command.data, pin);
  if (word != StatusWord::kOk) return word;
  if (which == kPaymentIndex) {
    Allowances allowances;
    if (!records_.load(allowances)) return StatusWord::kMemoryFailure;
    for (Allowances::Entry& entry : allowances.entries) {
      entry.left = std::max(entry.left, entry.limit);
    }
    records_.store(Change(which, pin), Change(allowances));
  } else {
    records_.store(Change(which, pin));
  }
  verified_[which] = true;
  return StatusWord::kOk;
}

StatusWord Guardian::forget_pins() {
  verified_ = {};
  return StatusWord::kOk;
}

StatusWord Guardian::change_pin(const Command& command) {
  size_t which = 0;
  if (!pin_in(command, which)) return StatusWord::kWrongParameters;
  const bool off = command.data.empty();
  if (off ? which != kPaymentIndex : command.data.size() < kMinPinDigits) {
    return StatusWord::kWrongLength;
  }
  if (!all_digits(command.data)) return StatusWord::kWrongData;
  // [guard] Equal PINs are refused, so whoever knows one could find the other one out here.
  const StatusWord word = check_all_verified();
  if (word != StatusWord::kOk) return word;
  Pin before, other;
  if (!records_.load(which, before) || !records_.load(other_of(which), other)) {
    return StatusWord::kMemoryFailure;
  }
  if (off && !before.set) return StatusWord::kReferenceNotFound;
  if (!off && other.set && matches(other, command.data)) return StatusWord::kWrongData;
  const Change pin(which, off ? Pin{} : new_pin(command.data, kPinTries));
  if (off || !before.set) {
    records_.store(pin, Change(Allowances{}));
  } else {
    records_.store(pin);
  }
  return forget_pins();
}

StatusWord Guardian::unblock_pin(const Command& command) {
  size_t which = 0;
  if (!pin_in(command, which)) return StatusWord::kWrongParameters;
  const ByteView digits = command.data.subspan(kPukDigits);
  if (!all_digits(command.data)) return StatusWord::kWrongData;
  Pin blocked, other, puk;
  if (!records_.load(which, blocked) || !records_.load(other_of(which), other)) {
    return StatusWord::kMemoryFailure;
  }
  if (!blocked.set) return StatusWord::kReferenceNotFound;
  const StatusWord word = try_pin(kPukIndex, command.data.first(kPukDigits), puk);
  if (word != StatusWord::kOk) return word;
  if (other.set && matches(other, digits)) {
    records_.store(Change(kPukIndex, puk));
    return StatusWord::kWrongData;
  }
  records_.store(Change(which, new_pin(digits, kPinTries)), Change(kPukIndex, puk));
  verified_[which] = false;
  return StatusWord::kOk;
}

StatusWord Guardian::pin_status(Output& out) const {
  for (const size_t which : {kWithdrawalIndex, kPaymentIndex, kPukIndex}) {
    Pin pin;
    if (!records_.load(which, pin)) return StatusWord::kMemoryFailure;
    const bool verified = which != kPukIndex && verified_[which];
    out.add(std::array<uint8_t, 3>{static_cast<uint8_t>(pin.set ? 1 : 0), pin.tries,
                                   static_cast<uint8_t>(verified ? 1 : 0)});
  }
  return StatusWord::kOk;
}

StatusWord Guardian::wallet_key(Output& out) const {
  const StatusWord word = check_verified(kWithdrawalIndex);
  if (word != StatusWord::kOk) return word;
  WalletKey key;
  if (!records_.load(key)) return StatusWord::kMemoryFailure;
  out.add(key.view());
  return StatusWord::kOk;
}

}  // namespace cafe::guardian
