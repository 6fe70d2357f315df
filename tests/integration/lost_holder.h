// A holder who has lost her device at a cluster, and who gets what it held into the account of a
// new one: every request that this takes, each of them carried out once.
#pragma once

#include "libs/protocol/bytes.h"
#include "tests/support/cluster.h"

namespace cafe::testing {

struct LostHolder {
  protocol::AccountId lost, successor;
  // Signed documents, as the calls of the withdrawal and recovery services take them.
  protocol::Bytes report, replacement;
  protocol::Bytes consent;  // to the replacement, the successor's signature
  protocol::Bytes backup, backup_query;
  protocol::Bytes orders_query;
  // A payment that the shop refused, claimed before the loss; coins and cheques after it.
  protocol::Bytes payment_claim, coin_claim, cheque_claim;
  protocol::Bytes claim_query;  // for the coins
  // Of the refused payment, as the deposit service takes them.
  protocol::Bytes refusal, credential;
};

// Registers both, withdraws, loads, pays, and goes through all of the above.
absl::StatusOr<LostHolder> lose_and_recover(Cluster& cluster);

}  // namespace cafe::testing
