// What the issuer holds of an account's completed orders and loads (section 8), for a device that
// rebuilds the coins of a lost one.
#pragma once

#include "libs/protocol/withdrawal.h"

namespace cafe::protocol {

inline constexpr size_t kMaxOrdersListed = 100;   // in one answer
inline constexpr size_t kMaxLoadsListed = 1'000;  // beside them

// frame("cafe/v1/orders-query", issuer id, account id, asking account id, u64 after, u64 after
// load, u64 time_ms), signed with the key of the asking account, which is the account itself or its
// successor.
struct OrdersQuery {
  std::string issuer_id;
  AccountId account;
  AccountId by;
  uint64_t after;       // only orders with a higher N
  uint64_t after_load;  // only loads with a higher sequence number
  uint64_t time_ms;

  Bytes encode() const;
  static absl::StatusOr<OrdersQuery> decode(ByteView bytes);
};

// One completed order, by the digests of its two documents' frames.
struct ListedOrder {
  uint64_t order;  // N
  Bytes32 order_digest;
  Bytes32 completion_digest;
  bool operator==(const ListedOrder&) const = default;
};

// frame("cafe/v1/orders-listed", issuer id, account id, query digest, u64 last order, u64 last
// load, u64 time_ms, (u64 N ‖ order digest ‖ completion digest)*), signed with the recovery key:
// after `after` these come next, without a gap, and the account's last completed one is
// `last_order`; its last load is `last_load`. So an answer that leaves one out is evidence against
// the issuer. Loads need no digests: each names its number in what the issuer signed when it was
// made.
struct OrdersListed {
  std::string issuer_id;
  AccountId account;
  Bytes32 query_digest;  // of the signed query's frame
  uint64_t last_order;
  uint64_t last_load;
  uint64_t time_ms;
  std::vector<ListedOrder> orders;  // at most kMaxOrdersListed

  Bytes encode() const;
  // TOO_MANY_ITEMS; NOT_CANONICAL where the numbers are not consecutive, from 1, up to last_order
  // at most.
  static absl::StatusOr<OrdersListed> decode(ByteView bytes);
};

// A completed order as it was signed by both sides.
struct OrderRecord {
  SignedDocument order;       // account key
  SignedDocument completion;  // withdrawal key

  Bytes encode() const;  // frame("cafe/v1/order-record", order, completion)
  static absl::StatusOr<OrderRecord> decode(ByteView bytes);
};

// Checks what came with a listing: it answers `query`, and every record is listed, in order, and is
// of that account and number (LISTING_MISMATCH); it begins right after `after`, and names at least
// one order where there are more (LISTING_GAP), so that whoever asks on until last_order misses
// none. `loads` are how many came beside them: at most up to last_load, and at least one where no
// order is left and loads are (LISTING_GAP). Signatures, and what the loads say, are the caller's
// to check.
absl::Status check_listing(const OrdersQuery& query, const OrdersListed& listed,
                           std::span<const OrderRecord> records, size_t loads);

}  // namespace cafe::protocol
