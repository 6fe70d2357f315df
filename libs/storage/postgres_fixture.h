// A database on a server of its own, for the tests of postgres.h.
#pragma once

#include <gtest/gtest.h>

#include "libs/protocol/status.h"
#include "libs/storage/postgres.h"
#include "tests/support/private_postgres.h"

namespace cafe::storage {

class PostgresTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto server = testing::PrivatePostgres::start({.settings = {{"deadlock_timeout", "50ms"}}});
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

  static inline std::unique_ptr<testing::PrivatePostgres> server_;
  std::unique_ptr<Database> db_;
};

}  // namespace cafe::storage
