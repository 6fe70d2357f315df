// What deposit remembers of cheques, for those who claim theirs: every spend that it credited,
// once.
#include "services/deposit/cheque_spends.h"

#include <barrier>
#include <thread>

#include "services/deposit/testing/deposit_fixture.h"

namespace cafe::deposit {
namespace {

using protocol::Bytes;
using protocol::CoinId;
using protocol::reason_of;
using protocol::Receipt;
using testing::DepositTest;
using testing::TestCall;
using testing::TestCoin;
using testing::Till;

class ChequeSpendsTest : public DepositTest {
 protected:
  ChequeSpendsTest() { back_end.load(100'000); }
  v1::LocateResponse locate(const std::vector<CoinId>& cheques) {
    const auto answer = payee->locate_cheques(cheques);
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.ok() ? *answer : v1::LocateResponse();
  }
  int64_t kept() { return back_end.number("SELECT count(*) FROM deposit.cheque_spend"); }
  static std::string spend(uint32_t coin, uint64_t batch, uint32_t position, uint32_t ticks = 0,
                           uint64_t ticks_batch = 0, uint32_t ticks_position = 0) {
    v1::LocateResponse::Spend spend;
    spend.set_coin(coin);
    spend.set_batch(batch);
    spend.set_position(position);
    spend.set_ticks(ticks);
    spend.set_ticks_batch(ticks_batch);
    spend.set_ticks_position(ticks_position);
    return spend.DebugString();
  }
  static std::vector<std::string> spends(const v1::LocateResponse& answer) {
    std::vector<std::string> out;
    for (const auto& each : answer.spends()) out.push_back(each.DebugString());
    return out;
  }
};

TEST_F(ChequeSpendsTest, AChequeIsKeptAndACoinIsNot) {
  const TestCoin coin = shop.mint(shop.five), first = shop.mint(shop.cheque),
                 second = shop.mint(shop.cheque), blank = shop.mint(shop.cheque);
  const Receipt coins = deposit(till, {shop.pay(till, {{&coin, 0}})});
  EXPECT_EQ(coins.verdicts[0].credited, 500u);
  EXPECT_EQ(kept(), 0);
  const TestCoin other = shop.mint(shop.five);
  const std::vector<Bytes> payments = {shop.pay(till, {{&first, 0, 40}}),
                                       shop.pay(till, {{&other, 0}, {&second, 0, 60}})};
  const Receipt receipt = deposit(till, payments);
  EXPECT_EQ(kept(), 2);
  EXPECT_EQ(
      spends(locate({blank.coin.id(), second.coin.id(), coin.coin.id(), first.coin.id()})),
      (std::vector<std::string>{spend(1, receipt.batch, 128 + 1), spend(3, receipt.batch, 0)}));
  // Handed in again by another order: nothing is credited, nothing is kept.
  EXPECT_EQ(deposit(till, payments).verdicts[0].credited, 0u);
  EXPECT_EQ(kept(), 2);
}

TEST_F(ChequeSpendsTest, OfACallEachDepositOfMoreTicksIsKept) {
  const TestCoin cheque = shop.mint(shop.cheque);
  const TestCall call = shop.open_call(till, cheque, /*tick_value=*/3, /*count=*/100);
  const uint64_t first = deposit(till, {call.paid(10)}).batch;
  EXPECT_EQ(spends(locate({cheque.coin.id()})),
            (std::vector<std::string>{spend(0, first, 0, 10, first, 0)}));
  const TestCoin coin = shop.mint(shop.five);
  const uint64_t most = deposit(till, {shop.pay(till, {{&coin, 0}}), call.paid(25)}).batch;
  deposit(till, {call.paid(20)});
  EXPECT_EQ(spends(locate({cheque.coin.id()})),
            (std::vector<std::string>{spend(0, first, 0, 25, most, 128)}));
  EXPECT_EQ(kept(), 2);
}

// A second spend is a case's, and borne by the issuer: the loads paid the first one only.
TEST_F(ChequeSpendsTest, OfAChequeThatWasSpentTwiceTheFirstIsKept) {
  const Till other = shop.make_till();
  back_end.enrol(other, 100'000);
  const TestCoin cheque = shop.mint(shop.cheque);
  const uint64_t first = deposit(other, {shop.pay(other, {{&cheque, 0, 300}})}).batch;
  EXPECT_EQ(deposit_one(till, shop.pay(till, {{&cheque, 0, 800}})).credited, 800u);
  EXPECT_EQ(spends(locate({cheque.coin.id()})), (std::vector<std::string>{spend(0, first, 0)}));
  EXPECT_EQ(kept(), 1);
}

// What is not settled yet may pay with any cheque: better no answer than one that leaves it out.
TEST_F(ChequeSpendsTest, NothingIsSaidWhileAnOldBatchIsNotSettled) {
  const TestCoin cheque = shop.mint(shop.cheque);
  const std::vector<Bytes> payments = {shop.pay(till, {{&cheque, 0, 40}})};
  const Bytes order = shop.order(till, new_key(), payments);
  back_end.peers.coin_store.down = true;
  EXPECT_EQ(reason_of(payee->deposit(order, payments).status()), "COIN_STORE_UNAVAILABLE");
  clock.advance(absl::Milliseconds(kSettledWithin_ms));
  EXPECT_TRUE(locate({cheque.coin.id()}).spends().empty());
  clock.advance(absl::Milliseconds(1));
  const auto answer = payee->locate_cheques(std::vector{cheque.coin.id()});
  EXPECT_TRUE(absl::IsUnavailable(answer.status()));
  EXPECT_EQ(reason_of(answer.status()), "BATCHES_UNSETTLED");
  back_end.peers.coin_store.down = false;
  EXPECT_TRUE(payee->deposit(order, payments).ok());
  EXPECT_EQ(locate({cheque.coin.id()}).spends_size(), 1);
}

// One order, sent many times at once: one batch, settled by whoever is first.
TEST_F(ChequeSpendsTest, ABatchThatManySettleIsKeptOnce) {
  const TestCoin cheque = shop.mint(shop.cheque);
  const std::vector<Bytes> payments = {shop.pay(till, {{&cheque, 0, 40}})};
  const Bytes order = shop.order(till, new_key(), payments);
  constexpr int kThreads = 6;
  std::barrier together(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      together.arrive_and_wait();
      EXPECT_TRUE(payee->deposit(order, payments).ok());
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(kept(), 1);
  EXPECT_EQ(back_end.credited(till), 40);
}

TEST_F(ChequeSpendsTest, TheSameRowsAgainChangeNothing) {
  const TestCoin cheque = shop.mint(shop.cheque);
  const uint64_t batch = deposit(till, {shop.pay(till, {{&cheque, 0, 40}})}).batch;
  const std::string before = back_end.fingerprint();
  const std::vector<ChequeSpend> again = {{cheque.coin.id(), 0, 0}};
  EXPECT_TRUE(back_end.database
                  ->transaction({},
                                [&](storage::Transaction& tx) {
                                  return store::insert_cheque_spends(tx, batch, again);
                                })
                  .ok());
  EXPECT_EQ(back_end.fingerprint(), before);
}

// Rows are added, and never change or go.
TEST_F(ChequeSpendsTest, TheServiceCannotTakeARowBack) {
  const TestCoin cheque = shop.mint(shop.cheque);
  deposit(till, {shop.pay(till, {{&cheque, 0, 40}})});
  const auto service = storage::Database::open(
      {.url = testing::shared_postgres().url("cafe_deposit", back_end.database_name),
       .pool_size = 1});
  ASSERT_TRUE(service.ok()) << service.status();
  for (const char* sql :
       {"DELETE FROM deposit.cheque_spend", "UPDATE deposit.cheque_spend SET batch = 1",
        "TRUNCATE deposit.cheque_spend"}) {
    const absl::Status status = (*service)->transaction(
        {}, [&](storage::Transaction& tx) { return tx.query(sql).status(); });
    EXPECT_TRUE(absl::IsPermissionDenied(status)) << sql << ": " << status;
  }
  EXPECT_EQ(kept(), 1);
}

TEST_F(ChequeSpendsTest, AQuestionNamesOneTo4096Cheques) {
  EXPECT_EQ(reason_of(payee->locate_cheques({}).status()), "COIN_COUNT");
  std::vector<CoinId> many(kMaxLocatedCheques);
  EXPECT_TRUE(locate(many).spends().empty());
  many.emplace_back();
  EXPECT_EQ(reason_of(payee->locate_cheques(many).status()), "COIN_COUNT");
}

}  // namespace
}  // namespace cafe::deposit
