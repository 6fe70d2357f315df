// Reserve against a real PostgreSQL.
#include <algorithm>
#include <atomic>
#include <barrier>
#include <mutex>
#include <thread>

#include "libs/platform/log.h"
#include "services/doublespend/coin_store.h"
#include "services/doublespend/testing/service_fixture.h"

namespace cafe::doublespend::testing {
namespace {

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
  struct Answer {
    bool granted;
    std::vector<int> states;
    uint64_t until_ms;  // of the group's
  };
  // Of payments that ask together; `ids` are those of the calls that ask for them.
  std::vector<Answer> reserve_all(const std::vector<std::vector<SpendRow>>& payments,
                                  uint32_t hold_ms = 60'000,
                                  const std::vector<std::string>& ids = {}) {
    v1::ReserveRequest request;
    request.set_hold_ms(hold_ms);
    for (const auto& payment : payments) {
      v1::ReserveRequest::Payment& wanted = *request.add_payments();
      for (const SpendRow& row : payment) append_slot(*wanted.mutable_slots(), row);
    }
    for (size_t i = 0; i < ids.size(); ++i) {
      request.mutable_payments(static_cast<int>(i))->set_request_id(ids[i]);
    }
    v1::ReserveResponse response;
    const Called called = call(&Stub::Reserve, request, response);
    EXPECT_TRUE(called.ok()) << called.status;
    std::vector<Answer> answers;
    for (const auto& each : response.reservations()) {
      answers.push_back({.granted = each.granted(),
                         .states = {each.states().begin(), each.states().end()},
                         .until_ms = response.reserved_until_ms()});
    }
    EXPECT_EQ(answers.size(), payments.size());
    answers.resize(payments.size());
    return answers;
  }
  Answer reserve(const std::vector<SpendRow>& payment, uint32_t hold_ms = 60'000) {
    return reserve_all({payment}, hold_ms).front();
  }
  int64_t reservations() { return count("SELECT count(*) FROM coinstore.reservation"); }

  const protocol::CoinId a_ = rows_.coin(), b_ = rows_.coin(), c_ = rows_.coin();
  uint64_t next_batch_ = 1;
};

TEST_F(ReserveTest, AReservationStandsAgainstOtherPaymentsOnly) {
  const auto own = payment({a_, b_});
  const auto granted = reserve(own);
  EXPECT_TRUE(granted.granted);
  EXPECT_EQ(granted.states, (std::vector<int>{State::RESERVED, State::RESERVED}));
  EXPECT_EQ(granted.until_ms, platform::unix_ms(clock_) + 60'000);
  EXPECT_TRUE(reserve(own).granted) << "the same payment again";

  const auto held = reserve(payment({c_, a_}));
  EXPECT_FALSE(held.granted);
  EXPECT_EQ(held.states, (std::vector<int>{State::RESERVED, State::HELD}));
  EXPECT_TRUE(reserve(payment({c_})).granted) << "what was not granted holds nothing";
}

TEST_F(ReserveTest, AReservationNeverStandsBeforeAPayment) {
  EXPECT_TRUE(reserve(payment({a_})).granted);
  EXPECT_EQ(outcomes(payment({a_})), Outcomes{FRESH}) << "made off line, by whomever";
}

TEST_F(ReserveTest, ASpentSlotIsNotReserved) {
  const auto spent_payment = payment({a_});
  record(spent_payment);
  const auto by_other = reserve(payment({b_, a_}));
  EXPECT_FALSE(by_other.granted);
  EXPECT_EQ(by_other.states, (std::vector<int>{State::RESERVED, State::SPENT}));
  const auto by_same = reserve(spent_payment);
  EXPECT_FALSE(by_same.granted);
  EXPECT_EQ(by_same.states, std::vector<int>{State::SPENT_BY_SAME});
  EXPECT_EQ(reservations(), 0);
}

TEST_F(ReserveTest, AReservationEndsAtItsTime) {
  EXPECT_TRUE(reserve(payment({a_}), 1000).granted);
  const auto next = payment({a_, b_});
  clock_.advance(absl::Milliseconds(999));
  EXPECT_FALSE(reserve(next).granted);
  clock_.advance(absl::Milliseconds(1));
  EXPECT_TRUE(reserve(next).granted);
  EXPECT_FALSE(reserve(payment({a_})).granted) << "it is the next one's now";
}

TEST_F(ReserveTest, AShorterHoldDoesNotCutALongerOne) {
  const auto own = payment({a_});
  EXPECT_TRUE(reserve(own, 60'000).granted);
  EXPECT_TRUE(reserve(own, 1).granted);
  clock_.advance(absl::Seconds(30));
  EXPECT_FALSE(reserve(payment({a_})).granted);
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
        const Answer answer = reserve(payments[i]);
        if (answer.granted) ++granted;
        if (answer.states == std::vector<int>{State::HELD, State::HELD}) ++held;
      });
    }
    for (auto& client : clients) client.join();
    EXPECT_EQ(granted, 1);
    EXPECT_EQ(held, static_cast<int>(kClients) - 1);
  }
}

TEST_F(ReserveTest, PaymentsThatAskTogetherAreAnsweredEachByItself) {
  record(payment({c_}));
  const auto answers = reserve_all(
      {payment({a_, b_}), payment({c_, rows_.coin()}), payment({b_}), payment({rows_.coin()})});
  EXPECT_TRUE(answers[0].granted);
  EXPECT_FALSE(answers[1].granted);
  EXPECT_EQ(answers[1].states, (std::vector<int>{State::SPENT, State::RESERVED}));
  EXPECT_FALSE(answers[2].granted);
  EXPECT_EQ(answers[2].states, std::vector<int>{State::HELD}) << "by the first";
  EXPECT_TRUE(answers[3].granted);
  EXPECT_EQ(reservations(), 3);
}

TEST_F(ReserveTest, TheLogHasEachPaymentUnderTheIdOfTheCallThatAsked) {
  platform::init_logging("doublespend", platform::LogLevel::kDebug, platform::LogFormat::kJson);
  std::vector<std::string> lines;
  std::mutex mutex;
  {
    const platform::LogCapture capture([&](const std::string& line) {
      const std::lock_guard lock(mutex);
      lines.push_back(line);
    });
    reserve_all({payment({a_}), payment({a_}), payment({b_})}, 60'000,
                {"till-1", "till-2", "no valid id"});
  }
  platform::init_logging("doublespend", platform::LogLevel::kInfo, platform::LogFormat::kText);
  const auto of = [&](const std::string& id) {
    return std::count_if(lines.begin(), lines.end(), [&](const std::string& line) {
      return line.find('"' + id + '"') != std::string::npos;
    });
  };
  const auto says = [&](const std::string& id, const std::string& what) {
    return std::any_of(lines.begin(), lines.end(), [&](const std::string& line) {
      return line.find('"' + id + '"') != std::string::npos && line.find(what) != std::string::npos;
    });
  };
  EXPECT_TRUE(says("till-1", "\"granted\":true"));
  EXPECT_TRUE(says("till-2", "\"granted\":false"));
  EXPECT_EQ(of("no valid id"), 0);
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
