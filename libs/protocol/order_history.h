// What the issuer holds of an account's completed orders (section 8), for a device that rebuilds
// the coins of a lost one.
#pragma once

#include "libs/protocol/withdrawal.h"

namespace cafe::protocol {

inline constexpr size_t kMaxOrdersListed = 100;  // in one answer

// frame("cafe/v1/orders-query", issuer id, account id, asking account id, u64 after, u64 time_ms),
// signed with the key of the asking account, which is the account itself or its successor.
struct OrdersQuery {
  std::string issuer_id;
  AccountId account;
  AccountId by;
  uint64_t after;  // only orders with a higher N
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

// frame("cafe/v1/orders-listed", issuer id, account id, query digest, u64 last order, u64 time_ms,
// (u64 N ‖ order digest ‖ completion digest)*), signed with the recovery key: after `after` these
// come next, without a gap, and the account's last completed one is `last_order`. So an answer that
// leaves one out is evidence against the issuer.
struct OrdersListed {
  std::string issuer_id;
  AccountId account;
  Bytes32 query_digest;  // of the signed query's frame
  uint64_t last_order;
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
// none. Signatures are the caller's to check.
absl::Status check_listing(const OrdersQuery& query, const OrdersListed& listed,
                           std::span<const OrderRecord> records);

}  // namespace cafe::protocol
