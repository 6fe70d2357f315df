// The table of spent slots against a real PostgreSQL: how narrow it is, how the older one was
// carried over, and the rows that load tests ask for.
#include <filesystem>

#include "libs/protocol/hash.h"
#include "libs/storage/migrate.h"
#include "libs/storage/session_settings.h"
#include "services/doublespend/coin_store.h"
#include "services/doublespend/columns.h"
#include "services/doublespend/testing/service_fixture.h"

namespace cafe::doublespend::testing {
namespace {

namespace fs = std::filesystem;

absl::Status run(storage::Database& database, const std::string& sql) {
  return database.transaction({}, [&](storage::Transaction& tx) { return tx.run_script(sql); });
}

class NarrowRowsTest : public ServiceFixture {
 protected:
  static constexpr uint64_t kMay2035_s = 2'063'000'000, kJune2035_s = 2'066'000'000;
  static constexpr uint64_t kClaim_s = 2'100'000'000;
  static std::string dates(uint64_t deposit_until) {
    return std::to_string(deposit_until) + ", " + std::to_string(kClaim_s);
  }
  // What an owner's call is refused for, "" where it is not.
  std::string refusal(const std::string& call) {
    return protocol::reason_of(run(*superuser_, "SELECT coinstore." + call));
  }
  int64_t owner(const std::string& call) { return count("SELECT coinstore." + call); }
  void begin(uint64_t deposit_until) {
    ASSERT_EQ(refusal("preload_begin(" + dates(deposit_until) + ")"), "");
  }
  int64_t fill(uint64_t deposit_until, int64_t first, int64_t number) {
    return owner("preload_fill(" + std::to_string(deposit_until) + ", " + std::to_string(first) +
                 ", " + std::to_string(number) + ")");
  }
  int64_t finish(uint64_t deposit_until) {
    return owner("preload_finish(" + std::to_string(deposit_until) + ")");
  }
  int64_t spent() { return count("SELECT count(*) FROM coinstore.spent"); }

  const std::unique_ptr<storage::Database> own_role_ =
      *storage::Database::open({.url = options_.database_url, .settings = storage::kByKey});
  CoinStore store_{*own_role_, clock_};
};

TEST_F(NarrowRowsTest, ARowTakes260BytesAtMostIndexIncluded) {
  constexpr size_t kRequests = 30, kRows = 1000;
  for (size_t i = 0; i < kRequests; ++i) {
    ASSERT_TRUE(store_.record(rows_.spends(kRows, i + 1)).ok());
  }
  const std::string leaf =
      "coinstore.spent_" +
      absl::FormatTime(
          "%Y%m",
          absl::FromUnixSeconds(static_cast<int64_t>(rows_.spend({}, 0, {}).key.deposit_until)),
          absl::UTCTimeZone());
  const int64_t table = count("SELECT pg_relation_size('" + leaf + "')");
  const int64_t index = count("SELECT pg_indexes_size('" + leaf + "')");
  EXPECT_LE((table + index) / static_cast<int64_t>(kRequests * kRows), 260)
      << table << " + " << index;
}

TEST_F(NarrowRowsTest, MonthsAreTheSameHereAndInTheDatabase) {
  for (const uint64_t deposit_until : {uint64_t{0}, uint64_t{2'678'399}, uint64_t{2'678'400},
                                       kMay2035_s, kJune2035_s, uint64_t{64'060'588'799}}) {
    EXPECT_EQ(count("SELECT coinstore.month_of(" + std::to_string(deposit_until) + ")"),
              month_of(deposit_until))
        << deposit_until;
  }
}

TEST_F(NarrowRowsTest, PlacesAreTheSameHereAndInTheDatabase) {
  for (const Place place : {Place{0, 0}, Place{1, 127'999}, Place{(uint64_t{1} << 46) - 1, 5}}) {
    const std::string packed = std::to_string(pack_place(place));
    EXPECT_EQ(count("SELECT coinstore.batch_of(" + packed + ")"),
              static_cast<int64_t>(place.batch));
    EXPECT_EQ(count("SELECT coinstore.position_of(" + packed + ")"), place.position);
    EXPECT_EQ(unpack_place(pack_place(place)), place);
  }
}

// One coin has one deadline, but should it ever be given two in a month, the second spend of a slot
// does not pass for fresh.
TEST_F(NarrowRowsTest, AnotherDeadlineOfTheMonthDoesNotMakeAnotherSlot) {
  RowMaker one("one", kMay2035_s, kClaim_s), two("two", kMay2035_s + kDay_s, kClaim_s);
  const protocol::CoinId coin = one.coin();
  ASSERT_TRUE(store_.record(std::vector{one.spend(coin, 0, {1, 0})}).ok());
  const auto again = store_.record(std::vector{two.spend(coin, 0, {2, 0})});
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->front().outcome, Outcome::kDouble);
}

// A database as it was before, with rows in it, brought to today's form.
class CarryOverTest : public NarrowRowsTest {
 protected:
  CarryOverTest() {
    EXPECT_TRUE(shared_postgres().create_database(name()).ok());
    old_ = *storage::Database::open({.url = shared_postgres().url("postgres", name())});
    for (const auto& file : fs::directory_iterator(fs::path(CAFE_SOURCE_DIR) / "migrations")) {
      if (file.path().filename().string() < "0007") {
        fs::copy_file(file.path(), folder_.path() / file.path().filename());
      }
    }
    EXPECT_TRUE(storage::migrate(*old_, folder_.path()).ok());
  }
  static std::string name() {
    return std::string("old_") + ::testing::UnitTest::GetInstance()->current_test_info()->name();
  }
  void insert(const SpendRow& row) {
    EXPECT_TRUE(
        run(*old_, "SELECT coinstore.ensure_partition(" + dates(row.key.deposit_until) + ")").ok());
    const absl::Status inserted = old_->transaction({}, [&](storage::Transaction& tx) {
      return tx
          .query("INSERT INTO coinstore.spent VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                 row.key.deposit_until, row.place.batch, row.key.slot, row.place.position,
                 row.key.coin_id.bytes, row.trace.d, row.trace.r1, row.trace.r2)
          .status();
    });
    EXPECT_TRUE(inserted.ok()) << inserted;
  }
  absl::Status bring_up_to_date() {
    return storage::migrate(*old_, fs::path(CAFE_SOURCE_DIR) / "migrations").status();
  }

  cafe::testing::TemporaryFolder folder_;
  std::unique_ptr<storage::Database> old_;
};

TEST_F(CarryOverTest, RowsAreCarriedOverWhole) {
  RowMaker may("may", kMay2035_s, kClaim_s), june("june", kJune2035_s, kClaim_s);
  std::vector<SpendRow> rows = may.spends(3, 7);
  rows.push_back(june.spend(june.coin(), 63, {(uint64_t{1} << 40) + 1, 127'999}));
  for (const SpendRow& row : rows) insert(row);
  const absl::Status migrated = bring_up_to_date();
  ASSERT_TRUE(migrated.ok()) << migrated;

  auto database = *storage::Database::open(
      {.url = shared_postgres().url("cafe_doublespend", name()), .settings = storage::kByKey});
  CoinStore store(*database, clock_);
  const auto same = store.record(rows);
  ASSERT_TRUE(same.ok()) << same.status();
  for (const RecordVerdict& verdict : *same) EXPECT_EQ(verdict.outcome, Outcome::kFresh);
  const auto twice = store.record(std::vector{may.spend(rows[1].key.coin_id, 0, {8, 0})});
  ASSERT_TRUE(twice.ok()) << twice.status();
  EXPECT_EQ(twice->front().outcome, Outcome::kDouble);
  EXPECT_EQ(twice->front().other, rows[1].place);
  EXPECT_EQ(twice->front().first, rows[1].trace);
  EXPECT_EQ(*store.spent_slots(std::vector{rows[3].key.coin_id}),
            std::vector<uint64_t>{uint64_t{1} << 63});
}

TEST_F(CarryOverTest, WhatWasSpentTwiceUnderTwoDeadlinesStopsTheMigration) {
  RowMaker one("one", kMay2035_s, kClaim_s), two("two", kMay2035_s + kDay_s, kClaim_s);
  const protocol::CoinId coin = one.coin();
  insert(one.spend(coin, 0, {1, 0}));
  insert(two.spend(coin, 0, {2, 0}));
  EXPECT_EQ(protocol::reason_of(bring_up_to_date()), "UNIQUE_VIOLATION");
}

using PreloadTest = NarrowRowsTest;

TEST_F(PreloadTest, MakesTheRowsThatItsContractSays) {
  begin(kMay2035_s);
  EXPECT_EQ(fill(kMay2035_s, 0, 1000), 1000);
  EXPECT_EQ(fill(kMay2035_s, 1000, 500), 500);
  EXPECT_EQ(spent(), 0) << "not before all are there";
  EXPECT_EQ(finish(kMay2035_s), 1500);
  EXPECT_EQ(spent(), 1500);
  EXPECT_EQ(count("SELECT count(*) FROM coinstore.spent WHERE coinstore.batch_of(place) = "
                  "(1::bigint << 46) - 1 AND slot = 0"),
            1500);

  protocol::Bytes name = protocol::to_bytes(protocol::view_of("cafe/v1/preloaded"));
  const auto month = static_cast<uint16_t>(month_of(kMay2035_s));
  name.push_back(static_cast<uint8_t>(month >> 8));
  name.push_back(static_cast<uint8_t>(month));
  protocol::append(name, protocol::encode_u64(1499));
  const protocol::CoinId coin{protocol::sha256(name)};
  EXPECT_EQ(*store_.spent_slots(std::vector{coin, rows_.coin()}), (std::vector<uint64_t>{1, 0}));
}

TEST_F(PreloadTest, AnInterruptedLoadGoesOn) {
  begin(kMay2035_s);
  begin(kMay2035_s);
  EXPECT_EQ(fill(kMay2035_s, 0, 100), 100);
  EXPECT_EQ(fill(kMay2035_s, 0, 100), 0) << "that range is there";
  EXPECT_EQ(finish(kMay2035_s), 100);
  EXPECT_EQ(finish(kMay2035_s), 100);
  EXPECT_EQ(fill(kMay2035_s, 0, 100), 0);
  begin(kMay2035_s);
  EXPECT_EQ(spent(), 100);
}

TEST_F(PreloadTest, TheMonthTakesRealRowsAfterwards) {
  begin(kMay2035_s);
  fill(kMay2035_s, 0, 100);
  finish(kMay2035_s);
  RowMaker maker("real", kMay2035_s, kClaim_s);
  const auto rows = maker.spends(20, 1);
  for (int again = 0; again < 2; ++again) {
    const auto verdicts = store_.record(rows);
    ASSERT_TRUE(verdicts.ok()) << verdicts.status();
    for (const RecordVerdict& verdict : *verdicts) EXPECT_EQ(verdict.outcome, Outcome::kFresh);
  }
  EXPECT_EQ(spent(), 120);
}

TEST_F(PreloadTest, RefusesWhatCannotBe) {
  const std::string may = std::to_string(kMay2035_s);
  EXPECT_EQ(refusal("preload_begin(10, 9)"), "BAD_DATES");
  EXPECT_EQ(refusal("preload_begin(10, 253402300799)"), "BAD_DATES");
  EXPECT_EQ(refusal("preload_fill(" + may + ", 0, 1)"), "NOT_BEGUN");
  EXPECT_EQ(refusal("preload_finish(" + may + ")"), "NOT_BEGUN");
  begin(kMay2035_s);
  EXPECT_EQ(refusal("preload_fill(" + may + ", -1, 1)"), "BAD_RANGE");
  EXPECT_EQ(refusal("preload_fill(" + may + ", 0, 0)"), "BAD_RANGE");
  EXPECT_EQ(refusal("preload_fill(" + may + ", 0, 100000001)"), "BAD_RANGE");
  fill(kMay2035_s, 0, 10);
  EXPECT_EQ(refusal("preload_fill(" + may + ", 5, 10)"), "RANGE_OVERLAPS");

  RowMaker maker("june", kJune2035_s, kClaim_s);
  ASSERT_TRUE(store_.record(maker.spends(1, 1)).ok());
  EXPECT_EQ(refusal("preload_begin(" + dates(kJune2035_s) + ")"), "PARTITION_EXISTS");
}

TEST_F(PreloadTest, AMonthInWhichSomebodyDepositedMeanwhileIsLeftAlone) {
  begin(kMay2035_s);
  fill(kMay2035_s, 0, 10);
  RowMaker maker("real", kMay2035_s, kClaim_s);
  ASSERT_TRUE(store_.record(maker.spends(3, 1)).ok());
  EXPECT_EQ(refusal("preload_finish(" + std::to_string(kMay2035_s) + ")"), "PARTITION_EXISTS");
  EXPECT_EQ(spent(), 3);
}

TEST_F(PreloadTest, IsNotForTheServicesRole) {
  for (const std::string call :
       {"preload_begin(1, 2)", "preload_fill(1, 0, 1)", "preload_finish(1)",
        "create_leaf('spent_199901', 1::smallint)", "index_leaf('spent_199901', 90)"}) {
    EXPECT_EQ(protocol::reason_of(run(*own_role_, "SELECT coinstore." + call)), "ROLE_FORBIDDEN")
        << call;
  }
  for (const std::string table : {"preload", "preload_month"}) {
    EXPECT_EQ(protocol::reason_of(run(*own_role_, "DELETE FROM coinstore." + table)),
              "ROLE_FORBIDDEN");
  }
}

}  // namespace
}  // namespace cafe::doublespend::testing
