// An account holder with cheques and coins at a cluster, without a device: her guardian and her
// wallet are the library's functions, so that the guardian can be a broken one.
#pragma once

#include "device-sim/host/backend.h"
#include "libs/protocol/claim_documents.h"
#include "libs/protocol/load_order.h"
#include "libs/protocol/testing/market.h"
#include "tests/support/cluster.h"

namespace cafe::testing {

class ChequeHolder {
 public:
  // Registers and pays in 1,000.00 EUR. She pays at the cluster's first shop.
  static absl::StatusOr<std::unique_ptr<ChequeHolder>> join(Cluster& cluster,
                                                            const std::string& seed);

  const protocol::AccountId& account() const { return wallet_->account.account; }
  const WorldWallet& wallet() const { return *wallet_; }
  protocol::Bytes sign(protocol::Bytes frame) const;
  // The order for her next load, and the query for one that she has made.
  protocol::Bytes load_order(uint64_t amount) const;
  protocol::Bytes load_query(uint64_t sequence) const;

  // Loads her guardian; the answer is checked as a wallet and a guardian check it.
  absl::Status load(uint64_t amount);
  // One order of blank cheques of the cluster's smallest denomination, or of coins of 1.00 EUR.
  absl::StatusOr<std::vector<WithdrawnCoin>> withdraw(uint32_t cheques);
  absl::StatusOr<std::vector<WithdrawnCoin>> withdraw_coins(uint32_t count);

  // Her guardian answers whatever the counter holds: it is broken.
  protocol::Payment pay(WithdrawnCoin& cheque, uint64_t amount);
  // With the first slot of a coin.
  protocol::Payment pay(WithdrawnCoin& coin);
  TickCall call(WithdrawnCoin& cheque, uint64_t tick_value, uint32_t tick_count);
  // As the shop: what its account was credited for the payment, by the signed receipt.
  absl::StatusOr<uint64_t> deposit(const protocol::Payment& payment);
  // As the shop: its signed refusal of the payment, with what a claim shows beside it.
  protocol::VoidPayment refuse(const protocol::Payment& payment) const;

 private:
  explicit ChequeHolder(const std::string& seed) : market_(seed) {}
  absl::Status connect(Cluster& cluster);
  absl::Status enrol();
  absl::StatusOr<std::vector<WithdrawnCoin>> withdraw_of(const protocol::Denomination& denomination,
                                                         uint32_t count);

  host::Latencies latencies_;
  std::unique_ptr<host::Backend> backend_;
  // Draws what is random; its terminal is the shop's.
  Market market_;
  std::optional<WorldWallet> wallet_;
  std::optional<protocol::Denomination> cheque_, coin_;  // the cluster's
  protocol::LoadKeyCertificate load_key_;
  uint64_t last_load_ = 0;
  uint64_t loaded_ = 0;
};

}  // namespace cafe::testing
