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

  bool down = false;                                         // answers UNAVAILABLE
  std::map<uint32_t, protocol::SignedDocument> older_lists;  // before the market's, by number

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

// The coin store: what it recorded of a coin goes with the coin's month.
class FakeCoinStore : public CoinStore {
 public:
  absl::Status mark_claimed(uint64_t claim, std::span<const MarkedCoin> coins,
                            absl::Time no_later_than) override;
  absl::StatusOr<std::vector<LocatedSpend>> locate(std::span<const protocol::CoinId> coins,
                                                   absl::Time no_later_than) override;

  // Records the payment's spends, archived in this batch: what each earns its payee. Nothing where
  // the slot was spent; of a call the ticks that were not shown before.
  std::vector<uint64_t> record(const protocol::Payment& payment, uint64_t batch);
  // Everything of coins whose deposit deadline lies before: their months are dropped.
  void drop_all(uint64_t before_s);

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
  uint64_t dropped_before_s_ = 0;
  std::mutex mutex_;  // of marks
};

class FakeDeposit : public Deposit {
 public:
  absl::StatusOr<ArchivedPayment> payment(uint64_t batch, uint32_t payment,
                                          absl::Time no_later_than) override;
  absl::Status void_terms(protocol::ByteView refusal, protocol::ByteView credential,
                          absl::Time no_later_than) override;
  absl::StatusOr<std::vector<LocatedSpend>> locate_cheques(
      std::span<const protocol::CoinId> cheques, absl::Time no_later_than) override;

  // A cheque was credited as this spend of a batch's only payment; of a call, with more ticks.
  void credit_cheque(const protocol::CoinId& cheque, uint64_t batch, uint32_t spend) {
    cheques_[cheque] = {batch, spend};
  }

  std::vector<ArchivedPayment> archive;  // batch number n is archive[n - 1], of one payment each
  std::set<protocol::Bytes32> voided;    // terms digests
  std::optional<absl::Status> refuses;   // what void_terms answers
  bool down = false;

 private:
  std::map<protocol::CoinId, std::pair<uint64_t, uint32_t>> cheques_;
};

}  // namespace cafe::recovery::testing
