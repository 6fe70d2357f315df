// Money goes back: account holders who deposit into their own accounts.
#include <barrier>
#include <thread>

#include "services/deposit/testing/deposit_fixture.h"

namespace cafe::deposit {
namespace {

using protocol::Bytes;
using protocol::PaymentVerdict;
using protocol::reason_of;
using protocol::Receipt;
using protocol::VerdictCode;
using testing::DepositTest;
using testing::TestCoin;
using testing::TestHolder;
using testing::Till;

class HolderTest : public DepositTest {
 protected:
  std::vector<Bytes> pay_back(uint64_t coins = 1) {
    std::vector<Bytes> payments;
    for (uint64_t i = 0; i < coins; ++i) {
      const TestCoin coin = shop.mint(shop.five);
      payments.push_back(shop.pay(holder.till, {{&coin, 0}}));
    }
    return payments;
  }
  std::string refusal(const std::vector<Bytes>& payments, const Bytes& shown) {
    return reason_of(
        payee->deposit(shop.order(holder.till, new_key(), payments), payments, shown).status());
  }
  int64_t balance(const TestHolder& of) { return back_end.balance("customer", of.account); }
  int64_t holders() {
    return back_end.number("SELECT count(*) FROM deposit.payee WHERE account_id IS NOT NULL");
  }

  TestHolder holder = shop.make_holder();
  const Bytes credential = holder.credential.encode();
};

TEST_F(HolderTest, TheFirstDepositEnrolsHerAndCreditsHerAccount) {
  const std::vector<Bytes> payments = pay_back(3);
  EXPECT_EQ(refusal(payments, {}), "UNKNOWN_PAYEE");
  const Bytes order = shop.order(holder.till, new_key(), payments);
  const auto first = payee->deposit(order, payments, credential);
  ASSERT_TRUE(first.ok()) << first.status();
  const Receipt receipt = back_end.receipt(*first);
  EXPECT_EQ(receipt.payee_id, protocol::holder_payee_id(holder.account));
  for (const PaymentVerdict& verdict : receipt.verdicts) {
    EXPECT_EQ(verdict.code, VerdictCode::kAccepted) << verdict.reason;
  }
  EXPECT_EQ(balance(holder), 1500);
  EXPECT_EQ(back_end.balance("payee", holder.till.payee_id), 0);
  EXPECT_EQ(holders(), 1);
  // The same again is the same, with her credential and without.
  for (const Bytes& shown : {credential, Bytes{}}) {
    const auto again = payee->deposit(order, payments, shown);
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(again->SerializeAsString(), first->SerializeAsString());
  }
  EXPECT_EQ(balance(holder), 1500);
  // Later she is a payee like any other.
  const std::vector<Bytes> more = pay_back();
  EXPECT_EQ(refusal(more, {}), "");
  EXPECT_EQ(balance(holder), 2000);
  EXPECT_EQ(holders(), 1);
}

TEST_F(HolderTest, PaysBackChequesAboveTheOffLineLimit) {
  back_end.load(5000);
  const TestCoin cheque = shop.mint(shop.cheque);
  EXPECT_EQ(refusal({shop.pay(holder.till, {{&cheque, 0, 4500}})}, credential), "");
  EXPECT_EQ(balance(holder), 4500);
  EXPECT_EQ(back_end.loaded(), 500);
}

TEST_F(HolderTest, WhatWasSpentBeforeIsNotCredited) {
  const TestCoin coin = shop.mint(shop.five);
  ASSERT_EQ(deposit_one(till, shop.pay(till, {{&coin, 0}})).credited, 500u);
  const std::vector<Bytes> payments = {shop.pay(holder.till, {{&coin, 0}})};
  const auto answer =
      payee->deposit(shop.order(holder.till, new_key(), payments), payments, credential);
  ASSERT_TRUE(answer.ok()) << answer.status();
  const PaymentVerdict verdict = back_end.receipt(*answer).verdicts[0];
  EXPECT_EQ(verdict.code, VerdictCode::kSpentBefore) << "she has no cover";
  EXPECT_GT(verdict.slots[0].case_number, 0u);
  EXPECT_EQ(answer->evidence_size(), 1);
  EXPECT_EQ(balance(holder), 0);
  // The evidence of the case names her by her credential.
  const auto archived = payee->get_payment(back_end.receipt(*answer).batch, 0);
  ASSERT_TRUE(archived.ok()) << archived.status();
  EXPECT_EQ(archived->terminal_credential(), protocol::to_string(credential));
}

TEST_F(HolderTest, CannotTakeAnotherPayeesPayment) {
  const TestCoin coin = shop.mint(shop.five);
  const std::vector<Bytes> payments = {shop.pay(till, {{&coin, 0}})};
  const auto answer =
      payee->deposit(shop.order(holder.till, new_key(), payments), payments, credential);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(back_end.receipt(*answer).verdicts[0].reason, "WRONG_PAYEE");
  EXPECT_EQ(deposit_one(till, payments[0]).code, VerdictCode::kAccepted);
}

TEST_F(HolderTest, NobodyIsEnrolledWithoutTheHoldersSignature) {
  const std::vector<Bytes> payments = pay_back();
  const TestHolder thief = shop.make_holder();
  // Another's credential; the right one under another's ids; her ids, signed by somebody else.
  EXPECT_EQ(refusal(payments, thief.credential.encode()), "WRONG_PAYEE");
  Till wrong = holder.till;
  wrong.terminal_id = thief.till.terminal_id;
  EXPECT_EQ(
      reason_of(
          payee->deposit(shop.order(wrong, new_key(), payments), payments, credential).status()),
      "WRONG_TERMINAL");
  wrong = holder.till;
  wrong.key = thief.till.key;
  EXPECT_EQ(
      reason_of(
          payee->deposit(shop.order(wrong, new_key(), payments), payments, credential).status()),
      "BAD_SIGNATURE");
  // A shop that shows a holder's credential; an account of no issuer that is known here.
  EXPECT_EQ(
      reason_of(
          payee->deposit(shop.order(till, new_key(), payments), payments, credential).status()),
      "WRONG_PAYEE");
  testing::Shop foreign(testing::kNow_s, "foreign");
  EXPECT_EQ(refusal(payments, foreign.make_holder().credential.encode()), "BAD_SIGNATURE");
  EXPECT_EQ(refusal(payments, Bytes{1, 2, 3}), "TRUNCATED");
  EXPECT_EQ(holders(), 0);
  EXPECT_EQ(refusal(payments, credential), "");
}

TEST_F(HolderTest, WhoIsClosedOrRevokedPaysNothingBack) {
  ASSERT_EQ(refusal(pay_back(), credential), "");
  back_end.run_sql("UPDATE deposit.payee SET closed_at = now() WHERE account_id IS NOT NULL");
  EXPECT_EQ(refusal(pay_back(), credential), "PAYEE_CLOSED");
}

// The database itself binds a holder's ids to her account.
TEST_F(HolderTest, HerIdsCannotBeTaken) {
  ASSERT_EQ(refusal(pay_back(), credential), "");
  const auto fails = [&](const std::string& sql) {
    return !back_end.database
                ->transaction({}, [&](storage::Transaction& tx) { return tx.query(sql).status(); })
                .ok();
  };
  EXPECT_TRUE(
      fails("UPDATE deposit.payee SET account_id = sha256('another') "
            "WHERE account_id IS NOT NULL"));
  EXPECT_TRUE(
      fails("INSERT INTO deposit.payee (payee_id, name, cover, cover_currency, account_id) "
            "SELECT substr(account_id, 1, 16), 'twice', 0, 'EUR', account_id "
            "FROM deposit.payee WHERE account_id IS NOT NULL"));
  // Whoever was enrolled by hand under the ids of a holder to come does not get her money.
  const TestHolder next = shop.make_holder();
  back_end.enrol(next.till);
  holder = next;
  const Bytes shown = next.credential.encode();
  EXPECT_EQ(refusal(pay_back(), shown), "PAYEE_EXISTS");
}

TEST_F(HolderTest, FirstDepositsThatRaceEnrolHerOnce) {
  constexpr size_t kThreads = 8;
  std::vector<std::pair<Bytes, std::vector<Bytes>>> orders;
  for (size_t t = 0; t < kThreads; ++t) {
    const std::vector<Bytes> payments = pay_back();
    orders.emplace_back(shop.order(holder.till, new_key(), payments), payments);
  }
  std::barrier together(kThreads);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      together.arrive_and_wait();
      const auto answer = payee->deposit(orders[t].first, orders[t].second, credential);
      EXPECT_TRUE(answer.ok()) << answer.status();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(holders(), 1);
  EXPECT_EQ(balance(holder), kThreads * 500);
}

// What a crash leaves is finished without her.
TEST_F(HolderTest, TheSweeperCreditsHerAccount) {
  DepositOptions options = back_end.options();
  options.sweep_interval_ms = 20;
  options.sweep_after_ms = 1;
  start(options);
  back_end.peers.coin_store.down = true;
  EXPECT_EQ(refusal(pay_back(2), credential), "COIN_STORE_UNAVAILABLE");
  back_end.peers.coin_store.down = false;
  clock.advance(absl::Seconds(1));
  EXPECT_TRUE(
      cafe::testing::eventually(std::chrono::seconds(30), [&] { return balance(holder) == 1000; }));
}

}  // namespace
}  // namespace cafe::deposit
