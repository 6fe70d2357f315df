// Reserve against a real PostgreSQL.
#include <atomic>
#include <barrier>
#include <thread>

#include "services/doublespend/coin_store.h"
#include "services/doublespend/testing/service_fixture.h"

namespace cafe::doublespend::testing {
namespace {

using protocol::to_string;
using Stub = v1::DoubleSpend::Stub;
using Outcomes = std::vector<v1::RecordVerdict::Outcome>;
using State = v1::ReserveResponse;

class ReserveTest : public ServiceFixture {
 protected:
  ReserveTest() { start(); }

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

}  // namespace
}  // namespace cafe::doublespend::testing
