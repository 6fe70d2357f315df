// The digits of a PIN or of the PUK, wiped when they go.
#pragma once

#include "device-sim/firmware/guardian/commands.h"
#include "libs/protocol/bytes.h"

namespace cafe::wallet {

using guardian::PinKind;

class Pin {
 public:
  // BAD_PIN: 4 to 12 digits, and nothing else.
  static absl::StatusOr<Pin> of(std::string_view digits);

  protocol::ByteView digits() const { return digits_.view().first(size_); }

 private:
  Pin() = default;
  protocol::SecretArray<guardian::kMaxPinDigits> digits_;
  size_t size_ = 0;
};

}  // namespace cafe::wallet
