#include "libs/storage/postgres.h"

#include <gtest/gtest.h>

#include <array>
#include <barrier>
#include <fstream>
#include <functional>
#include <thread>

#include "libs/protocol/status.h"
#include "tests/support/private_postgres.h"

namespace cafe::storage {
namespace {

using protocol::reason_of;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::eventually;
using testing::PrivatePostgres;

class PostgresTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto server = PrivatePostgres::start({.settings = {{"deadlock_timeout", "50ms"}}});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  static void TearDownTestSuite() { server_.reset(); }

  void SetUp() override {
    ASSERT_NE(server_, nullptr);
    ASSERT_TRUE(server_->start_again().ok());
    db_ = open();
    ASSERT_NE(db_, nullptr);
    ASSERT_TRUE(script("DROP TABLE IF EXISTS child, t CASCADE;"
                       "CREATE TABLE t (id bigint PRIMARY KEY, n bigint NOT NULL DEFAULT 0 "
                       "  CONSTRAINT n_positive CHECK (n >= 0));"
                       "CREATE TABLE child (id bigint CONSTRAINT child_of_t REFERENCES t);"
                       "INSERT INTO t VALUES (1, 10), (2, 20)")
                    .ok());
  }

  static std::unique_ptr<Database> open(DatabaseOptions options = {}) {
    options.url = server_->url();
    auto db = Database::open(std::move(options));
    EXPECT_TRUE(db.ok()) << db.status();
    return db.ok() ? *std::move(db) : nullptr;
  }

  absl::Status script(const std::string& sql, const TransactionOptions& options = {}) {
    return db_->transaction(options, [&](Transaction& tx) { return tx.run_script(sql); });
  }

  int64_t number(const std::string& sql) {
    const auto value = db_->transaction({}, [&](Transaction& tx) -> absl::StatusOr<int64_t> {
      CAFE_ASSIGN_OR_RETURN(Rows rows, tx.query(sql));
      return rows.front().get<int64_t>(0);
    });
    EXPECT_TRUE(value.ok()) << value.status();
    return value.value_or(-1);
  }

  static std::unique_ptr<PrivatePostgres> server_;
  std::unique_ptr<Database> db_;
};

std::unique_ptr<PrivatePostgres> PostgresTest::server_;

TEST_F(PostgresTest, EveryTypeComesBackAsItWent) {
  const std::vector<uint8_t> bytes{0, 1, 0, 0xff, '\\', '\'', 0};
  const std::array<uint8_t, 3> three{0, 7, 0};
  const std::optional<std::string> nothing;
  const absl::Status status = db_->transaction({}, [&](Transaction& tx) -> absl::Status {
    CAFE_ASSIGN_OR_RETURN(
        Rows rows, tx.query("SELECT $1::bytea, $2::bytea, $3::bigint, $4::bigint, $5::boolean, "
                            "$6::text, $7::text, $8::bigint, $9::bytea",
                            bytes, three, INT64_MIN, uint64_t{INT64_MAX}, true, "née ' \\ \"",
                            nothing, std::optional<int>(-5), std::vector<uint8_t>()));
    const Row row = rows.front();
    EXPECT_EQ(row.get<std::vector<uint8_t>>(0), bytes);
    EXPECT_EQ((row.get<std::array<uint8_t, 3>>(1)), three);
    EXPECT_EQ(row.get<int64_t>(2), INT64_MIN);
    EXPECT_EQ(row.get<uint64_t>(3), uint64_t{INT64_MAX});
    EXPECT_TRUE(row.get<bool>(4));
    EXPECT_EQ(row.get<std::string>(5), "née ' \\ \"");
    EXPECT_EQ(row.get<std::optional<std::string>>(6), std::nullopt);
    EXPECT_EQ(row.get<std::optional<int64_t>>(7), -5);
    EXPECT_TRUE(row.get<std::vector<uint8_t>>(8).empty());
    return absl::OkStatus();
  });
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(PostgresTest, AMillionBytesArriveInOneParameter) {
  std::vector<uint8_t> bytes(1'000'000);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i * 31);
  const auto same = db_->transaction({}, [&](Transaction& tx) -> absl::StatusOr<bool> {
    CAFE_ASSIGN_OR_RETURN(Rows rows, tx.query("SELECT $1::bytea", bytes));
    return rows.front().get<std::vector<uint8_t>>(0) == bytes;
  });
  EXPECT_TRUE(same.value());
}

TEST_F(PostgresTest, WhatCannotBeStoredIsRefusedBeforeItIsSent) {
  EXPECT_EQ(
      reason_of(db_->transaction(
          {}, [](Transaction& tx) { return tx.query("SELECT $1::bigint", UINT64_MAX).status(); })),
      "NUMBER_OUT_OF_RANGE");
  EXPECT_EQ(reason_of(db_->transaction(
                {},
                [](Transaction& tx) {
                  return tx.query("SELECT $1::text", std::string(3, '\0')).status();
                })),
            "BAD_TEXT");
}

TEST_F(PostgresTest, AColumnReadWronglyIsAnErrorAndRollsBack) {
  const auto read_as = [&](auto read) {
    return db_->transaction({}, [&](Transaction& tx) -> absl::Status {
      CAFE_RETURN_IF_ERROR(tx.query("UPDATE t SET n = 99 WHERE id = 1").status());
      CAFE_ASSIGN_OR_RETURN(Rows rows, tx.query("SELECT 'x'::text, NULL::bigint, -1, ''::bytea"));
      read(rows);
      return absl::OkStatus();
    });
  };
  const std::function<void(const Rows&)> mistakes[] = {
      [](const Rows& rows) { rows.front().get<int64_t>(0); },
      [](const Rows& rows) { rows.front().get<bool>(0); },
      [](const Rows& rows) { rows.front().get<std::vector<uint8_t>>(0); },
      [](const Rows& rows) { rows.front().get<int64_t>(1); },
      [](const Rows& rows) { rows.front().get<uint64_t>(2); },
      [](const Rows& rows) { rows.front().get<std::array<uint8_t, 1>>(3); },
      [](const Rows& rows) { rows.front().get<int64_t>(4); },
      [](const Rows& rows) { rows[1].get<int64_t>(0); },
  };
  for (const auto& mistake : mistakes) {
    EXPECT_EQ(reason_of(read_as(mistake)), "COLUMN_MISMATCH");
  }
  EXPECT_EQ(reason_of(read_as([](const Rows&) { throw std::runtime_error("x"); })), "EXCEPTION");
  EXPECT_EQ(number("SELECT n FROM t WHERE id = 1"), 10);
}

TEST_F(PostgresTest, ConstraintsAndRaisedReasonsBecomeStatuses) {
  struct Case {
    std::string sql;
    absl::StatusCode code;
    std::string reason;
    std::string constraint;
  };
  const Case cases[] = {
      {"INSERT INTO t VALUES (1)", absl::StatusCode::kAlreadyExists, "UNIQUE_VIOLATION", "t_pkey"},
      {"UPDATE t SET n = -1", absl::StatusCode::kFailedPrecondition, "CHECK_VIOLATION",
       "n_positive"},
      {"INSERT INTO child VALUES (7)", absl::StatusCode::kFailedPrecondition,
       "FOREIGN_KEY_VIOLATION", "child_of_t"},
      {"UPDATE t SET n = NULL", absl::StatusCode::kFailedPrecondition, "NOT_NULL_VIOLATION", ""},
      {"SELECT no_such_column", absl::StatusCode::kInternal, "SQL_ERROR", ""},
      {"UPDATE t SET n = 9223372036854775807 + id", absl::StatusCode::kOutOfRange,
       "NUMBER_OUT_OF_RANGE", ""},
      {"DO $$BEGIN RAISE EXCEPTION 'OWN_REASON: do this' USING ERRCODE='CF001'; END$$",
       absl::StatusCode::kFailedPrecondition, "OWN_REASON", ""},
      {"DO $$BEGIN RAISE EXCEPTION 'OWN_REASON: do this' USING ERRCODE='CF002'; END$$",
       absl::StatusCode::kAlreadyExists, "OWN_REASON", ""},
      {"DO $$BEGIN RAISE EXCEPTION 'OWN_REASON: do this' USING ERRCODE='CF008'; END$$",
       absl::StatusCode::kDataLoss, "OWN_REASON", ""},
      {"DO $$BEGIN RAISE EXCEPTION 'OWN_REASON: do this' USING ERRCODE='CFXYZ'; END$$",
       absl::StatusCode::kInternal, "OWN_REASON", ""},
  };
  for (const Case& c : cases) {
    for (const bool as_script : {false, true}) {
      const absl::Status status = db_->transaction({}, [&](Transaction& tx) {
        return as_script ? tx.run_script(c.sql) : tx.query(c.sql).status();
      });
      EXPECT_EQ(status.code(), c.code) << c.sql << status;
      EXPECT_EQ(reason_of(status), c.reason) << c.sql << status;
      EXPECT_EQ(constraint_of(status), c.constraint) << c.sql;
      EXPECT_EQ(status.message().find("DETAIL"), absl::string_view::npos) << status;
    }
  }
}

TEST_F(PostgresTest, ADeferredConstraintFailsAtCommit) {
  ASSERT_TRUE(
      script("ALTER TABLE child ALTER CONSTRAINT child_of_t DEFERRABLE INITIALLY DEFERRED").ok());
  const absl::Status status = script("INSERT INTO child VALUES (7)");
  EXPECT_EQ(reason_of(status), "FOREIGN_KEY_VIOLATION") << status;
  EXPECT_EQ(constraint_of(status), "child_of_t");
}

TEST_F(PostgresTest, AnOverlookedFailureIsNotTakenForSuccess) {
  const absl::Status status = db_->transaction({}, [](Transaction& tx) {
    EXPECT_TRUE(tx.query("UPDATE t SET n = 99").ok());
    EXPECT_FALSE(tx.query("INSERT INTO t VALUES (1)").ok());
    EXPECT_EQ(reason_of(tx.query("SELECT 1").status()), "UNIQUE_VIOLATION");
    return absl::OkStatus();
  });
  EXPECT_EQ(reason_of(status), "UNIQUE_VIOLATION");
  EXPECT_EQ(number("SELECT n FROM t WHERE id = 1"), 10);
}

TEST_F(PostgresTest, AnErrorOfTheFunctionRollsBack) {
  const absl::Status status = db_->transaction({}, [](Transaction& tx) -> absl::Status {
    CAFE_RETURN_IF_ERROR(tx.query("UPDATE t SET n = 99").status());
    return absl::CancelledError("changed my mind");
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(number("SELECT n FROM t WHERE id = 1"), 10);
  EXPECT_FALSE(script("UPDATE t SET n = 99", {.read_only = true}).ok());
}

TEST_F(PostgresTest, ASingleStatementCommitsByItself) {
  const TransactionOptions single{.single_statement = true};
  EXPECT_TRUE(
      db_->transaction(single,
                       [](Transaction& tx) {
                         return tx.query("UPDATE t SET n = n + 1 WHERE id = $1", 1).status();
                       })
          .ok());
  EXPECT_EQ(number("SELECT n FROM t WHERE id = 1"), 11);
  EXPECT_EQ(reason_of(db_->transaction(
                single, [](Transaction& tx) { return tx.query("UPDATE t SET n = -1").status(); })),
            "CHECK_VIOLATION");
  EXPECT_EQ(reason_of(script("UPDATE t SET n = 0", single)), "TWO_STATEMENTS")
      << "a script may hold many";
  const absl::Status second = db_->transaction(single, [](Transaction& tx) -> absl::Status {
    CAFE_RETURN_IF_ERROR(tx.query("SELECT 1").status());
    return tx.query("UPDATE t SET n = 0").status();
  });
  EXPECT_EQ(reason_of(second), "TWO_STATEMENTS");
  EXPECT_EQ(number("SELECT sum(n) FROM t"), 31);
}

TEST_F(PostgresTest, ASerializationFailureIsRetried) {
  auto other = open();
  int attempts = 0;
  const absl::Status status = db_->transaction(
      {.isolation = Isolation::kRepeatableRead}, [&](Transaction& tx) -> absl::Status {
        CAFE_RETURN_IF_ERROR(tx.query("SELECT n FROM t").status());
        if (++attempts == 1) {
          CAFE_RETURN_IF_ERROR(other->transaction({}, [](Transaction& rival) {
            return rival.query("UPDATE t SET n = n + 1 WHERE id = 1").status();
          }));
        }
        return tx.query("UPDATE t SET n = n * 2 WHERE id = 1").status();
      });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(attempts, 2);
  EXPECT_EQ(number("SELECT n FROM t WHERE id = 1"), 22);
  EXPECT_EQ(db_->stats().retried, 1);
}

TEST_F(PostgresTest, RetriesAreBounded) {
  auto other = open();
  int attempts = 0;
  const absl::Status status = db_->transaction(
      {.isolation = Isolation::kRepeatableRead, .max_attempts = 3},
      [&](Transaction& tx) -> absl::Status {
        ++attempts;
        CAFE_RETURN_IF_ERROR(tx.query("SELECT n FROM t").status());
        CAFE_RETURN_IF_ERROR(other->transaction(
            {}, [](Transaction& rival) { return rival.query("UPDATE t SET n = n + 1").status(); }));
        return tx.query("UPDATE t SET n = n * 2").status();
      });
  EXPECT_EQ(reason_of(status), "CONTENTION") << status;
  EXPECT_EQ(attempts, 3);
}

TEST_F(PostgresTest, ADeadlockIsRetried) {
  std::barrier both_locked(2);
  const auto lock_in_order = [&](int64_t first, int64_t second) {
    bool met = false;
    return db_->transaction({}, [&](Transaction& tx) -> absl::Status {
      CAFE_RETURN_IF_ERROR(tx.query("UPDATE t SET n = n + 1 WHERE id = $1", first).status());
      if (!std::exchange(met, true)) both_locked.arrive_and_wait();
      return tx.query("UPDATE t SET n = n + 1 WHERE id = $1", second).status();
    });
  };
  absl::Status backward;
  std::thread rival([&] { backward = lock_in_order(2, 1); });
  EXPECT_TRUE(lock_in_order(1, 2).ok());
  rival.join();
  EXPECT_TRUE(backward.ok()) << backward;
  EXPECT_EQ(number("SELECT sum(n) FROM t"), 34);
  EXPECT_GE(db_->stats().retried, 1);
}

TEST_F(PostgresTest, ABusyPoolAndASlowStatementHaveTheirLimits) {
  auto narrow = open(
      {.pool_size = 1, .statement_timeout = milliseconds(50), .acquire_timeout = milliseconds(20)});
  EXPECT_TRUE(narrow
                  ->transaction({},
                                [&](Transaction&) {
                                  EXPECT_EQ(reason_of(narrow->ping()), "POOL_EXHAUSTED");
                                  return absl::OkStatus();
                                })
                  .ok());
  const auto sleep = [](Transaction& tx) { return tx.query("SELECT pg_sleep(0.3)").status(); };
  EXPECT_EQ(reason_of(narrow->transaction({}, sleep)), "STATEMENT_TIMEOUT");
  EXPECT_TRUE(narrow->transaction({.statement_timeout = milliseconds(0)}, sleep).ok());
  EXPECT_TRUE(narrow->ping().ok());
}

// What happens when the connection breaks --------------------------------------------------------

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

// Which server it is
// --------------------------------------------------------------------------------

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
