// A migrated database and a few accounts, for the tests of the ledger.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "libs/protocol/status.h"
#include "libs/storage/ledger.h"
#include "tests/support/private_postgres.h"

namespace cafe::storage {

class LedgerFixture : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto server = testing::PrivatePostgres::start();
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    const absl::Status migrated = server_->migrate();
    ASSERT_TRUE(migrated.ok()) << migrated;
  }
  static void TearDownTestSuite() { server_.reset(); }

  void SetUp() override {
    ASSERT_NE(server_, nullptr);
    root_ = open("postgres");
    ASSERT_NE(root_, nullptr);
    // Every test in a currency of its own, so that none sees another's accounts.
    static int tests = 0;
    ++tests;
    currency_ = {'T', static_cast<char>('A' + tests / 26), static_cast<char>('A' + tests % 26)};
  }

  static std::unique_ptr<Database> open(const std::string& role, int pool_size = 8) {
    auto db = Database::open({.url = server_->url(role), .pool_size = pool_size});
    EXPECT_TRUE(db.ok()) << db.status();
    return db.ok() ? *std::move(db) : nullptr;
  }

  AccountRef account(const std::string& kind, uint8_t owner = 0) const {
    return {kind, std::vector<uint8_t>(32, owner), currency_};
  }

  /// References are of this test's currency, too.
  absl::StatusOr<int64_t> post(Database& db, const std::string& reference,
                               std::vector<LedgerLine> lines, const std::string& kind = "test") {
    const std::string full = currency_ + reference;
    const Posting posting{kind, {full.begin(), full.end()}, std::move(lines)};
    return db.transaction({}, [&](Transaction& tx) { return ledger_->post(tx, posting); });
  }

  int64_t balance(const AccountRef& account) {
    return root_->transaction({}, [&](Transaction& tx) { return ledger_->balance(tx, account); })
        .value();
  }

  /// Runs a script as the given role and returns the reason it failed for, or "".
  static std::string reason_for(Database& db, const std::string& sql) {
    return protocol::reason_of(
        db.transaction({}, [&](Transaction& tx) { return tx.run_script(sql); }));
  }

  std::vector<std::string> audit() {
    std::vector<std::string> broken;
    const auto found = root_->transaction({.isolation = Isolation::kRepeatableRead}, audit_ledger);
    EXPECT_TRUE(found.ok()) << found.status();
    for (const LedgerDiscrepancy& item : *found) broken.push_back(item.check);
    return broken;
  }

  static inline std::unique_ptr<testing::PrivatePostgres> server_;
  std::unique_ptr<Database> root_;
  std::unique_ptr<Ledger> ledger_ = make_postgres_ledger();
  std::string currency_;
};

}  // namespace cafe::storage
