// What becomes of transactions whose connection breaks, and what a server must be like.
#include <gtest/gtest.h>

#include <array>
#include <barrier>
#include <fstream>
#include <functional>
#include <thread>

#include "libs/storage/postgres_fixture.h"

namespace cafe::storage {
namespace {

using protocol::reason_of;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::eventually;
using testing::PrivatePostgres;

class BrokenConnectionTest : public PostgresTest {
 protected:
  /// Adds one to row 1; the first time its session is ended in the middle.
  absl::Status add_one_interrupted(const TransactionOptions& options) {
    auto other = open();
    attempts_ = 0;
    return db_->transaction(options, [&](Transaction& tx) -> absl::Status {
      ++attempts_;
      CAFE_ASSIGN_OR_RETURN(
          Rows rows, tx.query("UPDATE t SET n = n + 1 WHERE id = 1 RETURNING pg_backend_pid()"));
      const int64_t pid = rows.front().get<int64_t>(0);
      if (attempts_ == 1) {
        CAFE_RETURN_IF_ERROR(other->transaction({}, [&](Transaction& killer) {
          return killer.query("SELECT pg_terminate_backend($1, 5000)", pid).status();
        }));
      }
      return tx.query("UPDATE t SET n = n + 1 WHERE id = 2").status();
    });
  }

  /// Runs a transaction whose COMMIT stops at `wait_event` and kills the server there.
  absl::Status commit_and_kill(const std::string& sql, const std::string& wait_event) {
    auto other = open();
    absl::Status status;
    std::thread committer([&] { status = script(sql, {.idempotent = true}); });
    EXPECT_TRUE(eventually(seconds(20), [&] {
      const auto waiting = other->transaction({}, [&](Transaction& tx) -> absl::StatusOr<bool> {
        CAFE_ASSIGN_OR_RETURN(Rows rows, tx.query("SELECT count(*) > 0 FROM pg_stat_activity "
                                                  "WHERE query = 'COMMIT' AND wait_event = $1",
                                                  wait_event));
        return rows.front().get<bool>(0);
      });
      return waiting.value_or(false);
    }));
    server_->kill();
    committer.join();
    EXPECT_EQ(db_->stats().in_doubt, 1);
    return status;
  }

  int attempts_ = 0;
};

TEST_F(BrokenConnectionTest, BeforeCommitAnIdempotentTransactionRunsAgain) {
  EXPECT_TRUE(add_one_interrupted({.idempotent = true}).ok());
  EXPECT_EQ(attempts_, 2);
  EXPECT_EQ(number("SELECT sum(n) FROM t"), 32);
}

TEST_F(BrokenConnectionTest, BeforeCommitAnotherOneFailsAndHasChangedNothing) {
  const absl::Status status = add_one_interrupted({});
  EXPECT_EQ(reason_of(status), "DATABASE_DOWN") << status;
  EXPECT_EQ(attempts_, 1);
  EXPECT_EQ(number("SELECT sum(n) FROM t"), 30);
}

TEST_F(BrokenConnectionTest, ASingleStatementIsInDoubtUnlessItOnlyReads) {
  int attempts = 0;
  const auto end_own_session = [&](const TransactionOptions& options) {
    attempts = 0;
    return db_->transaction(options, [&](Transaction& tx) {
      const char* sql =
          ++attempts == 1 ? "SELECT pg_terminate_backend(pg_backend_pid())" : "SELECT 1";
      return tx.query(sql).status();
    });
  };
  EXPECT_EQ(reason_of(end_own_session({.idempotent = true, .single_statement = true})),
            "COMMIT_IN_DOUBT");
  EXPECT_EQ(attempts, 1);
  EXPECT_EQ(db_->stats().in_doubt, 1);
  EXPECT_TRUE(
      end_own_session({.read_only = true, .idempotent = true, .single_statement = true}).ok());
  EXPECT_EQ(attempts, 2);
}

TEST_F(BrokenConnectionTest, InCommitItIsInDoubtWhenNothingWasCommitted) {
  ASSERT_TRUE(
      script("CREATE OR REPLACE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS "
             "$$BEGIN PERFORM pg_sleep(60); RETURN NULL; END$$;"
             "CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED "
             "FOR EACH ROW EXECUTE FUNCTION linger()")
          .ok());
  const absl::Status status = commit_and_kill("INSERT INTO t VALUES (3)", "PgSleep");
  EXPECT_EQ(reason_of(status), "COMMIT_IN_DOUBT") << status;
  ASSERT_TRUE(server_->start_again().ok());
  db_ = open();
  EXPECT_EQ(number("SELECT count(*) FROM t WHERE id = 3"), 0);
}

TEST_F(BrokenConnectionTest, InCommitItIsInDoubtWhenItWasCommitted) {
  // A commit that waits for a standby that does not exist is already on our disk.
  const std::string setting = "ALTER SYSTEM SET synchronous_standby_names = 'nobody'";
  ASSERT_TRUE(testing::run_command({.command = {"psql", "--dbname=" + server_->url(), "-c", setting,
                                                "-c", "SELECT pg_reload_conf()"}})
                  .ok());
  ASSERT_TRUE(eventually(seconds(10), [&] {
    return number("SELECT length(current_setting('synchronous_standby_names'))") == 6;
  }));
  const absl::Status status = commit_and_kill("INSERT INTO t VALUES (3)", "SyncRep");
  EXPECT_EQ(reason_of(status), "COMMIT_IN_DOUBT") << status;
  std::filesystem::remove(server_->data_folder() / "postgresql.auto.conf");
  ASSERT_TRUE(server_->start_again().ok());
  db_ = open();
  EXPECT_EQ(number("SELECT count(*) FROM t WHERE id = 3"), 1);
}

TEST_F(BrokenConnectionTest, ARestartBetweenTransactionsIsNotNoticed) {
  ASSERT_TRUE(db_->ping().ok());
  ASSERT_TRUE(server_->restart().ok());
  EXPECT_TRUE(script("UPDATE t SET n = 0").ok());
}

TEST_F(BrokenConnectionTest, WithoutAServerItFailsSoonAndRecoversByItself) {
  ASSERT_TRUE(server_->stop().ok());
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(reason_of(db_->ping()), "DATABASE_DOWN");
  EXPECT_EQ(reason_of(db_->ping()), "DATABASE_DOWN");
  EXPECT_LT(std::chrono::steady_clock::now() - start, seconds(3));
  EXPECT_EQ(reason_of(Database::open({.url = server_->url()}).status()), "DATABASE_DOWN");
  ASSERT_TRUE(server_->start_again().ok());
  EXPECT_TRUE(eventually(seconds(10), [&] { return db_->ping().ok(); }));
}

// Which server it is ------------------------------------------------------------------------------

TEST_F(PostgresTest, RefusesAServerThatForgetsWhatItAcknowledged) {
  EXPECT_EQ(reason_of(Database::open({.url = ""}).status()), "BAD_DATABASE_OPTIONS");
  for (const std::string setting : {"fsync", "full_page_writes", "synchronous_commit"}) {
    const auto set = [&](const std::string& sql) {
      ASSERT_TRUE(testing::run_command({.command = {"psql", "--dbname=" + server_->url(), "-c", sql,
                                                    "-c", "SELECT pg_reload_conf()"}})
                      .ok());
    };
    set("ALTER SYSTEM SET " + setting + " = off");
    EXPECT_TRUE(eventually(seconds(10), [&] {
      return reason_of(Database::open({.url = server_->url()}).status()) == "DURABILITY_OFF";
    })) << setting;
    set("ALTER SYSTEM RESET " + setting);
    EXPECT_TRUE(eventually(seconds(10), [&] {
      return Database::open({.url = server_->url()}).ok();
    })) << setting;
  }
  auto lax = Database::open({.url = server_->url() + "&options=-csynchronous_commit%3Dlocal"});
  ASSERT_TRUE(lax.ok()) << lax.status();
  const auto value = (*lax)->transaction({}, [](Transaction& tx) -> absl::StatusOr<std::string> {
    CAFE_ASSIGN_OR_RETURN(Rows rows, tx.query("SHOW synchronous_commit"));
    return rows.front().get<std::string>(0);
  });
  EXPECT_EQ(value.value(), "on");
}

TEST_F(PostgresTest, TheIncarnationTellsRestartsAndPromotionsApart) {
  const auto read = [&] { return db_->transaction({}, read_incarnation).value(); };
  const DatabaseIncarnation first = read();
  EXPECT_EQ(read(), first);
  ASSERT_TRUE(server_->restart().ok());
  const DatabaseIncarnation restarted = read();
  EXPECT_EQ(restarted.system_identifier, first.system_identifier);
  EXPECT_EQ(restarted.timeline, first.timeline);
  EXPECT_GT(restarted.postmaster_start_us, first.postmaster_start_us);

  ASSERT_TRUE(server_->stop().ok());
  std::ofstream(server_->data_folder() / "standby.signal").close();
  ASSERT_TRUE(server_->start_again().ok());
  db_ = open();
  EXPECT_FALSE(db_->transaction({}, read_incarnation).ok());
  ASSERT_TRUE(
      db_->transaction({}, [](Transaction& tx) { return tx.query("SELECT pg_promote()").status(); })
          .ok());
  EXPECT_EQ(read().timeline, first.timeline + 1);
}

}  // namespace
}  // namespace cafe::storage