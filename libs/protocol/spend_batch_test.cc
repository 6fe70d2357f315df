// Many spends in one check: the same verdicts as one by one, whatever is wrong and wherever it
// stands, and attacks on sums whose errors would cancel.
#include "libs/protocol/spend_batch.h"

#include <gtest/gtest.h>

#include <functional>

#include "libs/protocol/testing/market.h"

namespace cafe::protocol {
namespace {

using testing::Guardian;
using testing::Market;
using testing::WithdrawnCoin;
using testing::WorldWallet;

class SpendBatchTest : public ::testing::Test {
 protected:
  // Payments of one slot, by turns of a plain coin, of a slot of a coin of four, of a cheque.
  std::vector<Payment> pay(size_t count) {
    std::vector<Payment> payments;
    WithdrawnCoin split = market_.take(wallet_, market_.split_coin);
    uint32_t slot = 0;
    while (payments.size() < count) {
      switch (payments.size() % 3) {
        case 0: {
          WithdrawnCoin coin = market_.take(wallet_, market_.coin);
          payments.push_back(market_.pay(wallet_, {{&coin, 0, 500}}));
          break;
        }
        case 1:
          if (slot == 4) {
            split = market_.take(wallet_, market_.split_coin);
            slot = 0;
          }
          payments.push_back(
              market_.pay(wallet_, {{&split, slot, split.denomination.slot_values[slot]}}));
          ++slot;
          break;
        default: {
          WithdrawnCoin cheque = market_.take(wallet_, market_.cheque);
          payments.push_back(market_.pay(wallet_, {{&cheque, 0, 1234}}));
        }
      }
    }
    return payments;
  }

  std::vector<SpendCheck> checks_of(std::span<const Payment> payments) const {
    std::vector<SpendCheck> checks;
    for (const Payment& payment : payments) checks.push_back(market_.check(payment));
    return checks;
  }

  static std::vector<std::string> reasons(std::span<const SpendCheck> checks) {
    std::vector<std::string> out;
    for (const absl::Status& status : check_spends(checks)) out.push_back(reason_of(status));
    return out;
  }

  // The verdict of each spend that is checked alone, where the batch is not used.
  static std::vector<std::string> reasons_one_by_one(std::span<const SpendCheck> checks) {
    std::vector<std::string> out;
    for (const SpendCheck& check : checks) out.push_back(reason_of(check_spends({&check, 1})[0]));
    return out;
  }

  Market market_{"spend-batch"};
  WorldWallet wallet_ = market_.make_wallet();
};

Scalar one() { return Scalar::from_u64(1); }

TEST_F(SpendBatchTest, AcceptsGoodSpendsOfEveryKind) {
  const std::vector<Payment> payments = pay(50);
  for (const std::string& reason : reasons(checks_of(payments))) EXPECT_EQ(reason, "");
}

TEST_F(SpendBatchTest, FindsEachKindOfErrorWhereverItStands) {
  const std::vector<Payment> good = pay(40);
  struct Case {
    const char* name;
    std::function<void(Payment&)> damage;
    const char* reason;
  };
  const Case cases[] = {
      {"r1", [](Payment& p) { p.spends[0].r1 = p.spends[0].r1 + one(); }, "SPEND_INVALID"},
      {"r2", [](Payment& p) { p.spends[0].r2 = -p.spends[0].r2; }, "SPEND_INVALID"},
      {"B", [](Payment& p) { p.spends[0].B = g(); }, "BAD_PATH"},
      {"r'", [](Payment& p) { p.coins[0].r = p.coins[0].r + one(); }, "COIN_INVALID"},
      {"a'", [](Payment& p) { p.coins[0].a = *add(p.coins[0].a, g()); }, "COIN_INVALID"},
      {"b'", [](Payment& p) { p.coins[0].b = *add(p.coins[0].b, g()); }, "COIN_INVALID"},
      {"Z", [](Payment& p) { p.coins[0].Z = *add(p.coins[0].Z, g()); }, "COIN_INVALID"},
      {"A", [](Payment& p) { p.coins[0].A = *add(p.coins[0].A, g()); }, "COIN_INVALID"},
      {"denomination", [](Payment& p) { p.coins[0].denom_id.bytes[5] ^= 1; }, "COIN_INVALID"},
  };
  for (const Case& wrong : cases) {
    for (const size_t at : {0, 17, 20, 39}) {
      std::vector<Payment> payments = good;
      // The denomination that the verifier found stays that of the good payment.
      std::vector<SpendCheck> checks = checks_of(good);
      wrong.damage(payments[at]);
      for (size_t i = 0; i < payments.size(); ++i) {
        checks[i].coin = payments[i].coins.data();
        checks[i].spend = payments[i].spends.data();
      }
      const std::vector<std::string> found = reasons(checks);
      for (size_t i = 0; i < found.size(); ++i) {
        EXPECT_EQ(found[i], i == at ? wrong.reason : "") << wrong.name << " at " << at;
      }
    }
  }
}

TEST_F(SpendBatchTest, GivesTheVerdictsOfOneByOneForAnyMixture) {
  SeededRng rng("mixture");
  std::vector<Payment> payments = pay(60);
  for (const uint64_t wrong_in_100 : {2, 10, 50, 100}) {
    for (Payment& payment : payments) {
      if (rng.below(100) >= wrong_in_100) continue;
      Scalar& victim = rng.below(2) == 0 ? payment.spends[0].r1 : payment.coins[0].r;
      victim = victim + Scalar::from_u64(1 + rng.below(5));
    }
    const std::vector<SpendCheck> checks = checks_of(payments);
    EXPECT_EQ(reasons(checks), reasons_one_by_one(checks)) << wrong_in_100;
  }
}

// The attack on a plain sum: two errors that are opposite.
TEST_F(SpendBatchTest, ErrorsThatCancelEachOtherAreFoundBoth) {
  const std::vector<Payment> good = pay(20);
  std::vector<Payment> payments = good;
  payments[3].spends[0].r1 = payments[3].spends[0].r1 + one();
  payments[9].spends[0].r1 = payments[9].spends[0].r1 - one();
  payments[0].coins[0].r = payments[0].coins[0].r + one();
  payments[12].coins[0].r = payments[12].coins[0].r - one();
  const std::vector<std::string> found = reasons(checks_of(payments));
  for (size_t i = 0; i < found.size(); ++i) {
    const char* const expected = i == 3 || i == 9    ? "SPEND_INVALID"
                                 : i == 0 || i == 12 ? "COIN_INVALID"
                                                     : "";
    EXPECT_EQ(found[i], expected) << i;
  }
}

// Within one coin: its two equations, and two spends of it, have coefficients of their own.
TEST_F(SpendBatchTest, ErrorsThatCancelWithinACoinAreFound) {
  std::vector<Payment> payments = pay(10);
  WithdrawnCoin split = market_.take(wallet_, market_.split_coin);
  for (uint32_t slot = 0; slot < 4; ++slot) {
    payments.push_back(
        market_.pay(wallet_, {{&split, slot, split.denomination.slot_values[slot]}}));
  }
  payments[10].spends[0].r1 = payments[10].spends[0].r1 + one();
  payments[11].spends[0].r1 = payments[11].spends[0].r1 - one();
  const std::vector<std::string> found = reasons(checks_of(payments));
  for (size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i], i == 10 || i == 11 ? "SPEND_INVALID" : "") << i;
  }
}

TEST_F(SpendBatchTest, ACoinAndItsAlteredCopyAreToldApart) {
  std::vector<Payment> payments = pay(10);
  WithdrawnCoin split = market_.take(wallet_, market_.split_coin);
  payments.push_back(market_.pay(wallet_, {{&split, 0, split.denomination.slot_values[0]}}));
  payments.push_back(market_.pay(wallet_, {{&split, 1, split.denomination.slot_values[1]}}));
  payments[11].coins[0].r = payments[11].coins[0].r + one();
  std::vector<std::string> expected(12);
  expected[11] = "COIN_INVALID";
  EXPECT_EQ(reasons(checks_of(payments)), expected);
}

TEST_F(SpendBatchTest, TheSameSpendManyTimesIsValidEachTime) {
  const std::vector<Payment> payments(40, pay(1)[0]);
  for (const std::string& reason : reasons(checks_of(payments))) EXPECT_EQ(reason, "");
}

TEST_F(SpendBatchTest, TakesNothing) { EXPECT_TRUE(check_spends({}).empty()); }

}  // namespace
}  // namespace cafe::protocol
