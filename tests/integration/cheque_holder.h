// An account holder with cheques at a cluster, without a device: her guardian and her wallet are
// the library's functions, so that the guardian can be a broken one.
#pragma once

#include "device-sim/host/backend.h"
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
  protocol::Bytes sign(protocol::Bytes frame) const;
  // The order for her next load, and the query for one that she has made.
  protocol::Bytes load_order(uint64_t amount) const;
  protocol::Bytes load_query(uint64_t sequence) const;

  // Loads her guardian; the answer is checked as a wallet and a guardian check it.
  absl::Status load(uint64_t amount);
  // One order of blank cheques of the cluster's denomination.
  absl::StatusOr<std::vector<WithdrawnCoin>> withdraw(uint32_t cheques);

  // Her guardian answers whatever the counter holds: it is broken.
  protocol::Payment pay(WithdrawnCoin& cheque, uint64_t amount);
  TickCall call(WithdrawnCoin& cheque, uint64_t tick_value, uint32_t tick_count);
  // As the shop: what its account was credited for the payment, by the signed receipt.
  absl::StatusOr<uint64_t> deposit(const protocol::Payment& payment);

 private:
  explicit ChequeHolder(const std::string& seed) : market_(seed) {}
  absl::Status connect(Cluster& cluster);
  absl::Status enrol();

  host::Latencies latencies_;
  std::unique_ptr<host::Backend> backend_;
  // Draws what is random; its terminal is the shop's.
  Market market_;
  std::optional<WorldWallet> wallet_;
  std::optional<protocol::Denomination> cheque_;  // the cluster's
  protocol::LoadKeyCertificate load_key_;
  uint64_t last_load_ = 0;
  uint64_t loaded_ = 0;
};

}  // namespace cafe::testing
