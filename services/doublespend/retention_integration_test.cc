// Partitions and retention against a real PostgreSQL.
#include <barrier>
#include <thread>

#include "libs/protocol/status.h"
#include "services/doublespend/case_store.h"
#include "services/doublespend/claim_store.h"
#include "services/doublespend/coin_store.h"
#include "services/doublespend/testing/service_fixture.h"

namespace cafe::doublespend::testing {
namespace {

// Two stores under a clock that only the test moves, as two instances of the service have them; the
// service itself would sweep at its own times.
class RetentionTest : public ServiceFixture {
 protected:
  RetentionTest() { clock_.set(absl::FromUnixSeconds(kMay2020_s)); }

  void record_all(const std::vector<SpendRow>& rows) {
    const auto verdicts = recording_.record(rows);
    EXPECT_TRUE(verdicts.ok()) << verdicts.status();
  }
  std::vector<std::string> drop() {
    const auto dropped = sweeping_.drop_expired();
    EXPECT_TRUE(dropped.ok()) << dropped.status();
    return dropped.value_or(std::vector<std::string>());
  }
  int64_t spent() { return count("SELECT count(*) FROM coinstore.spent"); }

  static constexpr uint64_t kMay2020_s = 1'589'500'000;
  static constexpr uint64_t kJune2020_s = 1'592'200'000;
  const std::unique_ptr<storage::Database> own_role_ =
      *storage::Database::open({.url = options_.database_url});
  CoinStore recording_{*own_role_, clock_};
  CoinStore sweeping_{*own_role_, clock_};
};

TEST_F(RetentionTest, PartitionsAreMadeOnceHoweverManyAskForThem) {
  constexpr size_t kClients = 16;
  const uint64_t start_s = platform::unix_seconds(clock_);
  std::barrier together(kClients);
  std::vector<std::thread> clients;
  for (size_t client = 0; client < kClients; ++client) {
    clients.emplace_back([&, client] {
      // Stores of their own, as several instances of the service have.
      auto database = storage::Database::open({.url = options_.database_url, .pool_size = 2});
      CoinStore store(**database, clock_);
      together.arrive_and_wait();
      for (uint64_t month = 0; month < 6; ++month) {
        RowMaker maker(std::to_string(client * 10 + month), start_s + month * 31 * kDay_s,
                       start_s + 400 * kDay_s);
        const auto verdicts = store.record(maker.spends(5, client));
        ASSERT_TRUE(verdicts.ok()) << verdicts.status();
      }
    });
  }
  for (auto& client : clients) client.join();
  EXPECT_EQ(spent(), static_cast<int64_t>(kClients * 6 * 5));
  EXPECT_EQ(count("SELECT count(*) FROM coinstore.partition"),
            count("SELECT count(*) FROM pg_inherits WHERE inhparent = "
                  "'coinstore.spent'::regclass"));
  EXPECT_GE(count("SELECT count(*) FROM coinstore.partition"), 6);
}

TEST_F(RetentionTest, DropsAPartitionOnceEveryClaimDeadlineInItHasPassed) {
  RowMaker early("early", kMay2020_s, kMay2020_s + 30 * kDay_s);
  RowMaker late("late", kMay2020_s + 1, kMay2020_s + 90 * kDay_s);
  RowMaker june("june", kJune2020_s, kJune2020_s + 10 * kDay_s);
  record_all(early.spends(3, 1));
  record_all(late.spends(3, 2));
  record_all(june.spends(3, 3));
  EXPECT_EQ(spent(), 9);

  clock_.set(absl::FromUnixSeconds(kMay2020_s + 90 * kDay_s - 1));
  EXPECT_EQ(drop(), std::vector<std::string>{"spent_202006"});
  EXPECT_EQ(spent(), 6);
  clock_.advance(absl::Seconds(1));
  EXPECT_EQ(drop(), std::vector<std::string>{"spent_202005"});
  EXPECT_EQ(spent(), 0);
  EXPECT_EQ(drop(), std::vector<std::string>{});
}

TEST_F(RetentionTest, TicksGoWithTheirMonth) {
  const auto ticks = [&] { return count("SELECT count(*) FROM coinstore.tick"); };
  RowMaker may("may", kMay2020_s, kMay2020_s + 30 * kDay_s);
  RowMaker june("june", kJune2020_s, kJune2020_s + 90 * kDay_s);
  record_all({showing(may.spend(may.coin(), 0, {}), 5, {1, 0})});
  record_all({showing(june.spend(june.coin(), 0, {}), 7, {1, 1})});
  EXPECT_EQ(ticks(), 2);
  clock_.set(absl::FromUnixSeconds(kMay2020_s + 60 * kDay_s));
  EXPECT_EQ(drop(), std::vector<std::string>{"spent_202005"});
  EXPECT_EQ(ticks(), 1);
  EXPECT_EQ(count("SELECT count(*) FROM pg_inherits WHERE inhparent = "
                  "'coinstore.tick'::regclass"),
            1);
}

TEST_F(RetentionTest, ClaimedSlotsGoWithTheirMonth) {
  ClaimStore claims(*own_role_);
  const auto claimed = [&] { return count("SELECT count(*) FROM coinstore.claimed"); };
  const auto claim = [&](uint64_t number, uint64_t deposit_until, uint64_t claim_until) {
    const ClaimedCoin coin{rows_.coin(), 0b11, deposit_until, claim_until};
    return protocol::reason_of(claims.mark(number, {&coin, 1}));
  };
  RowMaker may("may", kMay2020_s, kMay2020_s + 30 * kDay_s);
  record_all(may.spends(3, 1));
  // The claim is final later than its denomination says.
  EXPECT_EQ(claim(1, kMay2020_s, kMay2020_s + 60 * kDay_s), "");
  EXPECT_EQ(claim(2, kJune2020_s, kJune2020_s + 90 * kDay_s), "") << "of which nothing is spent";
  EXPECT_EQ(claimed(), 4);

  clock_.set(absl::FromUnixSeconds(kMay2020_s + 60 * kDay_s - 1));
  EXPECT_EQ(drop(), std::vector<std::string>{}) << "spends are kept until the claim is final";
  EXPECT_EQ(spent(), 3);
  clock_.advance(absl::Seconds(1));
  EXPECT_EQ(drop(), std::vector<std::string>{"spent_202005"});
  EXPECT_EQ(claimed(), 2);
  EXPECT_EQ(count("SELECT count(*) FROM pg_inherits WHERE inhparent = "
                  "'coinstore.claimed'::regclass"),
            1);
  // The store remembers the month as being there, and must find out; and again.
  for (uint64_t number : {3, 4}) {
    EXPECT_EQ(claim(number, kMay2020_s, kMay2020_s + 30 * kDay_s), "RETENTION_OVER");
  }
  EXPECT_EQ(claim(5, kJune2020_s, kJune2020_s + 90 * kDay_s), "");
  EXPECT_EQ(claimed(), 4);
}

TEST_F(RetentionTest, AMonthIsKeptToItsEndAtLeast) {
  RowMaker maker("short", kMay2020_s, kMay2020_s);
  record_all(maker.spends(1, 1));
  clock_.set(absl::FromCivil(absl::CivilSecond(2020, 5, 31, 23, 59, 59), absl::UTCTimeZone()));
  EXPECT_EQ(drop(), std::vector<std::string>{});
  clock_.advance(absl::Seconds(1));
  EXPECT_EQ(drop().size(), 1u);
}

TEST_F(RetentionTest, WhatWasDroppedNeverPassesForFreshAgain) {
  RowMaker maker("gone", kMay2020_s, kMay2020_s + 30 * kDay_s);
  const auto rows = maker.spends(2, 1);
  record_all(rows);
  clock_.set(absl::FromUnixSeconds(kMay2020_s + 60 * kDay_s));
  ASSERT_EQ(drop().size(), 1u);
  // The other store remembers the partition as being there, and must find out.
  for (int again = 0; again < 2; ++again) {
    const absl::Status refused = recording_.record(rows).status();
    EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(protocol::reason_of(refused), "RETENTION_OVER");
  }
  RowMaker june("june", kJune2020_s, kJune2020_s + 10 * kDay_s);
  record_all(june.spends(1, 9));
  EXPECT_EQ(spent(), 1);
}

TEST_F(RetentionTest, AnOpenCaseKeepsItsPartition) {
  RowMaker maker("case", kMay2020_s, kMay2020_s + 30 * kDay_s);
  const SpendRow first = maker.spend(maker.coin(), 0, {1, 0});
  record_all({first, maker.spend(first.key.coin_id, 0, {2, 0})});
  clock_.set(absl::FromUnixSeconds(kMay2020_s + 60 * kDay_s));
  EXPECT_EQ(drop(), std::vector<std::string>{});
  EXPECT_TRUE(CaseStore(*own_role_).raise_alarm(1, "for the test").ok());
  EXPECT_EQ(drop(), std::vector<std::string>{"spent_202005"});
  EXPECT_EQ(count("SELECT count(*) FROM coinstore.double_spend"), 0);
  EXPECT_EQ(count("SELECT count(*) FROM coinstore.cases"), 1) << "what was found out stays";
}

TEST_F(RetentionTest, AClockThatIsAheadDropsNothing) {
  RowMaker maker("clock", kMay2020_s, kMay2020_s + 30 * kDay_s);
  record_all(maker.spends(1, 1));
  clock_.set(absl::Now() + absl::Hours(1));
  EXPECT_EQ(protocol::reason_of(sweeping_.drop_expired().status()), "CLOCK_AHEAD");
  EXPECT_EQ(spent(), 1);
}

TEST_F(RetentionTest, TheServicesRoleCanOnlyAddToTheStore) {
  const auto rows = rows_.spends(1, 1);
  record_all(rows);
  const std::string partition =
      "coinstore.spent_" + absl::FormatTime("%Y%m",
                                            absl::FromUnixSeconds(rows[0].key.deposit_until),
                                            absl::UTCTimeZone());
  for (const std::string& sql : {
           std::string("UPDATE coinstore.spent SET slot = 1"),
           std::string("DELETE FROM coinstore.spent"),
           std::string("TRUNCATE coinstore.spent"),
           std::string("DROP TABLE coinstore.spent"),
           "DELETE FROM " + partition,
           "INSERT INTO " + partition + " SELECT * FROM coinstore.spent",
           std::string("UPDATE coinstore.double_spend SET slot = 1"),
           std::string("DELETE FROM coinstore.double_spend"),
           std::string("DELETE FROM coinstore.cases"),
           std::string("UPDATE coinstore.partition SET keep_until = 1"),
           std::string("INSERT INTO coinstore.partition VALUES ('spent_199901', 1, 2, 3)"),
           std::string("SELECT coinstore.lock_partitions()"),
       }) {
    const absl::Status status = own_role_->transaction(
        {}, [&](storage::Transaction& tx) { return tx.query(sql).status(); });
    EXPECT_EQ(protocol::reason_of(status), "ROLE_FORBIDDEN") << sql << ": " << status;
  }
  EXPECT_EQ(spent(), 1);
}

}  // namespace
}  // namespace cafe::doublespend::testing
