// The terminal's records as they stand in its memory:
//
//   list/<issuer id>           the newest signed list; equivocation/<issuer id>: two of one number
//   bill/<terms digest>        a bill and what became of it
//   slot/<coin id><u32 slot>   u64 spend_until ‖ terms digest: a slot that a payment here holds
//   queue/<u64 number>         terms digest of an accepted payment that is not deposited
//   batch                      the batch under way: frame(order document, u64 numbers)
//   receipt/<u64 number>       the acquirer's signed receipts
#pragma once

#include "device-sim/firmware/pos/terminal.h"

namespace cafe::pos {

inline constexpr std::string_view kListPrefix = "list/";
inline constexpr std::string_view kEquivocationPrefix = "equivocation/";
inline constexpr std::string_view kBillPrefix = "bill/";
inline constexpr std::string_view kSlotPrefix = "slot/";
inline constexpr std::string_view kQueuePrefix = "queue/";
inline constexpr std::string_view kBatchKey = "batch";
inline constexpr std::string_view kReceiptPrefix = "receipt/";

std::string record_key(std::string_view prefix, protocol::ByteView id);
std::string slot_key(const protocol::CoinId& coin, uint32_t slot);

enum class BillState : uint8_t {
  kOpen = 1,
  kAuthorizing = 2,  // a valid payment waits for the acquirer's word
  kAccepted = 3,
  kRefused = 4,
  kSettled = 5,  // accepted, and a receipt came
};

struct Bill {
  BillState state;
  protocol::SignedDocument terms;
  protocol::Bytes payment;         // from kAuthorizing on; dropped once settled
  protocol::Bytes payment_digest;  // 32 bytes, or empty where nothing was paid
  protocol::Bytes answer;          // encoded PaymentAnswer of a decided bill
  std::string reason;              // of a refusal

  protocol::Bytes encode() const;
  static absl::StatusOr<Bill> decode(protocol::ByteView bytes);
};

struct BatchRecord {
  protocol::SignedDocument order;
  std::vector<uint64_t> numbers;  // of the queue, in the order of the payments

  protocol::Bytes encode() const;
  static absl::StatusOr<BatchRecord> decode(protocol::ByteView bytes);
};

}  // namespace cafe::pos
