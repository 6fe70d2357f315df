#include <gtest/gtest.h>

#include <array>
#include <barrier>
#include <fstream>
#include <functional>
#include <thread>

#include "libs/platform/failpoint.h"
#include "libs/storage/postgres_fixture.h"

namespace cafe::storage {
namespace {

using protocol::reason_of;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::eventually;
using testing::PrivatePostgres;

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

// What fault tests kill services at.
TEST_F(PostgresTest, AFailpointStandsOnEitherSideOfEachCommitThatWrites) {
  const auto raise = [&](const TransactionOptions& options) {
    return db_->transaction(options, [](Transaction& tx) {
      return tx.query("UPDATE t SET n = n + 1 WHERE id = 1").status();
    });
  };
  int64_t n = 10;
  for (const bool single : {false, true}) {
    const TransactionOptions options{.single_statement = single};
    ASSERT_TRUE(platform::arm_failpoints("storage/before-commit=error@2").ok());
    EXPECT_TRUE(raise(options).ok());
    EXPECT_TRUE(db_->ping().ok()) << "it writes nothing, and does not count";
    EXPECT_EQ(reason_of(raise(options)), "FAILPOINT");
    ASSERT_TRUE(platform::arm_failpoints("storage/after-commit=error@2").ok());
    EXPECT_TRUE(raise(options).ok());
    EXPECT_EQ(reason_of(raise(options)), "COMMIT_IN_DOUBT");
    ASSERT_TRUE(platform::arm_failpoints("").ok());
    n += 3;
    EXPECT_EQ(number("SELECT n FROM t WHERE id = 1"), n);
  }
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

}  // namespace
}  // namespace cafe::storage
