#include "libs/storage/migrate.h"

#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "libs/protocol/status.h"
#include "tests/support/private_postgres.h"

namespace cafe::storage {
namespace {

using protocol::reason_of;
using testing::PrivatePostgres;
using State = MigrationStep::State;

class MigrateTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto server = PrivatePostgres::start();
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  static void TearDownTestSuite() { server_.reset(); }

  void SetUp() override {
    ASSERT_NE(server_, nullptr);
    const std::string name = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    ASSERT_TRUE(server_->create_database(name).ok());
    db_ = *Database::open({.url = server_->url("postgres", name), .pool_size = 4});
    write(
        "0001_roles.sql",
        "DO $$BEGIN IF to_regrole('cafe_owner') IS NULL THEN CREATE ROLE cafe_owner; END IF; END$$;"
        "GRANT CREATE ON SCHEMA public TO cafe_owner; CREATE TABLE one (); CREATE TABLE uno ()");
    write("0002_more.sql", "CREATE TABLE two ()");
  }

  void write(const std::string& name, const std::string& sql) {
    std::ofstream(folder_.path() / name) << sql;
  }
  absl::StatusOr<std::vector<MigrationStep>> run() { return migrate(*db_, folder_.path()); }

  int64_t tables() {
    return db_
        ->transaction({},
                      [](Transaction& tx) -> absl::StatusOr<int64_t> {
                        CAFE_ASSIGN_OR_RETURN(
                            Rows rows, tx.query("SELECT count(*) FROM pg_tables WHERE "
                                                "tablename IN ('one', 'uno', 'two', 'three')"));
                        return rows.front().get<int64_t>(0);
                      })
        .value();
  }

  static std::unique_ptr<PrivatePostgres> server_;
  testing::TemporaryFolder folder_;
  std::unique_ptr<Database> db_;
};

std::unique_ptr<PrivatePostgres> MigrateTest::server_;

TEST_F(MigrateTest, AppliesEachFileOnce) {
  const auto first = run();
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_EQ(first->size(), 2);
  EXPECT_EQ((*first)[0].name, "0001_roles.sql");
  EXPECT_EQ((*first)[1].state, State::kAppliedNow);
  EXPECT_EQ((*first)[1].sha256.size(), 64);
  EXPECT_EQ(tables(), 3);
  write("0003_third.sql", "CREATE TABLE three ()");
  const auto second = run();
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ((*second)[1].state, State::kApplied);
  EXPECT_EQ((*second)[2].state, State::kAppliedNow);
  EXPECT_EQ((*run())[2].state, State::kApplied);
}

TEST_F(MigrateTest, ListsWithoutDoing) {
  const auto before = list_migrations(*db_, folder_.path());
  ASSERT_TRUE(before.ok()) << before.status();
  EXPECT_EQ((*before)[0].state, State::kPending);
  EXPECT_EQ(tables(), 0);
  ASSERT_TRUE(run().ok());
  EXPECT_EQ((*list_migrations(*db_, folder_.path()))[1].state, State::kApplied);
}

TEST_F(MigrateTest, RefusesAFileThatChangedOrWentAwayAfterItWasApplied) {
  ASSERT_TRUE(run().ok());
  write("0002_more.sql", "CREATE TABLE two (); ");
  EXPECT_EQ(reason_of(run().status()), "MIGRATION_CHANGED");
  EXPECT_EQ(reason_of(list_migrations(*db_, folder_.path()).status()), "MIGRATION_CHANGED");
  std::filesystem::remove(folder_.path() / "0002_more.sql");
  EXPECT_EQ(reason_of(run().status()), "MIGRATION_CHANGED");
  write("0002_renamed.sql", "CREATE TABLE two ()");
  EXPECT_EQ(reason_of(run().status()), "MIGRATION_CHANGED");
  write("0002_more.sql", "CREATE TABLE two ()");
  std::filesystem::remove(folder_.path() / "0002_renamed.sql");
  EXPECT_TRUE(run().ok());
}

TEST_F(MigrateTest, RefusesGapsRepetitionsAndStrangeNames) {
  write("0004_later.sql", "CREATE TABLE three ()");
  EXPECT_EQ(reason_of(run().status()), "MIGRATION_GAP");
  std::filesystem::rename(folder_.path() / "0004_later.sql", folder_.path() / "0002_again.sql");
  EXPECT_EQ(reason_of(run().status()), "MIGRATION_GAP");
  std::filesystem::rename(folder_.path() / "0002_again.sql", folder_.path() / "3_short.sql");
  EXPECT_EQ(reason_of(run().status()), "BAD_MIGRATION_FOLDER");
  EXPECT_EQ(reason_of(migrate(*db_, "/nonexistent").status()), "BAD_MIGRATION_FOLDER");
  EXPECT_EQ(tables(), 0);
}

TEST_F(MigrateTest, RefusesARecordThatLeftAGap) {
  ASSERT_TRUE(run().ok());
  ASSERT_TRUE(
      db_->transaction({},
                       [](Transaction& tx) {
                         return tx.query("DELETE FROM cafe_migration WHERE number = 1").status();
                       })
          .ok());
  EXPECT_EQ(reason_of(run().status()), "MIGRATION_GAP");
}

TEST_F(MigrateTest, AFailureUndoesItsFileAndKeepsThoseBefore) {
  write("0003_bad.sql", "CREATE TABLE three (); SELECT no_such_column");
  const absl::Status status = run().status();
  EXPECT_EQ(reason_of(status), "SQL_ERROR");
  EXPECT_NE(status.message().find("0003_bad.sql"), absl::string_view::npos) << status;
  EXPECT_EQ(tables(), 3);
  write("0003_bad.sql", "CREATE TABLE three ()");
  EXPECT_TRUE(run().ok());
  EXPECT_EQ(tables(), 4);
}

TEST_F(MigrateTest, SeveralAtOnceDoTheWorkOnce) {
  std::atomic<int> applied{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      const auto steps = run();
      ASSERT_TRUE(steps.ok()) << steps.status();
      for (const MigrationStep& step : *steps) applied += step.state == State::kAppliedNow;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(applied, 2);
}

TEST_F(MigrateTest, TheRealMigrationsServeSeveralDatabasesOfOneCluster) {
  EXPECT_TRUE(server_->migrate("cafe").ok());
  EXPECT_TRUE(server_->migrate("TheRealMigrationsServeSeveralDatabasesOfOneCluster").ok());
  const auto stranger = db_->transaction({}, [](Transaction& tx) -> absl::StatusOr<int64_t> {
    CAFE_ASSIGN_OR_RETURN(
        Rows rows, tx.query("SELECT count(*) FROM pg_tables WHERE tableowner <> 'cafe_owner' AND "
                            "schemaname NOT IN ('pg_catalog', 'information_schema', 'public')"));
    return rows.front().get<int64_t>(0);
  });
  EXPECT_EQ(stranger.value(), 0);
}

}  // namespace
}  // namespace cafe::storage
