// Cheques and ticks through the running service, to the cent: what is taken from the loads of
// guardians, what the issuer bears where one is broken, and what a call earns.
#include <gmock/gmock.h>

#include <atomic>
#include <barrier>
#include <thread>

#include "libs/protocol/hash.h"
#include "services/deposit/testing/deposit_fixture.h"

namespace cafe::deposit {
namespace {

using protocol::Bytes;
using protocol::Payment;
using protocol::PaymentVerdict;
using protocol::Receipt;
using protocol::VerdictCode;
using testing::DepositTest;
using ::testing::HasSubstr;
using testing::TestCall;
using testing::TestCoin;
using testing::TestHolder;
using testing::Till;

class ChequeTest : public DepositTest {
 protected:
  // A cheque of its own for each payment.
  Bytes pay_by_cheque(const Till& to, uint64_t value) {
    cheques.push_back(std::make_unique<TestCoin>(shop.mint(shop.cheque)));
    return shop.pay(to, {{cheques.back().get(), 0, value}});
  }
  TestCall open_call(const Till& with, uint64_t tick_value, uint32_t count) {
    cheques.push_back(std::make_unique<TestCoin>(shop.mint(shop.cheque)));
    return shop.open_call(with, *cheques.back(), tick_value, count);
  }
  PaymentVerdict accepted(uint64_t amount) {
    return {VerdictCode::kAccepted, "", amount, "EUR", {{VerdictCode::kAccepted, amount, 0}}};
  }
  std::vector<std::unique_ptr<TestCoin>> cheques;
};

TEST_F(ChequeTest, IsPaidFromWhatGuardiansWereLoadedWith) {
  back_end.load(1000);
  const Bytes payment = pay_by_cheque(till, 730);
  EXPECT_EQ(deposit_one(till, payment), accepted(730));
  EXPECT_EQ(deposit_one(till, payment).code, VerdictCode::kRepeat);
  EXPECT_EQ(back_end.credited(till), 730);
  EXPECT_EQ(back_end.loaded(), 270);
  EXPECT_EQ(back_end.loss(), 0);
  EXPECT_EQ(back_end.alarmed(), 0);
}

TEST_F(ChequeTest, CoinsAndChequesOfOneBatchAreOnePosting) {
  back_end.load(1000);
  const TestCoin coin = shop.mint(shop.five);
  const TestCoin cheque = shop.mint(shop.cheque);
  const Receipt receipt =
      deposit(till, {shop.pay(till, {{&coin, 0}, {&cheque, 0, 40}}), pay_by_cheque(till, 60)});
  EXPECT_EQ(receipt.verdicts[0].credited, 540u);
  EXPECT_EQ(receipt.verdicts[1].credited, 60u);
  EXPECT_EQ(back_end.credited(till), 600);
  EXPECT_EQ(back_end.loaded(), 900);
  EXPECT_EQ(back_end.outstanding(shop.five), 1'000'000 - 500);
  EXPECT_EQ(back_end.number("SELECT count(*) FROM ledger.posting WHERE kind = 'deposit'"), 1);
}

// A broken guardian wrote out more than it was loaded with. Nobody can tell which cheques are its.
TEST_F(ChequeTest, AnOverdraftIsPaidBorneAndAlarmed) {
  back_end.load(1000);
  EXPECT_EQ(deposit_one(till, pay_by_cheque(till, 900)), accepted(900));
  const Receipt receipt = deposit(till, {pay_by_cheque(till, 400), pay_by_cheque(till, 50)});
  EXPECT_EQ(receipt.verdicts[0], accepted(400));
  EXPECT_EQ(receipt.verdicts[1], accepted(50));
  EXPECT_EQ(back_end.credited(till), 1350);
  EXPECT_EQ(back_end.loaded(), 0);
  EXPECT_EQ(back_end.loss(), 350);
  EXPECT_EQ(back_end.number("SELECT count(*) FROM deposit.cheque_alarm a WHERE a.batch = " +
                            std::to_string(receipt.batch) +
                            " AND a.currency = 'EUR' AND a.issuer_id = 'issuer-a.example'"
                            " AND a.amount = 350"),
            1);
  EXPECT_THAT(log_so_far(), HasSubstr("ALARM: more was deposited by cheques"));
  EXPECT_NE(service->metrics().find("cafe_deposit_cheques_overdrawn_total{service=\"deposit\","
                                    "currency=\"EUR\"} 350\n"),
            std::string::npos);
  // The money of others is as good as before: nothing is stopped.
  back_end.load(500);
  EXPECT_EQ(deposit_one(till, pay_by_cheque(till, 500)), accepted(500));
  EXPECT_EQ(back_end.loss(), 350);
  EXPECT_EQ(back_end.loaded(), 0);
  EXPECT_EQ(deposit_one(till, pay_by_cheque(till, 7)), accepted(7)) << "nothing at all is there";
  EXPECT_EQ(back_end.loss(), 357);
  EXPECT_EQ(back_end.alarmed(), 357);
}

TEST_F(ChequeTest, OverdraftsThatRaceAreBorneToTheCent) {
  constexpr size_t kThreads = 8, kEach = 4;
  back_end.load(1500);
  std::vector<Till> tills;
  std::vector<std::vector<std::pair<Bytes, std::vector<Bytes>>>> orders(kThreads);
  for (size_t t = 0; t < kThreads; ++t) {
    tills.push_back(shop.make_till());
    back_end.enrol(tills.back());
    for (size_t i = 0; i < kEach; ++i) {
      const std::vector<Bytes> payments = {pay_by_cheque(tills[t], 100)};
      orders[t].emplace_back(shop.order(tills[t], new_key(), payments), payments);
    }
  }
  std::atomic<int> done = 0;
  std::barrier together(kThreads + 1);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      together.arrive_and_wait();
      for (const auto& [order, payments] : orders[t]) {
        const auto answer = payee->deposit(order, payments);
        EXPECT_TRUE(answer.ok()) << answer.status();
        done += answer.ok() ? 1 : 0;
      }
    });
  }
  // Loads come in meanwhile.
  together.arrive_and_wait();
  for (int i = 0; i < 5; ++i) back_end.load(100);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(done, kThreads * kEach);
  int64_t credited = 0;
  for (const Till& each : tills) credited += back_end.credited(each);
  EXPECT_EQ(credited, 3200);
  EXPECT_EQ(back_end.loss(), back_end.alarmed());
  EXPECT_EQ(2000 - back_end.loaded() + back_end.loss(), 3200);
  EXPECT_GE(back_end.loss(), 1200) << "2000 were loaded";
}

TEST_F(ChequeTest, WrittenTwiceIsBorneWithinThePayeesCover) {
  const Till other = shop.make_till();
  back_end.enrol(other, 100'000);
  back_end.load(5000);
  const TestCoin cheque = shop.mint(shop.cheque);
  EXPECT_EQ(deposit_one(other, shop.pay(other, {{&cheque, 0, 300}})).credited, 300u);
  const PaymentVerdict verdict = deposit_one(till, shop.pay(till, {{&cheque, 0, 800}}));
  EXPECT_EQ(verdict.code, VerdictCode::kCreditedSpentBefore);
  EXPECT_EQ(verdict.credited, 800u);
  EXPECT_GT(verdict.slots[0].case_number, 0u);
  EXPECT_EQ(back_end.loss(), 800);
  EXPECT_EQ(back_end.loaded(), 4700);
  EXPECT_EQ(back_end.alarmed(), 0) << "a case has its own way";
  EXPECT_EQ(deposit_one(till, shop.pay(till, {{&cheque, 0, 100}})).code, VerdictCode::kSpentBefore);
}

TEST_F(ChequeTest, MoreTicksEarnTheDifference) {
  back_end.load(5000);
  const TestCall call = open_call(till, 3, 100);
  EXPECT_EQ(deposit_one(till, call.opening.encode()).reason, "NOTHING_OWED");
  EXPECT_EQ(deposit_one(till, call.paid(10)), accepted(30));
  EXPECT_EQ(deposit_one(till, call.paid(10)).code, VerdictCode::kRepeat);
  EXPECT_EQ(deposit_one(till, call.paid(25)), accepted(45));
  EXPECT_EQ(deposit_one(till, call.paid(20)).code, VerdictCode::kRepeat);
  EXPECT_EQ(deposit_one(till, call.paid(100)), accepted(225));
  EXPECT_EQ(back_end.credited(till), 300);
  EXPECT_EQ(back_end.loaded(), 4700);
}

TEST_F(ChequeTest, ABatchWithManyMomentsOfOneCallEarnsTheLast) {
  back_end.load(5000);
  const TestCall call = open_call(till, 3, 100);
  const Receipt receipt =
      deposit(till, {call.paid(40), call.paid(10), call.paid(41), call.paid(40)});
  EXPECT_EQ(receipt.verdicts[0], accepted(120));
  EXPECT_EQ(receipt.verdicts[1].code, VerdictCode::kRepeat);
  EXPECT_EQ(receipt.verdicts[2], accepted(3));
  EXPECT_EQ(receipt.verdicts[3].code, VerdictCode::kRepeat);
  EXPECT_EQ(back_end.credited(till), 123);
}

TEST_F(ChequeTest, DepositsOfOneCallThatRaceEarnExactlyTheHighest) {
  back_end.load(5000);
  const TestCall call = open_call(till, 3, 200);
  constexpr size_t kThreads = 8, kEach = 5;
  std::vector<std::vector<std::pair<Bytes, std::vector<Bytes>>>> orders(kThreads);
  for (uint32_t t = 0; t < kThreads; ++t) {
    for (uint32_t i = 0; i < kEach; ++i) {
      const std::vector<Bytes> payments = {call.paid(1 + i * 40 + (t * 7) % 40)};
      orders[t].emplace_back(shop.order(till, new_key(), payments), payments);
    }
  }
  std::barrier together(kThreads);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      together.arrive_and_wait();
      for (const auto& [order, payments] : orders[t]) {
        EXPECT_TRUE(payee->deposit(order, payments).ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  uint32_t highest = 0;
  for (uint32_t t = 0; t < kThreads; ++t) highest = std::max(highest, 161 + (t * 7) % 40);
  EXPECT_EQ(back_end.credited(till), 3 * highest);
  EXPECT_EQ(back_end.loaded(), 5000 - 3 * highest);
}

TEST_F(ChequeTest, ACallSpentTwiceIsADouble) {
  const Till other = shop.make_till();
  back_end.enrol(other, 0);
  back_end.load(5000);
  const TestCoin cheque = shop.mint(shop.cheque);
  const TestCall first = shop.open_call(till, cheque, 3, 100);
  const TestCall second = shop.open_call(other, cheque, 3, 100);
  EXPECT_EQ(deposit_one(till, first.paid(10)), accepted(30));
  EXPECT_EQ(deposit_one(other, second.paid(50)).code, VerdictCode::kSpentBefore);
  EXPECT_EQ(deposit_one(other, second.paid(60)).credited, 0u);
  EXPECT_EQ(deposit_one(till, first.paid(11)), accepted(3));
  EXPECT_EQ(back_end.credited(other), 0);
}

// A call above the off-line limit is authorized when it begins, and deposited with its ticks.
TEST_F(ChequeTest, ACallIsAuthorizedBeforeItsFirstTick) {
  back_end.load(5000);
  const TestCall call = open_call(till, 25, 100);  // 25.00
  EXPECT_EQ(deposit_one(till, call.paid(3)).reason, "AUTHORIZATION_NEEDED");
  const auto answer = payee->authorize(call.opening.encode());
  ASSERT_TRUE(answer.ok()) << answer.status();
  const auto authorization = protocol::Authorization::decode(
      protocol::SignedDocument::decode(protocol::view_of(answer->authorization()))->frame);
  EXPECT_TRUE(authorization->granted) << authorization->reason;
  EXPECT_EQ(authorization->payment_digest, protocol::sha256(call.opening.encode()));
  EXPECT_EQ(deposit_one(till, call.paid(3)), accepted(75));
  EXPECT_EQ(deposit_one(till, call.paid(100)), accepted(2425));
}

TEST_F(ChequeTest, WhoPaidAboveTheLimitStandsInTheArchive) {
  const TestHolder payer = shop.make_holder();
  back_end.load(50'000);
  std::vector<testing::SlotOf> slots;
  for (int i = 0; i < 5; ++i) {
    cheques.push_back(std::make_unique<TestCoin>(shop.mint(shop.cheque)));
    slots.push_back({cheques.back().get(), 0});
  }
  Payment payment = shop.make_payment(till, slots);
  const auto authorize = [&] {
    const auto answer = payee->authorize(payment.encode());
    EXPECT_TRUE(answer.ok()) << answer.status();
    return protocol::Authorization::decode(
               protocol::SignedDocument::decode(protocol::view_of(answer->authorization()))->frame)
        ->reason;
  };
  EXPECT_EQ(authorize(), "IDENTIFICATION_NEEDED");
  shop.identify(payment, payer);
  EXPECT_EQ(authorize(), "");
  const Receipt receipt = deposit(till, {payment.encode()});
  EXPECT_EQ(receipt.verdicts[0].credited, 25'000u) << receipt.verdicts[0].reason;
  const auto archived = payee->get_payment(receipt.batch, 0);
  ASSERT_TRUE(archived.ok()) << archived.status();
  EXPECT_EQ(archived->payment(), protocol::to_string(payment.encode()));
}

}  // namespace
}  // namespace cafe::deposit
