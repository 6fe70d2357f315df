// Deposits: what a payee signs when it hands payments in, and the issuer's signed answers (sections
// 5 and 9).
#pragma once

#include "libs/protocol/payment.h"

namespace cafe::protocol {

inline constexpr size_t kMaxBatch = 1000;  // payments in a deposit

// frame("cafe/v1/deposit", acquirer id, payee id, terminal id, 16-byte idempotency key, payments
// digest), signed with a key of one of the payee's terminals. The payments digest is SHA-256 over
// u32 length ‖ bytes of each payment in order.
struct DepositOrder {
  std::string acquirer_id;
  PayeeId payee_id;
  TerminalId terminal_id;
  Bytes16 idempotency_key;
  Bytes32 payments_digest;

  Bytes encode() const;
  static absl::StatusOr<DepositOrder> decode(ByteView bytes);
};
Bytes32 payments_digest(std::span<const Bytes> encoded_payments);

enum class VerdictCode : uint8_t {
  kAccepted = 1,             // fresh and credited
  kRepeat = 2,               // this very payment was deposited before: not credited again
  kCreditedSpentBefore = 3,  // spent before, credited within the payee's cover; has a case
  kSpentBefore = 4,          // spent before, not credited; has a case
  kRefused = 5,              // invalid, with a reason
};
std::string_view verdict_name(VerdictCode code);  // "accepted", "repeat", ...

// What became of one slot of a payment.
struct SlotVerdict {
  VerdictCode code;
  uint64_t credited;     // minor units of the denomination's currency
  uint64_t case_number;  // 0 where there is none
  bool operator==(const SlotVerdict&) const = default;
};

// What a payment with these slots is called: the worst of them. Not empty.
VerdictCode worst_of(std::span<const SlotVerdict> slots);

// What became of one payment: all slots together, each decided by itself (section 5).
struct PaymentVerdict {
  VerdictCode code;  // the worst of its slots (spent before > credited though spent before > repeat
                     // > accepted), or refused
  std::string reason;              // of a refusal, "" otherwise
  uint64_t credited;               // sum over its slots, in the terms' currency
  std::string currency;            // of the terms; "" where the payment cannot be read
  std::vector<SlotVerdict> slots;  // one for each spend; none where refused
  bool operator==(const PaymentVerdict&) const = default;
};

// frame("cafe/v1/receipt", acquirer id, payee id, idempotency key, digest of the signed deposit
// order's frame, u64 batch number, u64 time_ms, verdicts...), signed with the deposit key: the
// acquirer owes what it says.
struct Receipt {
  std::string acquirer_id;
  PayeeId payee_id;
  Bytes16 idempotency_key;
  Bytes32 order_digest;
  uint64_t batch;
  uint64_t time_ms;
  std::vector<PaymentVerdict> verdicts;

  Bytes encode() const;
  static absl::StatusOr<Receipt> decode(ByteView bytes);
};

// frame("cafe/v1/authorization", acquirer id, payee id, terms digest, payment digest, u8 granted,
// reason, u64 reserved_until_ms), signed with the deposit key: whether the payment's slots were
// unspent, and until when they are reserved.
struct Authorization {
  std::string acquirer_id;
  PayeeId payee_id;
  Bytes32 terms_digest;
  Bytes32 payment_digest;  // SHA-256 of the encoded payment, as it was without ticks shown
  bool granted;
  std::string reason;  // "" where granted
  uint64_t reserved_until_ms;

  Bytes encode() const;
  static absl::StatusOr<Authorization> decode(ByteView bytes);
};

// Section 9 [guard]: whether a payment of a slot that another payment already holds is credited all
// the same.
struct SpentBeforeFacts {
  bool payee_had_slot_before;  // this payee was paid with this slot already
  uint64_t first_deposit_ms;   // when the slot's first deposit reached the issuer
  uint64_t now_ms;
  uint64_t cover;                 // what the payee's contract covers in 30 days, minor units
  uint64_t covered_last_30_days;  // credited so far under it
  uint64_t value;                 // of this slot
};
inline constexpr uint64_t kGoodFaithWindow_ms = 24ull * 3600 * 1000;
inline constexpr uint64_t kCoverWindow_ms = 30ull * 86400 * 1000;
bool credit_spent_before(const SpentBeforeFacts& facts);

}  // namespace cafe::protocol
