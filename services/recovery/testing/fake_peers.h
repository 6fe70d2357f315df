// The recovery service's peers in memory, with the behaviour that the contracts in proto/cafe/v1
// promise.
#pragma once

#include <map>
#include <mutex>
#include <set>

#include "libs/protocol/testing/claim_market.h"
#include "services/recovery/peers.h"

namespace cafe::recovery::testing {

using cafe::testing::ClaimMarket;
using cafe::testing::WorldWallet;

// Withdrawal, of wallets of a market. Orders are read from the wallets, which outlive it.
class FakeWithdrawal : public Withdrawal {
 public:
  explicit FakeWithdrawal(const ClaimMarket& market) : market_(market) {}

  void add(const WorldWallet& wallet) { records_[wallet.account.account].wallet = &wallet; }
  // Closes the account, as its holder reports.
  void lose(const WorldWallet& wallet);
  void convict(const WorldWallet& wallet);
  void replace(const WorldWallet& lost, const WorldWallet& successor);
  // Debits the account and loads its guardian.
  void load(const WorldWallet& wallet, uint64_t amount);

  absl::StatusOr<protocol::SignedDocument> list(uint32_t number) override;
  absl::StatusOr<AccountAnswer> account(const protocol::AccountId& account,
                                        absl::Time no_later_than) override;
  absl::StatusOr<std::vector<protocol::OrderRecord>> orders(const protocol::AccountId& account,
                                                            uint64_t after, uint32_t limit,
                                                            absl::Time no_later_than) override;
  absl::StatusOr<std::vector<protocol::SignedDocument>> loads(const protocol::AccountId& account,
                                                              uint64_t after, uint32_t limit,
                                                              absl::Time no_later_than) override;

  bool down = false;  // answers UNAVAILABLE

 private:
  struct Record {
    const WorldWallet* wallet = nullptr;
    Standing standing = Standing::kOpen;
    std::optional<protocol::SignedDocument> loss;
    std::optional<protocol::AccountId> successor;
    std::optional<protocol::SignedDocument> replaced;
    std::vector<protocol::SignedDocument> loads;
  };
  const ClaimMarket& market_;
  std::map<protocol::AccountId, Record> records_;
};

// The coin store and deposit's archive: what one records the other one keeps.
class FakeCoinStore : public CoinStore {
 public:
  absl::Status mark_claimed(uint64_t claim, std::span<const MarkedCoin> coins,
                            absl::Time no_later_than) override;
  absl::StatusOr<std::vector<LocatedSpend>> locate(std::span<const protocol::CoinId> coins,
                                                   absl::Time no_later_than) override;

  // Records the payment's spends, archived in this batch: what each earns its payee. Nothing where
  // the slot was spent; of a call the ticks that were not shown before.
  std::vector<uint64_t> record(const protocol::Payment& payment, uint64_t batch);

  bool down = false;
  std::map<protocol::CoinId, uint64_t> marked;  // slots of every claim
  std::map<protocol::CoinId, uint64_t> kept_until;

 private:
  struct Spend {
    uint64_t batch;
    uint32_t spend;
    uint32_t ticks;
  };
  std::map<std::pair<protocol::CoinId, uint32_t>, Spend> spent_;
  std::map<std::pair<protocol::CoinId, uint32_t>, uint64_t> marked_by_;
  std::mutex mutex_;  // of marks
};

class FakeDeposit : public Deposit {
 public:
  absl::StatusOr<ArchivedPayment> payment(uint64_t batch, uint32_t payment,
                                          absl::Time no_later_than) override;
  absl::Status void_terms(protocol::ByteView refusal, protocol::ByteView credential,
                          absl::Time no_later_than) override;

  std::vector<ArchivedPayment> archive;  // batch number n is archive[n - 1], of one payment each
  std::set<protocol::Bytes32> voided;    // terms digests
  std::optional<absl::Status> refuses;   // what void_terms answers
  bool down = false;
};

}  // namespace cafe::recovery::testing
