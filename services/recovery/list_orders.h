// What the issuer holds of an account's completed orders, for a device that rebuilds its coins.
#pragma once

#include "services/recovery/parts.h"

namespace cafe::recovery {

struct OrdersAnswer {
  protocol::Bytes listing;  // signed document: orders-listed
  std::vector<protocol::OrderRecord> orders;
  std::vector<protocol::SignedDocument> key_certificates;
  protocol::Bytes registration_file;
  protocol::Bytes receipt;
  std::vector<protocol::SignedDocument> loads;  // as many as there is room for beside the orders
};

// Answers a signed OrdersQuery. WRONG_ISSUER, UNKNOWN_ACCOUNT, NOT_THE_HOLDER, BAD_SIGNATURE,
// QUERY_STALE. An answer has at most about 4 MiB of documents, orders first: it ends early, and the
// caller asks on.
absl::StatusOr<OrdersAnswer> list_orders(const RecoveryParts& parts, protocol::ByteView document,
                                         absl::Time deadline);

// Orders after N = `after`, `count` of them, and loads after a sequence number, asked for in parts.
absl::StatusOr<std::vector<protocol::OrderRecord>> fetch_orders(const RecoveryParts& parts,
                                                                const protocol::AccountId& account,
                                                                uint64_t after, uint64_t count,
                                                                absl::Time deadline);
absl::StatusOr<std::vector<protocol::SignedDocument>> fetch_loads(
    const RecoveryParts& parts, const protocol::AccountId& account, uint64_t after, uint64_t count,
    absl::Time deadline);

}  // namespace cafe::recovery
