// One good document of each kind that travels when a wallet is lost, every field filled.
//
//   World world("samples");
//   const RecoverySamples samples(world);
//   EXPECT_TRUE(Claim::decode(samples.claim.encode()).ok());
#pragma once

#include "libs/protocol/backup.h"
#include "libs/protocol/hotlist.h"
#include "libs/protocol/loss.h"
#include "libs/protocol/order_history.h"
#include "libs/protocol/prefix_lookup.h"
#include "libs/protocol/testing/claims.h"

namespace cafe::testing {

struct RecoverySamples {
  explicit RecoverySamples(World& world);

  WorldWallet lost, successor;
  std::vector<WithdrawnCoin> coins;  // of the lost wallet: two plain ones and a split one

  protocol::LossReport loss_report;
  protocol::LossRecorded loss_recorded;
  protocol::Replacement replacement;
  protocol::Replaced replaced;  // by the operator

  protocol::OrdersQuery orders_query;
  protocol::OrdersListed orders_listed;  // three of five

  protocol::SpentPrefixAnswer spent_prefix;  // two coins under eight bits
  protocol::Hotlist hotlist;                 // two coins

  protocol::BackupKey backup_key;
  protocol::Backup backup;
  protocol::BackupKept backup_kept;
  protocol::BackupQuery backup_query;

  protocol::VoidPayment void_payment;
  protocol::Claim claim;           // of coins
  protocol::Claim payments_claim;  // of two payments
  protocol::ClaimReceipt claim_receipt;
  protocol::ClaimRefused claim_refused;
  protocol::ClaimStatement claim_statement;  // two slots were spent
  protocol::ClaimQuery claim_query;
};

}  // namespace cafe::testing
