// Everything that guards the ledger against those who go round its client, each made to fire.
#include <gmock/gmock.h>

#include "libs/storage/ledger_fixture.h"

namespace cafe::storage {
namespace {

using protocol::reason_of;
using ::testing::Contains;
using ::testing::IsEmpty;

class LedgerGuardTest : public LedgerFixture {
 protected:
  void SetUp() override {
    LedgerFixture::SetUp();
    ASSERT_TRUE(post(*root_, "fund", {{account("cash"), -100}, {account("customer"), 100}}).ok());
  }

  /// The reason with which ledger.post itself refuses these lines.
  std::string refuses(const std::string& arguments) {
    return reason_for(*root_, "SELECT ledger.post(" + arguments + ")");
  }
};

TEST_F(LedgerGuardTest, TheFunctionChecksWhatTheClientWouldHave) {
  const std::string good = "'k', 'r', 'EUR', ARRAY['cash','customer'], ARRAY['','a']::bytea[]";
  EXPECT_EQ(refuses(good + ", ARRAY[-1,2]"), "BAD_POSTING");
  EXPECT_EQ(refuses(good + ", ARRAY[0,0]"), "BAD_POSTING");
  EXPECT_EQ(refuses(good + ", ARRAY[-1,NULL]"), "BAD_POSTING");
  EXPECT_EQ(refuses(good + ", ARRAY[-1,1,0]"), "BAD_POSTING");
  EXPECT_EQ(refuses(good + ", ARRAY[]::bigint[]"), "BAD_POSTING");
  EXPECT_EQ(refuses(good + ", NULL"), "BAD_POSTING");
  // Elements that are counted from elsewhere: what is checked must be what is posted.
  EXPECT_EQ(refuses(good + ", '[3:4]={-1,1}'::bigint[]"), "BAD_POSTING");
  EXPECT_EQ(refuses(good + ", '[0:1]={-1,1}'::bigint[]"), "BAD_POSTING");
  EXPECT_EQ(refuses(good + ", '{{-1,1}}'::bigint[]"), "BAD_POSTING");
  EXPECT_EQ(refuses(good + ", ARRAY[1, (-9223372036854775808)::bigint]"), "BAD_POSTING");
  const std::string lines = ", ARRAY['cash','customer'], ARRAY['','a']::bytea[], ARRAY[-1,1]";
  EXPECT_EQ(refuses("'K', 'r', 'EUR'" + lines), "BAD_POSTING");
  EXPECT_EQ(refuses("'k', '', 'EUR'" + lines), "BAD_POSTING");
  EXPECT_EQ(refuses("'k', NULL, 'EUR'" + lines), "BAD_POSTING");
  EXPECT_EQ(refuses("'k', 'r', 'euro'" + lines), "BAD_POSTING");
  EXPECT_EQ(refuses("'k', 'r', NULL" + lines), "BAD_POSTING");
  EXPECT_EQ(refuses("'k', 'r', 'EUR', ARRAY['cash','pig'], ARRAY['','a']::bytea[], ARRAY[-1,1]"),
            "BAD_POSTING");
  EXPECT_EQ(refuses("'k', 'r', 'EUR', ARRAY['cash','cash'], ARRAY['','']::bytea[], ARRAY[-1,1]"),
            "BAD_POSTING");
  EXPECT_EQ(refuses("'k', 'r', 'EUR'" + lines), "");
}

TEST_F(LedgerGuardTest, EntriesMustSumToZeroWhoeverWritesThem) {
  const AccountRef dollars{"customer", {1}, currency_.substr(0, 2) + "Z"};
  ASSERT_TRUE(post(*root_, "dollars", {{{"cash", {}, dollars.currency}, -1}, {dollars, 1}}).ok());
  const auto forge = [&](const std::string& lines) {
    return reason_for(
        *root_,
        "CREATE TEMP TABLE a ON COMMIT DROP AS SELECT min(id) AS cash, max(id) AS customer "
        "FROM ledger.account WHERE currency = '" +
            currency_ +
            "'; CREATE TEMP TABLE d ON COMMIT DROP AS SELECT id FROM ledger.account "
            "WHERE currency = '" +
            dollars.currency +
            "' AND kind = 'customer'; WITH p AS (INSERT INTO ledger.posting (kind, "
            "reference) VALUES ('forged', '" +
            currency_ +
            "') RETURNING id) INSERT INTO ledger.entry SELECT p.id, l.n, l.account, "
            "l.amount FROM p, a, d, LATERAL (VALUES " +
            lines + ") AS l (n, account, amount)");
  };
  EXPECT_EQ(forge("(1, a.cash, -5), (2, a.customer, 4)"), "POSTING_UNBALANCED");
  EXPECT_EQ(forge("(1, a.cash, -5)"), "POSTING_UNBALANCED");
  EXPECT_EQ(forge("(1, a.cash, -5), (2, d.id, 5)"), "POSTING_UNBALANCED");
  EXPECT_EQ(forge("(1, a.cash, -5), (2, 999999999, 5)"), "POSTING_UNBALANCED");
  EXPECT_EQ(forge("(1, a.cash, -5), (1, a.customer, 5)"), "UNIQUE_VIOLATION");
  EXPECT_EQ(forge("(1, a.cash, 0), (2, a.customer, 0)"), "CHECK_VIOLATION");
  // A line added to an old posting.
  EXPECT_EQ(reason_for(*root_,
                       "INSERT INTO ledger.entry SELECT max(posting_id), 3, 999999999, 5 FROM "
                       "ledger.entry"),
            "POSTING_UNBALANCED");
}

TEST_F(LedgerGuardTest, APostingWithoutLinesDoesNotCommit) {
  EXPECT_EQ(reason_for(*root_, "INSERT INTO ledger.posting (kind, reference) VALUES ('x', 'y')"),
            "POSTING_UNBALANCED");
}

TEST_F(LedgerGuardTest, NothingIsEverChangedOrRemoved) {
  for (const std::string table : {"posting", "entry", "account"}) {
    for (const std::string& sql :
         {"DELETE FROM ledger." + table, "TRUNCATE ledger." + table + " CASCADE",
          "UPDATE ledger." + table + " SET " +
              (table == "entry" ? "amount = amount + 1" : "kind = 'cash'")}) {
      EXPECT_EQ(reason_for(*root_, sql), "LEDGER_APPEND_ONLY") << sql;
      EXPECT_EQ(reason_for(*root_, "SET LOCAL ROLE cafe_owner; " + sql), "LEDGER_APPEND_ONLY");
    }
  }
  EXPECT_EQ(reason_for(*root_, "DELETE FROM ledger.balance"), "LEDGER_APPEND_ONLY");
  EXPECT_EQ(reason_for(*root_, "TRUNCATE ledger.balance"), "LEDGER_APPEND_ONLY");
}

TEST_F(LedgerGuardTest, AGuardedBalanceCannotBeNegative) {
  const absl::Status status = root_->transaction({}, [](Transaction& tx) {
    return tx.query("UPDATE ledger.balance SET amount = -1 WHERE guarded").status();
  });
  EXPECT_EQ(reason_of(status), "CHECK_VIOLATION");
  EXPECT_EQ(constraint_of(status), "balance_guarded");
}

TEST_F(LedgerGuardTest, RolesReachTheirSchemaAndTheLedgersFunctionsOnly) {
  const std::pair<std::string, std::string> roles[] = {{"cafe_withdrawal", "withdrawal"},
                                                       {"cafe_deposit", "deposit"},
                                                       {"cafe_doublespend", "coinstore"},
                                                       {"cafe_recovery", "recovery"},
                                                       {"cafe_settlement", "settlement"}};
  for (const auto& [role, schema] : roles) {
    ASSERT_EQ(reason_for(*root_, "SET LOCAL ROLE cafe_owner; CREATE TABLE " + schema +
                                     ".probe (id bigint GENERATED ALWAYS AS IDENTITY)"),
              "");
  }
  for (const auto& [role, own] : roles) {
    auto db = open(role, 1);
    for (const auto& [other_role, schema] : roles) {
      const std::string expected = schema == own ? "" : "ROLE_FORBIDDEN";
      EXPECT_EQ(reason_for(*db, "SELECT * FROM " + schema + ".probe"), expected) << role;
      EXPECT_EQ(reason_for(*db, "INSERT INTO " + schema + ".probe DEFAULT VALUES"), expected);
      EXPECT_EQ(reason_for(*db, "DELETE FROM " + schema + ".probe"), expected);
      EXPECT_EQ(reason_for(*db, "TRUNCATE " + schema + ".probe"), "ROLE_FORBIDDEN");
      EXPECT_EQ(reason_for(*db, "CREATE TABLE " + schema + ".mine ()"), "ROLE_FORBIDDEN");
    }
    for (const std::string table : {"account", "posting", "entry", "balance", "permission"}) {
      EXPECT_EQ(reason_for(*db, "SELECT * FROM ledger." + table), "ROLE_FORBIDDEN") << role;
      EXPECT_EQ(reason_for(*db, "DELETE FROM ledger." + table), "ROLE_FORBIDDEN") << role;
    }
    EXPECT_EQ(reason_for(*db, "UPDATE ledger.balance SET amount = 1"), "ROLE_FORBIDDEN");
    EXPECT_EQ(reason_for(*db, "SELECT ledger.put(1, 1, 100)"), "ROLE_FORBIDDEN");
    EXPECT_EQ(reason_for(*db, "SELECT ledger.audit()"), "ROLE_FORBIDDEN");
    EXPECT_EQ(reason_for(*db, "CREATE TABLE public.mine ()"), "ROLE_FORBIDDEN");
    EXPECT_EQ(reason_for(*db, "SET ROLE cafe_owner"), "ROLE_FORBIDDEN");
    EXPECT_EQ(reason_for(*db, "SELECT cafe.u64_at('\\x0000000000000001', 0)"), "");
  }
  auto auditor = open("cafe_operator", 1);
  EXPECT_EQ(reason_for(*auditor, "SELECT * FROM ledger.entry, withdrawal.probe, coinstore.probe c"),
            "");
  EXPECT_EQ(reason_for(*auditor, "SELECT * FROM public.cafe_migration"), "");
  EXPECT_EQ(reason_for(*auditor, "DELETE FROM withdrawal.probe"), "ROLE_FORBIDDEN");
  EXPECT_TRUE(auditor->transaction({}, audit_ledger).ok());
  for (const auto& [role, schema] : roles) {
    ASSERT_EQ(reason_for(*root_, "DROP TABLE " + schema + ".probe"), "");
  }
}

TEST_F(LedgerGuardTest, EachRoleMovesOnlyItsKindsOfMoney) {
  const AccountRef cash = account("cash"), alice = account("customer"), coins = account("coins"),
                   shop = account("payee"), loss = account("loss");
  struct Case {
    std::string role;
    std::vector<LedgerLine> lines;
  };
  const Case forbidden[] = {
      {"cafe_withdrawal", {{cash, -1}, {alice, 1}}},  {"cafe_withdrawal", {{alice, -1}, {shop, 1}}},
      {"cafe_withdrawal", {{coins, -1}, {alice, 1}}}, {"cafe_deposit", {{cash, -1}, {shop, 1}}},
      {"cafe_deposit", {{alice, -1}, {shop, 1}}},     {"cafe_deposit", {{loss, -1}, {coins, 1}}},
      {"cafe_recovery", {{cash, -1}, {alice, 1}}},    {"cafe_operator", {{coins, -1}, {alice, 1}}},
  };
  for (const Case& c : forbidden) {
    const absl::Status status = post(*open(c.role, 1), "x" + c.role, c.lines).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied) << c.role;
    EXPECT_EQ(reason_of(status), "POSTING_FORBIDDEN") << c.role << status;
  }
  EXPECT_EQ(reason_of(post(*open("cafe_doublespend", 1), "y", {{coins, -1}, {shop, 1}}).status()),
            "ROLE_FORBIDDEN");
}

TEST_F(LedgerGuardTest, TheServiceThatGuardsItsNoncesCanReadTheLineage) {
  EXPECT_TRUE(open("cafe_withdrawal", 1)->transaction({}, read_incarnation).ok());
}

// What a superuser can do all the same, the audit finds.
class LedgerAuditTest : public LedgerFixture {
 protected:
  void SetUp() override {
    LedgerFixture::SetUp();
    const std::string name = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    ASSERT_TRUE(server_->create_database(name).ok());
    ASSERT_TRUE(server_->migrate(name).ok());
    root_ = *Database::open({.url = server_->url("postgres", name)});
    ASSERT_TRUE(post(*root_, "fund", {{account("cash"), -100}, {account("customer"), 100}}).ok());
    ASSERT_TRUE(post(*root_, "order", {{account("customer"), -40}, {account("coins"), 40}}).ok());
    ASSERT_THAT(audit(), IsEmpty());
  }
  void tamper(const std::string& sql) {
    ASSERT_EQ(reason_for(*root_, "SET LOCAL session_replication_role = replica; " + sql), "");
  }
};

TEST_F(LedgerAuditTest, FindsATamperedBalance) {
  tamper("UPDATE ledger.balance SET amount = amount + 1 WHERE amount = 60");
  EXPECT_THAT(audit(), Contains("balance_differs_from_entries"));
  EXPECT_THAT(audit(), Contains("books_unbalanced"));
}

TEST_F(LedgerAuditTest, FindsATamperedEntry) {
  tamper("UPDATE ledger.entry SET amount = 41 WHERE amount = 40");
  EXPECT_THAT(audit(), Contains("posting_unbalanced"));
  EXPECT_THAT(audit(), Contains("balance_differs_from_entries"));
}

TEST_F(LedgerAuditTest, FindsARemovedPostingAndARemovedLine) {
  tamper("DELETE FROM ledger.posting WHERE id = (SELECT max(id) FROM ledger.posting)");
  EXPECT_THAT(audit(), Contains("entry_without_posting_or_account"));
  tamper("DELETE FROM ledger.entry WHERE amount = 100");
  EXPECT_THAT(audit(), Contains("posting_unbalanced"));
}

TEST_F(LedgerAuditTest, FindsAGuardThatWasSwitchedOff) {
  tamper("UPDATE ledger.balance SET guarded = false, amount = amount - 200 WHERE amount = 60");
  EXPECT_THAT(audit(), Contains("guarded_balance_negative"));
  EXPECT_THAT(audit(), Contains("balance_shards_wrong"));
}

TEST_F(LedgerAuditTest, FindsALostShard) {
  tamper("DELETE FROM ledger.balance WHERE shard = 15");
  EXPECT_THAT(audit(), Contains("balance_shards_wrong"));
}

}  // namespace
}  // namespace cafe::storage
