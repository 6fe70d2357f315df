// Record against a real PostgreSQL.
#include <algorithm>
#include <barrier>
#include <set>
#include <thread>

#include "services/doublespend/requests.h"
#include "services/doublespend/testing/service_fixture.h"

namespace cafe::doublespend::testing {
namespace {

using protocol::to_string;
using Stub = v1::DoubleSpend::Stub;
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
    EXPECT_EQ(verdict.other_trace(),
              to_string(first.trace.d) + to_string(first.trace.r1) + to_string(first.trace.r2));
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
  const std::vector<SpendRow> rows = rows_.spends(kMaxRows, 1);
  EXPECT_EQ(outcomes(rows), Outcomes(rows.size(), FRESH));
  EXPECT_EQ(outcomes(rows), Outcomes(rows.size(), FRESH));
  EXPECT_EQ(spent(), static_cast<int64_t>(kMaxRows));
}

TEST_F(RecordTest, AMalformedRowIsRefusedAndNothingOfItsRequestIsKept) {
  const auto good = rows_.spends(3, 1);
  const auto request_with = [&](auto spoil) {
    std::vector<SpendRow> rows = good;
    spoil(rows[2]);
    return to_request(rows);
  };
  v1::RecordRequest cut = to_request(good);
  cut.mutable_rows()->pop_back();
  v1::RecordRequest too_many;
  too_many.set_rows(std::string((kMaxRows + 1) * protocol::kSpendRowSize, 'x'));
  const std::pair<const char*, v1::RecordRequest> cases[] = {
      {"BAD_LENGTH", cut},
      {"SCALAR_TOO_LARGE", request_with([](SpendRow& row) { row.trace.d.fill(0xff); })},
      {"SLOT_OUTSIDE_COIN", request_with([](SpendRow& row) { row.key.slot = 64; })},
      {"BAD_DATES", request_with([](SpendRow& row) { row.key.deposit_until = 1; })},
      {"BAD_PLACE", request_with([](SpendRow& row) { row.place.position = 128'000; })},
      {"ROW_COUNT", v1::RecordRequest()},
      {"ROW_COUNT", too_many},
  };
  for (const auto& [reason, request] : cases) {
    v1::RecordResponse response;
    const Called called = call(&Stub::Record, request, response);
    EXPECT_EQ(called.status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(called.reason(), reason);
    EXPECT_FALSE(called.status.message().empty());
  }
  EXPECT_EQ(spent(), 0);
  EXPECT_EQ(count("SELECT count(*) FROM coinstore.partition"), 0);
}

}  // namespace
}  // namespace cafe::doublespend::testing
