// Record, Reserve and Lookup against a real PostgreSQL.
#include <algorithm>
#include <barrier>
#include <set>
#include <thread>

#include "libs/protocol/lookup.h"
#include "libs/protocol/status.h"
#include "services/doublespend/case_store.h"
#include "services/doublespend/coin_store.h"
#include "services/doublespend/requests.h"
#include "services/doublespend/testing/service_fixture.h"
#include "tests/support/private_redis.h"

namespace cafe::doublespend::testing {
namespace {

using protocol::to_string;
using Stub = v1::DoubleSpend::Stub;
constexpr auto FRESH = v1::RecordVerdict::FRESH;
constexpr auto REPEAT = v1::RecordVerdict::REPEAT;
constexpr auto DOUBLE = v1::RecordVerdict::DOUBLE;
using Outcomes = std::vector<v1::RecordVerdict::Outcome>;

class RecordTest : public ServiceFixture {
 protected:
  RecordTest() { start(); }

  void expect_double_of(const v1::RecordVerdict& verdict, const SpendRow& first) {
    EXPECT_EQ(verdict.outcome(), DOUBLE);
    EXPECT_GT(verdict.case_number(), 0u);
    EXPECT_EQ(verdict.other_batch(), first.place.batch);
    EXPECT_EQ(verdict.other_position(), first.place.position);
    EXPECT_EQ(verdict.other_d(), to_string(first.trace.d));
    EXPECT_EQ(verdict.other_r1(), to_string(first.trace.r1));
    EXPECT_EQ(verdict.other_r2(), to_string(first.trace.r2));
  }
  int64_t spent() { return count("SELECT count(*) FROM coinstore.spent"); }
  int64_t doubles() { return count("SELECT count(*) FROM coinstore.double_spend"); }
  int64_t cases() { return count("SELECT count(*) FROM coinstore.cases"); }

  // The same slot spent with another challenge, elsewhere.
  SpendRow respent(const SpendRow& row, Place place) {
    return rows_.spend(row.key.coin_id, row.key.slot, place);
  }
};

TEST_F(RecordTest, KeepsEveryFieldAndTellsFreshRepeatAndDouble) {
  const SpendRow first = rows_.spend(rows_.coin(), 63, {7, 128});
  EXPECT_EQ(outcomes({first}), Outcomes{FRESH});

  const auto repeat = record({moved(first, {8, 0})});
  EXPECT_EQ(repeat[0].outcome(), REPEAT);
  EXPECT_EQ(repeat[0].other_batch(), 7u);
  EXPECT_EQ(repeat[0].other_position(), 128u);
  EXPECT_EQ(repeat[0].case_number(), 0u);

  const SpendRow second = respent(first, {9, 5});
  const auto twice = record({second});
  expect_double_of(twice[0], first);

  const auto twice_elsewhere = record({moved(second, {10, 6})});
  EXPECT_EQ(twice_elsewhere[0].outcome(), REPEAT);
  EXPECT_EQ(twice_elsewhere[0].case_number(), twice[0].case_number());
  EXPECT_EQ(twice_elsewhere[0].other_batch(), 9u);
  EXPECT_EQ(twice_elsewhere[0].other_position(), 5u);

  const auto third = record({respent(first, {11, 0})});
  expect_double_of(third[0], first);
  EXPECT_NE(third[0].case_number(), twice[0].case_number());

  EXPECT_EQ(spent(), 1);
  EXPECT_EQ(doubles(), 2);
  EXPECT_EQ(cases(), 2);
  EXPECT_EQ(count("SELECT count(*) FROM coinstore.cases c JOIN coinstore.double_spend s ON "
                  "s.case_number = c.number WHERE c.first_batch = 7 AND c.first_position = 128 AND "
                  "c.second_batch = s.batch AND c.second_position = s.position"),
            2);
}

TEST_F(RecordTest, OtherSlotsOfTheCoinAreIndependent) {
  const protocol::CoinId coin = rows_.coin();
  std::vector<SpendRow> all;
  for (uint32_t slot = 0; slot < 64; ++slot) all.push_back(rows_.spend(coin, slot, {1, slot}));
  EXPECT_EQ(outcomes(all), Outcomes(64, FRESH));
}

TEST_F(RecordTest, TheSameRequestGetsTheSameAnswerHoweverOften) {
  std::vector<SpendRow> rows = rows_.spends(50, 1);
  ASSERT_EQ(outcomes(rows), Outcomes(50, FRESH));
  std::vector<SpendRow> mixed = rows_.spends(30, 2);
  for (uint32_t i = 0; i < 10; ++i) mixed.push_back(respent(rows[i], {2, 100 + i}));
  for (uint32_t i = 10; i < 20; ++i) mixed.push_back(moved(rows[i], {2, 100 + i}));
  const auto once = record(mixed);
  for (int again = 0; again < 3; ++again) {
    const auto answer = record(mixed);
    for (size_t i = 0; i < mixed.size(); ++i) {
      EXPECT_EQ(answer[i].SerializeAsString(), once[i].SerializeAsString()) << i;
    }
  }
  EXPECT_EQ(spent(), 80);
  EXPECT_EQ(cases(), 10);
}

TEST_F(RecordTest, OfEqualSlotsInARequestTheLowestPlaceIsFirst) {
  const SpendRow first = rows_.spend(rows_.coin(), 0, {5, 10});
  const SpendRow second = respent(first, {5, 20});
  // Out of order, with a repeat of each, a row that is there twice, and a double's own repeat.
  const auto verdicts = record({moved(second, {5, 40}), moved(first, {5, 30}), second, first, first,
                                rows_.spend(rows_.coin(), 0, {5, 50})});
  EXPECT_EQ(verdicts[0].outcome(), REPEAT);
  EXPECT_EQ(verdicts[0].case_number(), verdicts[2].case_number());
  EXPECT_EQ(verdicts[0].other_position(), 20u);
  EXPECT_EQ(verdicts[1].outcome(), REPEAT);
  EXPECT_EQ(verdicts[1].case_number(), 0u);
  EXPECT_EQ(verdicts[1].other_position(), 10u);
  expect_double_of(verdicts[2], first);
  EXPECT_EQ(verdicts[3].outcome(), FRESH);
  EXPECT_EQ(verdicts[4].outcome(), FRESH);
  EXPECT_EQ(verdicts[5].outcome(), FRESH);
  EXPECT_EQ(spent(), 2);
  EXPECT_EQ(cases(), 1);
}

TEST_F(RecordTest, SixteenClientsWithTheSameSlotsGetOneFreshEach) {
  constexpr size_t kClients = 16, kSlots = 40;
  const std::vector<SpendRow> base = rows_.spends(kSlots, 0);
  // The first half of the slots is the same spend from everybody, the second half is spent anew by
  // each.
  std::vector<std::vector<SpendRow>> requests(kClients);
  for (size_t client = 0; client < kClients; ++client) {
    for (uint32_t i = 0; i < kSlots; ++i) {
      const Place place{client + 1, i};
      requests[client].push_back(i < kSlots / 2 ? moved(base[i], place) : respent(base[i], place));
    }
    std::rotate(requests[client].begin(), requests[client].begin() + client,
                requests[client].end());
  }
  std::vector<std::vector<v1::RecordVerdict>> answers(kClients);
  std::barrier together(kClients);
  std::vector<std::thread> clients;
  for (size_t client = 0; client < kClients; ++client) {
    clients.emplace_back([&, client] {
      together.arrive_and_wait();
      answers[client] = record(requests[client]);
    });
  }
  for (auto& client : clients) client.join();

  std::map<protocol::CoinId, std::multiset<v1::RecordVerdict::Outcome>> by_coin;
  std::map<protocol::CoinId, std::set<uint64_t>> firsts;
  for (size_t client = 0; client < kClients; ++client) {
    for (size_t i = 0; i < kSlots; ++i) {
      const auto& verdict = answers[client][i];
      const protocol::CoinId& coin = requests[client][i].key.coin_id;
      by_coin[coin].insert(verdict.outcome());
      firsts[coin].insert(verdict.outcome() == FRESH ? requests[client][i].place.batch
                                                     : verdict.other_batch());
    }
  }
  for (size_t i = 0; i < kSlots; ++i) {
    const auto& seen = by_coin[base[i].key.coin_id];
    EXPECT_EQ(seen.count(FRESH), 1u) << i;
    EXPECT_EQ(seen.count(i < kSlots / 2 ? REPEAT : DOUBLE), kClients - 1) << i;
    EXPECT_EQ(firsts[base[i].key.coin_id].size(), 1u) << "all name the same first spend";
  }
  EXPECT_EQ(spent(), static_cast<int64_t>(kSlots));
  EXPECT_EQ(doubles(), static_cast<int64_t>(kSlots / 2 * (kClients - 1)));
  EXPECT_EQ(cases(), doubles());
}

TEST_F(RecordTest, ManyClientsAtOnceShareCommits) {
  constexpr size_t kClients = 24;
  std::vector<std::vector<SpendRow>> requests;
  for (size_t i = 0; i < kClients; ++i) requests.push_back(rows_.spends(3, i + 1));
  record(rows_.spends(1, 99));  // the partition is there, the plans are cached
  std::vector<std::thread> clients;
  for (size_t i = 0; i < kClients; ++i) {
    clients.emplace_back([&, i] {
      for (int again = 0; again < 10; ++again) {
        EXPECT_EQ(outcomes(requests[i]), Outcomes(3, FRESH));
      }
    });
  }
  for (auto& client : clients) client.join();
  EXPECT_EQ(spent(), static_cast<int64_t>(3 * kClients + 1));
}

TEST_F(RecordTest, ALargeRequestIsRecordedWhole) {
  const std::vector<SpendRow> rows = rows_.spends(20'000, 1);
  EXPECT_EQ(outcomes(rows), Outcomes(rows.size(), FRESH));
  EXPECT_EQ(outcomes(rows), Outcomes(rows.size(), FRESH));
  EXPECT_EQ(spent(), 20'000);
}

TEST_F(RecordTest, AMalformedRowIsRefusedAndNothingOfItsRequestIsKept) {
  const struct {
    const char* reason;
    std::function<void(v1::RecordRequest&)> spoil;
  } cases[] = {
      {"BAD_LENGTH", [](auto& r) { r.mutable_rows(2)->set_coin_id("short"); }},
      {"BAD_LENGTH", [](auto& r) { r.mutable_rows(2)->clear_r2(); }},
      {"SCALAR_TOO_LARGE", [](auto& r) { r.mutable_rows(2)->set_d(std::string(32, '\xff')); }},
      {"SLOT_OUTSIDE_COIN", [](auto& r) { r.mutable_rows(2)->set_slot(64); }},
      {"BAD_DATES", [](auto& r) { r.mutable_rows(2)->set_deposit_until(1); }},
      {"BAD_PLACE", [](auto& r) { r.mutable_rows(2)->set_position(128'000); }},
      {"ROW_COUNT", [](auto& r) { r.clear_rows(); }},
      {"ROW_COUNT",
       [](auto& r) {
         while (r.rows_size() <= kMaxRows) r.add_rows();
       }},
  };
  for (const auto& c : cases) {
    v1::RecordRequest request = to_request(rows_.spends(3, 1));
    c.spoil(request);
    v1::RecordResponse response;
    const Called called = call(&Stub::Record, request, response);
    EXPECT_EQ(called.status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(called.reason(), c.reason);
    EXPECT_FALSE(called.status.message().empty());
  }
  EXPECT_EQ(spent(), 0);
  EXPECT_EQ(count("SELECT count(*) FROM coinstore.partition"), 0);
}

// Retention -------------------------------------------------------------------------------------

TEST_F(RecordTest, PartitionsAreMadeOnceHoweverManyAskForThem) {
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

// Reserve ---------------------------------------------------------------------------------------

using State = v1::ReserveResponse;

class ReserveTest : public RecordTest {
 protected:
  // A payment that spends these slots: each with its own challenge.
  std::vector<SpendRow> payment(const std::vector<protocol::CoinId>& coins) {
    std::vector<SpendRow> rows;
    for (const auto& coin : coins) rows.push_back(rows_.spend(coin, 0, {next_batch_++, 0}));
    return rows;
  }
  v1::ReserveResponse reserve(const std::vector<SpendRow>& payment, uint32_t hold_ms = 60'000) {
    v1::ReserveRequest request;
    request.set_hold_ms(hold_ms);
    for (const SpendRow& row : payment) {
      auto& slot = *request.add_slots();
      slot.set_coin_id(to_string(row.key.coin_id));
      slot.set_slot(row.key.slot);
      slot.set_d(to_string(row.trace.d));
      slot.set_deposit_until(row.key.deposit_until);
    }
    v1::ReserveResponse response;
    const Called called = call(&Stub::Reserve, request, response);
    EXPECT_TRUE(called.ok()) << called.status;
    return response;
  }
  static std::vector<int> states(const v1::ReserveResponse& response) {
    return {response.states().begin(), response.states().end()};
  }
  int64_t reservations() { return count("SELECT count(*) FROM coinstore.reservation"); }

  const protocol::CoinId a_ = rows_.coin(), b_ = rows_.coin(), c_ = rows_.coin();
  uint64_t next_batch_ = 1;
};

TEST_F(ReserveTest, AReservationStandsAgainstOtherPaymentsOnly) {
  const auto own = payment({a_, b_});
  const auto granted = reserve(own);
  EXPECT_TRUE(granted.granted());
  EXPECT_EQ(states(granted), (std::vector<int>{State::RESERVED, State::RESERVED}));
  EXPECT_EQ(granted.reserved_until_ms(), platform::unix_ms(clock_) + 60'000);
  EXPECT_TRUE(reserve(own).granted()) << "the same payment again";

  const auto held = reserve(payment({c_, a_}));
  EXPECT_FALSE(held.granted());
  EXPECT_EQ(states(held), (std::vector<int>{State::RESERVED, State::HELD}));
  EXPECT_EQ(held.reserved_until_ms(), 0u);
  EXPECT_TRUE(reserve(payment({c_})).granted()) << "what was not granted holds nothing";
}

TEST_F(ReserveTest, AReservationNeverStandsBeforeAPayment) {
  EXPECT_TRUE(reserve(payment({a_})).granted());
  EXPECT_EQ(outcomes(payment({a_})), Outcomes{FRESH}) << "made off line, by whomever";
}

TEST_F(ReserveTest, ASpentSlotIsNotReserved) {
  const auto spent_payment = payment({a_});
  record(spent_payment);
  const auto by_other = reserve(payment({b_, a_}));
  EXPECT_FALSE(by_other.granted());
  EXPECT_EQ(states(by_other), (std::vector<int>{State::RESERVED, State::SPENT}));
  const auto by_same = reserve(spent_payment);
  EXPECT_FALSE(by_same.granted());
  EXPECT_EQ(states(by_same), std::vector<int>{State::SPENT_BY_SAME});
  EXPECT_EQ(reservations(), 0);
}

TEST_F(ReserveTest, AReservationEndsAtItsTime) {
  EXPECT_TRUE(reserve(payment({a_}), 1000).granted());
  const auto next = payment({a_, b_});
  clock_.advance(absl::Milliseconds(999));
  EXPECT_FALSE(reserve(next).granted());
  clock_.advance(absl::Milliseconds(1));
  EXPECT_TRUE(reserve(next).granted());
  EXPECT_FALSE(reserve(payment({a_})).granted()) << "it is the next one's now";
}

TEST_F(ReserveTest, AShorterHoldDoesNotCutALongerOne) {
  const auto own = payment({a_});
  EXPECT_TRUE(reserve(own, 60'000).granted());
  EXPECT_TRUE(reserve(own, 1).granted());
  clock_.advance(absl::Seconds(30));
  EXPECT_FALSE(reserve(payment({a_})).granted());
}

TEST_F(ReserveTest, OfManyThatAskAtOnceOneIsGranted) {
  constexpr size_t kClients = 16;
  for (int round = 0; round < 5; ++round) {
    const protocol::CoinId coin = rows_.coin(), other = rows_.coin();
    std::vector<std::vector<SpendRow>> payments;
    for (size_t i = 0; i < kClients; ++i) {
      payments.push_back(i % 2 == 0 ? payment({coin, other}) : payment({other, coin}));
    }
    std::atomic<int> granted = 0, held = 0;
    std::barrier together(kClients);
    std::vector<std::thread> clients;
    for (size_t i = 0; i < kClients; ++i) {
      clients.emplace_back([&, i] {
        together.arrive_and_wait();
        const auto response = reserve(payments[i]);
        if (response.granted()) ++granted;
        if (states(response) == std::vector<int>{State::HELD, State::HELD}) ++held;
      });
    }
    for (auto& client : clients) client.join();
    EXPECT_EQ(granted, 1);
    EXPECT_EQ(held, static_cast<int>(kClients) - 1);
  }
}

TEST_F(ReserveTest, SweepingRemovesWhatIsOver) {
  reserve(payment({a_}), 1000);
  reserve(payment({b_}), 2000);
  clock_.advance(absl::Milliseconds(1000));
  auto database = *storage::Database::open({.url = options_.database_url});
  CoinStore store(*database, clock_);
  EXPECT_EQ(store.sweep_reservations().value_or(-1), 1);
  EXPECT_EQ(reservations(), 1);
}

// Lookup ----------------------------------------------------------------------------------------

class LookupTest : public ServiceFixture {
 protected:
  LookupTest() {
    redis_ = *cafe::testing::PrivateRedis::start();
    options_.redis_url = redis_->address();
    own_.lookups_per_minute = 10;
    start();
  }
  Called look_up(const std::vector<protocol::CoinId>& coins, v1::LookupResponse& response) {
    v1::LookupRequest request;
    for (const auto& coin : coins) request.add_coin_ids(to_string(coin));
    return call(&Stub::Lookup, request, response);
  }
  protocol::SpentSlotsAnswer answer(const std::vector<protocol::CoinId>& coins) {
    v1::LookupResponse response;
    const Called called = look_up(coins, response);
    EXPECT_TRUE(called.ok()) << called.status;
    const auto certificate =
        protocol::SignedDocument::decode(protocol::view_of(response.key_certificate()));
    EXPECT_TRUE(certificate.ok());
    const auto key = protocol::open_key_certificate(*certificate, market_.anchors,
                                                    protocol::kPurposeCoinstore, std::nullopt);
    EXPECT_TRUE(key.ok()) << key.status();
    const auto document = protocol::SignedDocument::decode(protocol::view_of(response.answer()));
    EXPECT_TRUE(document.ok() && document->check(key->key).ok());
    return protocol::SpentSlotsAnswer::decode(document->frame).value();
  }
  std::unique_ptr<cafe::testing::PrivateRedis> redis_;
};

TEST_F(LookupTest, TellsEverySpentSlotSigned) {
  const protocol::CoinId a = rows_.coin(), whole = rows_.coin(), c = rows_.coin();
  // One coin's month is another than the other's.
  RowMaker other_month("month", rows_.spends(1, 1)[0].key.deposit_until + 62 * kDay_s,
                       rows_.spends(1, 1)[0].claim_until);
  record({rows_.spend(a, 0, {1, 0}), rows_.spend(a, 63, {1, 1}), other_month.spend(c, 5, {1, 2})});
  for (int again = 0; again < 2; ++again) {  // from the database, then from the cache
    const auto got = answer({a, whole, c});
    EXPECT_EQ(got.issuer_id, options_.issuer_id);
    EXPECT_EQ(got.time_ms, platform::unix_ms(clock_));
    EXPECT_EQ(got.coin_ids, (std::vector{a, whole, c}));
    EXPECT_EQ(got.spent, (std::vector<protocol::SpentSlotsAnswer::Spent>{{0, 0}, {0, 63}, {2, 5}}));
  }
}

TEST_F(LookupTest, WithRedisDownEverythingWorks) {
  const auto rows = rows_.spends(2, 1);
  redis_->kill();
  EXPECT_EQ(outcomes(rows), Outcomes(2, FRESH));
  EXPECT_EQ(answer({rows[0].key.coin_id}).spent.size(), 1u);
}

TEST_F(LookupTest, OneAddressIsLimitedOthersAreNot) {
  const protocol::CoinId coin = rows_.coin();
  v1::LookupResponse response;
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(look_up({coin}, response).ok());
  const Called limited = look_up({coin}, response);
  EXPECT_EQ(limited.status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(limited.reason(), "RATE_LIMITED");
  EXPECT_EQ(outcomes(rows_.spends(1, 1)), Outcomes{FRESH}) << "services are not";
  clock_.advance(absl::Minutes(1));
  EXPECT_TRUE(look_up({coin}, response).ok());
}

TEST_F(LookupTest, RefusesWhatIsNoCoinId) {
  v1::LookupRequest request;
  v1::LookupResponse response;
  EXPECT_EQ(call(&Stub::Lookup, request, response).reason(), "COIN_COUNT");
  request.add_coin_ids("short");
  EXPECT_EQ(call(&Stub::Lookup, request, response).reason(), "BAD_LENGTH");
}

}  // namespace
}  // namespace cafe::doublespend::testing
