// What a terminal's signature says of a payment (sections 5 and 8): it took it, or it did not and
// the terms are void.
#pragma once

#include "libs/protocol/credentials.h"
#include "libs/protocol/frame.h"

namespace cafe::protocol {

// frame("cafe/v1/acceptance", acquirer id, payee id, terminal id, terms digest, payment digest, u64
// time_ms), signed with the terminal's key: the bill is paid.
struct Acceptance {
  std::string acquirer_id;
  PayeeId payee_id;
  TerminalId terminal_id;
  Bytes32 terms_digest;
  Bytes32 payment_digest;  // SHA-256 of the encoded payment
  uint64_t time_ms;

  Bytes encode() const;
  static absl::StatusOr<Acceptance> decode(ByteView bytes);
  bool operator==(const Acceptance&) const = default;
};

// frame("cafe/v1/refusal", acquirer id, payee id, terminal id, terms digest, payment digest or
// nothing, reason, u64 time_ms), signed with the terminal's key: the terms are void (section 8);
// whoever holds a payment of them can claim its value. Without a payment digest the payee withdrew
// its bill.
struct Refusal {
  std::string acquirer_id;
  PayeeId payee_id;
  TerminalId terminal_id;
  Bytes32 terms_digest;
  std::optional<Bytes32> payment_digest;
  std::string reason;  // UPPER_SNAKE
  uint64_t time_ms;

  Bytes encode() const;
  static absl::StatusOr<Refusal> decode(ByteView bytes);
  bool operator==(const Refusal&) const = default;
};

}  // namespace cafe::protocol
