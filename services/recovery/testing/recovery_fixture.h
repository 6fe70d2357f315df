// The recovery service's operations on a database of their own, with peers in memory, under a clock
// of the test's: a wallet that is lost and its successor. Every test ends with an audit of the
// ledger, and every claim that it looks at is judged as a court would.
#pragma once

#include <gtest/gtest.h>

#include "libs/platform/log.h"
#include "libs/storage/ledger.h"
#include "services/recovery/file_claim.h"
#include "services/recovery/testing/fake_peers.h"
#include "tests/support/private_postgres.h"

namespace cafe::recovery::testing {

using cafe::testing::claimed;
using cafe::testing::kDay_s;
using cafe::testing::kWorldNow_s;
using cafe::testing::WithdrawnCoin;
using protocol::ClaimKind;
using protocol::ClaimState;

inline constexpr uint64_t kWeek_ms = 7 * kDay_s * 1000;

// Of all tests of a binary.
cafe::testing::PrivatePostgres& shared_postgres();

class RecoveryTest : public ::testing::Test {
 protected:
  RecoveryTest();
  ~RecoveryTest() override;

  // The market's wallets, known to withdrawal; the coins that they withdraw are in the books.
  WithdrawnCoin take(WorldWallet& wallet, const protocol::DenominationKey& denomination);
  void load(const WorldWallet& wallet, uint64_t amount);  // of its guardian
  // The service signs with a new certificate, of now.
  void renew_key();
  // The lost wallet is reported, and replaced by `next`.
  void lose_and_replace();

  // A payment of the lost wallet's at the clock's time.
  protocol::Payment pay(std::vector<cafe::testing::Paying> slots);
  // The payee hands it in: recorded, archived and, of slots that were unspent, credited.
  void deposit(const protocol::Payment& payment);

  // A signed claim of the lost wallet's coins by `by`, at the clock's time.
  protocol::SignedDocument claim(const WorldWallet& by, ClaimKind kind,
                                 std::vector<protocol::ClaimedCoin> coins,
                                 std::vector<protocol::VoidPayment> payments = {});
  FilingAnswer file(const protocol::SignedDocument& claim);
  // Files a good claim: its receipt.
  protocol::ClaimReceipt filed(const protocol::SignedDocument& claim);
  // Files a claim that is refused: the reason, and "@n" where item n is named.
  std::string refused(const protocol::SignedDocument& claim);

  // One pass of the worker.
  absl::Status try_work();
  void work();
  void advance_to(uint64_t time_ms);
  // The claim's file, verified, and what it proves.
  protocol::ClaimFile file_of(const protocol::SignedDocument& claim, const WorldWallet& by);
  protocol::ClaimJudgement judged(const protocol::SignedDocument& claim, const WorldWallet& by);
  protocol::ClaimTotal total(const protocol::SignedDocument& claim, const WorldWallet& by);

  int64_t balance(std::string_view kind, protocol::ByteView owner);
  int64_t customer(const WorldWallet& wallet);
  int64_t outstanding(const protocol::DenominationKey& denomination);
  int64_t advances(const protocol::DenominationKey& denomination);
  int64_t loaded();
  int64_t cheque_advances();
  int64_t loss() { return -balance("loss", {}); }
  int64_t number(const std::string& sql);
  void run_sql(const std::string& sql);
  // Takes from the customer's account.
  void spend_from(const WorldWallet& wallet, uint64_t amount);
  // Others' cheques take from what guardians were loaded with.
  void drain_loads(uint64_t amount);
  // Coins of it come back that are none of the claimed ones.
  void drain_coins(const protocol::DenominationKey& denomination, uint64_t amount);

  uint64_t now_ms() const { return unix_ms(clock_); }

  platform::LogCapture quiet_{[](const std::string&) {}};  // thousands of lines
  std::string database_name_;
  std::unique_ptr<storage::Database> superuser_;
  platform::ManualClock clock_{absl::FromUnixSeconds(kWorldNow_s)};
  ClaimMarket market_{"recovery"};
  FakeWithdrawal withdrawal_{market_};
  FakeCoinStore coin_store_;
  FakeDeposit deposit_;
  platform::Metrics metrics_{"recovery"};
  RecoveryMetrics series_{metrics_};
  std::unique_ptr<storage::Database> database_;
  std::unique_ptr<storage::Ledger> ledger_ = storage::make_postgres_ledger();
  storage::OnlineKey key_;
  Denominations denominations_;
  RecoveryParts parts_;

  WorldWallet lost_ = market_.make_wallet();
  WorldWallet next_ = market_.make_wallet();

 private:
  void post(const storage::AccountRef& from, const storage::AccountRef& to, uint64_t amount);
  uint64_t posted_ = 0;
};

}  // namespace cafe::recovery::testing
