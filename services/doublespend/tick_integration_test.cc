// Spends that pay ticks, against a real PostgreSQL: whoever deposits how often and at once, what is
// earned is the highest tick.
#include <algorithm>
#include <barrier>
#include <csignal>
#include <thread>

#include "services/doublespend/testing/service_fixture.h"

namespace cafe::doublespend::testing {
namespace {

constexpr auto REPEAT = v1::RecordVerdict::REPEAT;
constexpr auto DOUBLE = v1::RecordVerdict::DOUBLE;

class TickTest : public ServiceFixture {
 protected:
  // What the deposits of these rows earn, in ticks.
  static uint64_t earned(const std::vector<SpendRow>& rows,
                         const std::vector<v1::RecordVerdict>& verdicts) {
    uint64_t sum = 0;
    for (size_t i = 0; i < rows.size(); ++i) {
      EXPECT_LE(verdicts[i].ticks_before(), rows[i].ticks);
      sum += rows[i].ticks - verdicts[i].ticks_before();
    }
    return sum;
  }
  uint64_t earned(const std::vector<SpendRow>& rows) { return earned(rows, record(rows)); }
  // Each slot's rows join from 0 on.
  void expect_chains() {
    EXPECT_EQ(count("SELECT count(*) FROM coinstore.tick t WHERE ticks_before > 0 AND NOT EXISTS "
                    "(SELECT FROM coinstore.tick o WHERE o.coin_id = t.coin_id AND o.slot = t.slot"
                    " AND o.ticks = t.ticks_before)"),
              0);
  }
  const SpendRow call_ = rows_.spend(rows_.coin(), 0, {1, 0});
};

TEST_F(TickTest, MoreTicksEarnTheDifferenceAndFewerNothing) {
  start();
  const auto at = [&](uint32_t ticks, uint64_t batch) {
    return record({showing(call_, ticks, {batch, 0})})[0];
  };
  EXPECT_EQ(at(10, 1).outcome(), FRESH);
  const auto more = at(25, 2);
  EXPECT_EQ(more.outcome(), REPEAT);
  EXPECT_EQ(more.case_number(), 0u);
  EXPECT_EQ(more.other_batch(), 1u);
  EXPECT_EQ(more.ticks_before(), 10u);
  EXPECT_EQ(at(25, 3).ticks_before(), 25u);
  EXPECT_EQ(at(12, 4).ticks_before(), 12u);
  EXPECT_EQ(at(26, 5).ticks_before(), 25u);
  // Asked again, each is told what it was told.
  EXPECT_EQ(at(10, 1).outcome(), FRESH);
  EXPECT_EQ(at(25, 2).SerializeAsString(), more.SerializeAsString());
  EXPECT_EQ(at(25, 3).ticks_before(), 25u);
  EXPECT_EQ(at(12, 4).ticks_before(), 12u);
  EXPECT_EQ(at(26, 5).ticks_before(), 25u);
  EXPECT_EQ(count("SELECT max(ticks) FROM coinstore.tick"), 26);
  EXPECT_EQ(count("SELECT count(*) FROM coinstore.tick"), 3);
  expect_chains();
}

TEST_F(TickTest, RowsWithoutTicksLeaveNoTrace) {
  start();
  const std::vector<SpendRow> rows = rows_.spends(20, 3);
  EXPECT_EQ(outcomes(rows), std::vector<v1::RecordVerdict::Outcome>(20, FRESH));
  const auto again = record({moved(rows[0], {4, 0})});
  EXPECT_EQ(again[0].outcome(), REPEAT);
  EXPECT_EQ(again[0].ticks_before(), 0u);
  EXPECT_EQ(count("SELECT count(*) FROM coinstore.tick"), 0);
}

TEST_F(TickTest, ManyRowsOfOneCallInOneRequest) {
  start();
  std::vector<SpendRow> rows;
  for (uint32_t i = 0; i < 200; ++i)
    rows.push_back(showing(call_, i % 2 ? 1 + i : 200 - i, {1, i}));
  std::rotate(rows.begin(), rows.begin() + 70, rows.end());
  const auto first = record(rows);
  EXPECT_EQ(earned(rows, first), 200u);
  const auto second = record(rows);
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(first[i].SerializeAsString(), second[i].SerializeAsString()) << i;
  }
  expect_chains();
}

TEST_F(TickTest, ADoubleShowsNoTicksAndOpensACase) {
  start();
  ASSERT_EQ(earned({showing(call_, 10, {1, 0})}), 10u);
  SpendRow other = rows_.spend(call_.key.coin_id, 0, {2, 0});
  other.ticks = 30;
  const auto twice = record({other});
  EXPECT_EQ(twice[0].outcome(), DOUBLE);
  EXPECT_GT(twice[0].case_number(), 0u);
  const auto longer = record({showing(other, 60, {3, 0})});
  EXPECT_EQ(longer[0].outcome(), REPEAT);
  EXPECT_EQ(longer[0].case_number(), twice[0].case_number());
  EXPECT_EQ(longer[0].ticks_before(), 0u);
  EXPECT_EQ(count("SELECT max(ticks) FROM coinstore.tick"), 10);
  EXPECT_EQ(earned({showing(call_, 11, {4, 0})}), 1u);
}

TEST_F(TickTest, DepositsThatRaceEarnExactlyTheHighest) {
  own_.writers = 8;
  start();
  constexpr size_t kClients = 12, kCalls = 10, kRounds = 6;
  std::vector<SpendRow> calls;
  for (size_t i = 0; i < kCalls; ++i) calls.push_back(rows_.spend(rows_.coin(), 0, {0, 0}));
  std::vector<std::vector<SpendRow>> sent(kClients);
  std::atomic<uint64_t> total = 0;
  uint64_t highest = 0;
  protocol::SeededRng rng("race");
  for (size_t client = 0; client < kClients; ++client) {
    for (uint32_t i = 0; i < kRounds * kCalls; ++i) {
      const auto ticks = static_cast<uint32_t>(1 + rng.array<4>()[0] + 256 * (i / kCalls));
      sent[client].push_back(showing(calls[(i + client) % kCalls], ticks, {client + 1, i}));
    }
  }
  for (const SpendRow& call : calls) {
    uint32_t most = 0;
    for (const auto& rows : sent) {
      for (const SpendRow& row : rows) {
        if (row.key == call.key) most = std::max(most, row.ticks);
      }
    }
    highest += most;
  }
  std::barrier together(kClients);
  std::vector<std::thread> clients;
  for (size_t client = 0; client < kClients; ++client) {
    clients.emplace_back([&, client] {
      together.arrive_and_wait();
      for (size_t round = 0; round < kRounds; ++round) {
        const auto from = sent[client].begin() + static_cast<std::ptrdiff_t>(round * kCalls);
        total += earned({from, from + kCalls});
      }
    });
  }
  for (auto& client : clients) client.join();
  EXPECT_EQ(total, highest);
  // And asked again, all of them together.
  uint64_t again = 0;
  for (const auto& rows : sent) again += earned(rows);
  EXPECT_EQ(again, highest);
  expect_chains();
}

TEST_F(TickTest, AKilledServiceTellsTheSameAfterwards) {
  peers_.set_down(true);
  for (const std::string where :
       {"doublespend/after-insert-before-commit", "doublespend/after-commit"}) {
    const SpendRow call = rows_.spend(rows_.coin(), 0, {1, 0});
    const std::vector<SpendRow> rows = {showing(call, 4, {1, 0}), showing(call, 9, {2, 0})};
    start_program(where + "=crash");
    v1::RecordResponse response;
    EXPECT_FALSE(try_record(rows, response).ok());
    EXPECT_EQ(wait_for_end(), 128 + SIGKILL);
    start_program();
    for (int again = 0; again < 2; ++again) {
      const auto verdicts = record(rows);
      EXPECT_EQ(verdicts[0].outcome(), FRESH) << where;
      EXPECT_EQ(verdicts[1].ticks_before(), 4u) << where;
    }
    EXPECT_EQ(program_->terminate().value_or(-1), 0);
  }
}

}  // namespace
}  // namespace cafe::doublespend::testing
