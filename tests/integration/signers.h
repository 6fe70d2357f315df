// What wallets and account holders sign for the services, and what they did with it at a cluster.
#pragma once

#include "libs/protocol/bytes.h"
#include "tests/support/cluster.h"

namespace cafe::testing {

// What a wallet signs that the issuer does not keep.
struct SignedByWallet {
  protocol::Bytes open;          // of the next order, which is never completed
  protocol::Bytes void_request;  // of a completed order
};

// A simulated wallet registers, withdraws, and opens one order more.
absl::StatusOr<SignedByWallet> use_wallet(Cluster& cluster);

// What a holder signs who loads her guardian and pays money back; what changes something has
// happened already.
struct SignedByHolder {
  protocol::Bytes load_order;
  protocol::Bytes load_query;
  protocol::Bytes deposit_order;
  std::vector<protocol::Bytes> payments;
  protocol::Bytes credential;
};

// A holder without a device: her guardian and her wallet are the library's functions.
absl::StatusOr<SignedByHolder> use_holder(Cluster& cluster);

}  // namespace cafe::testing
