// The terminal's records as they stand in its memory:
//
//   list/<issuer id>           the newest signed list; equivocation/<issuer id>: two of one number
//   bill/<terms digest>        a bill and what became of it
//   call/<terms digest>        the bill of a call: its tariff, its end, what was deposited of it
//   tick/<terms digest>        the tick reveal of the highest index held: written for each tick, so
//                              that a tick costs no more than itself
//   slot/<coin id><u32 slot>   u64 spend_until ‖ terms digest: a slot that a payment here holds
//   queue/<u64 number>         terms digest of a payment to deposit: accepted, or of an ended call
//   batch                      the batch under way, with the ticks that it shows
//   receipt/<u64 number>       the acquirer's signed receipts
//   hotlist/<issuer id>        u64 edition of the issuer's hotlist that is held
//   claimed/<issuer id> <u64 edition>
//                              what that edition brought: (u64 short id ‖ u64 slots ‖ u64 spend_until)*
#pragma once

#include "device-sim/firmware/pos/terminal.h"

namespace cafe::pos {

inline constexpr std::string_view kListPrefix = "list/";
inline constexpr std::string_view kEquivocationPrefix = "equivocation/";
inline constexpr std::string_view kBillPrefix = "bill/";
inline constexpr std::string_view kCallPrefix = "call/";
inline constexpr std::string_view kTickPrefix = "tick/";
inline constexpr std::string_view kSlotPrefix = "slot/";
inline constexpr std::string_view kQueuePrefix = "queue/";
inline constexpr std::string_view kBatchKey = "batch";
inline constexpr std::string_view kReceiptPrefix = "receipt/";
inline constexpr std::string_view kHotlistPrefix = "hotlist/";
inline constexpr std::string_view kClaimedPrefix = "claimed/";

std::string record_key(std::string_view prefix, protocol::ByteView id);
std::string slot_key(const protocol::CoinId& coin, uint32_t slot);
std::string queue_key(uint64_t number);

enum class BillState : uint8_t {
  kOpen = 1,
  kAuthorizing = 2,  // a valid payment waits for the acquirer's word
  kAccepted = 3,     // a call: open, or ended with ticks that no receipt covers
  kRefused = 4,
  kSettled = 5,  // accepted, and a receipt came for all of it
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

// Of a call's bill, from the offer on.
struct CallRecord {
  protocol::SignedDocument tariff;
  protocol::Bytes end;     // encoded signed call end; empty until it ended
  uint32_t deposited = 0;  // ticks that a receipt covers
  uint64_t queue = 0;      // its number in the queue; 0: not there

  bool ended() const { return !end.empty(); }
  protocol::Bytes encode() const;
  static absl::StatusOr<CallRecord> decode(protocol::ByteView bytes);
};

struct BatchItem {
  protocol::Bytes32 terms_digest;
  uint64_t queue;        // number in the queue; 0: a call that went on when the batch was made
  protocol::Bytes tick;  // a call's: the tick reveal that its payment shows
};

struct BatchRecord {
  protocol::SignedDocument order;
  std::vector<BatchItem> items;  // in the order of the payments

  protocol::Bytes encode() const;
  static absl::StatusOr<BatchRecord> decode(protocol::ByteView bytes);
};

}  // namespace cafe::pos
