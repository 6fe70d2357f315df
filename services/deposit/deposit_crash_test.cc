// The service is killed at every boundary between its steps; then the payee retries, or nobody
// does. Either way each payment is credited exactly once.
#include <gtest/gtest.h>

#include "absl/time/clock.h"
#include "services/deposit/testing/back_end.h"

namespace cafe::deposit {
namespace {

using protocol::Bytes;
using protocol::Receipt;
using protocol::VerdictCode;
using testing::BackEnd;
using testing::OwnProcess;
using testing::Shop;
using testing::TestCoin;
using testing::Till;

constexpr std::chrono::seconds kDeadline(30);

// A batch with something of everything: accepted, credited though spent before, spent before,
// refused; a cheque beyond what was loaded, and more ticks of a call that was deposited before.
class CrashTest : public ::testing::TestWithParam<const char*> {
 protected:
  CrashTest() {
    back_end.enrol(other);
    back_end.enrol(till, /*cover=*/500);
    back_end.issue(shop.five, 1'000'000);
    back_end.issue(shop.split, 1'000'000);
    for (int i = 0; i < 4; ++i) coins.push_back(shop.mint(shop.five));
    split.push_back(shop.mint(shop.split));
    for (int i = 0; i < 2; ++i) cheques.push_back(shop.mint(shop.cheque));
    back_end.load(512);
    call = shop.open_call(till, cheques[1], /*tick_value=*/3, /*count=*/20);
    so_far = {call->paid(4)};
    for (int i = 0; i < 2; ++i) spent_elsewhere.push_back(shop.pay(other, {{&coins[i], 0}}));
    payments = {shop.pay(till, {{&coins[0], 0}}),
                shop.pay(till, {{&coins[1], 0}}),
                shop.pay(till, {{&coins[2], 0}}),
                Bytes{1, 2, 3},
                shop.pay(till, {{&coins[3], 0}, {&split[0], 0}, {&split[0], 3}}),
                shop.pay(till, {{&cheques[0], 0, 700}}),
                call->paid(10)};
    order = shop.order(till, shop.rng.array<16>(), payments);
  }

  // The service runs as it will be killed, after the first payments of two of the coins, and the
  // first ticks of the call.
  void run_until_killed() {
    {
      OwnProcess before(back_end, back_end.options());
      const Bytes first = shop.order(other, shop.rng.array<16>(), spent_elsewhere);
      // Again and again, until it has fetched the denominations.
      ASSERT_TRUE(cafe::testing::eventually(
          kDeadline, [&] { return before.payee().deposit(first, spent_elsewhere).ok(); }));
      ASSERT_TRUE(
          before.payee().deposit(shop.order(till, shop.rng.array<16>(), so_far), so_far).ok());
    }
    OwnProcess doomed(back_end, back_end.options(), std::string(GetParam()) + "=crash");
    EXPECT_FALSE(doomed.payee().deposit(order, payments).ok());
    const auto exit_code = doomed.process().wait(kDeadline);
    ASSERT_TRUE(exit_code.ok()) << exit_code.status();
    EXPECT_EQ(*exit_code, 128 + 9);
  }
  void expect_exact(const Receipt& receipt) {
    ASSERT_EQ(receipt.verdicts.size(), 7u);
    EXPECT_EQ(receipt.verdicts[0].code, VerdictCode::kCreditedSpentBefore);
    EXPECT_EQ(receipt.verdicts[1].code, VerdictCode::kSpentBefore);
    EXPECT_EQ(receipt.verdicts[2].code, VerdictCode::kAccepted);
    EXPECT_EQ(receipt.verdicts[3].code, VerdictCode::kRefused);
    EXPECT_EQ(receipt.verdicts[4].code, VerdictCode::kAccepted);
    EXPECT_EQ(receipt.verdicts[4].credited, 1000u);
    EXPECT_EQ(receipt.verdicts[5].credited, 700u);
    EXPECT_EQ(receipt.verdicts[6].credited, 18u) << "six ticks more";
    expect_exact_books();
  }
  void expect_exact_books() {
    EXPECT_EQ(back_end.credited(till), 500 + 500 + 1000 + 700 + 30);
    EXPECT_EQ(back_end.credited(other), 1000);
    EXPECT_EQ(back_end.loaded(), 0);
    EXPECT_EQ(back_end.alarmed(), 730 - 512);
    EXPECT_EQ(back_end.number("SELECT count(*) FROM deposit.cheque_alarm"), 1);
    EXPECT_EQ(back_end.loss(), 500 + 730 - 512);
    EXPECT_EQ(back_end.outstanding(shop.five), 1'000'000 - 4 * 500);
    EXPECT_EQ(back_end.outstanding(shop.split), 1'000'000 - 500);
    EXPECT_EQ(back_end.number("SELECT count(*) FROM deposit.batch"), 3);
    EXPECT_EQ(back_end.number("SELECT count(*) FROM deposit.batch WHERE state = 'done'"), 3);
    EXPECT_EQ(back_end.number("SELECT count(*) FROM deposit.spent_before"), 2);
    expect_cheques_are_kept();
    EXPECT_EQ(back_end.audit(), "");
  }
  // The cheque, and the call each time that more of its ticks were shown.
  void expect_cheques_are_kept() {
    const int64_t last = back_end.number("SELECT max(batch) FROM deposit.batch");
    EXPECT_EQ(back_end.number("SELECT count(*) FROM deposit.cheque_spend"), 3);
    EXPECT_EQ(back_end.number("SELECT count(*) FROM deposit.cheque_spend WHERE ticks = 4"
                              " AND payment = 0 AND batch < " +
                              std::to_string(last)),
              1);
    EXPECT_EQ(back_end.number("SELECT count(*) FROM deposit.cheque_spend WHERE batch = " +
                              std::to_string(last) +
                              " AND (payment, ticks) IN ((5, 0), (6, 10)) AND spend = 0"),
              2);
  }
  bool is_stored() const { return GetParam() != std::string("deposit/after-check"); }

  BackEnd back_end{static_cast<uint64_t>(absl::ToUnixSeconds(absl::Now()))};
  Shop& shop = back_end.shop;
  Till other = shop.make_till(), till = shop.make_till();
  std::vector<TestCoin> coins, split, cheques;
  std::optional<testing::TestCall> call;
  std::vector<Bytes> spent_elsewhere, so_far, payments;
  Bytes order;
};

TEST_P(CrashTest, ARetryGoesOnWhereItStopped) {
  run_until_killed();
  OwnProcess again(back_end, back_end.options());
  const auto first = again.payee().deposit(order, payments);
  ASSERT_TRUE(first.ok()) << first.status();
  expect_exact(back_end.receipt(*first));
  EXPECT_EQ(first->evidence_size(), 2);
  const auto second = again.payee().deposit(order, payments);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->SerializeAsString(), first->SerializeAsString());
  expect_exact_books();
}

TEST_P(CrashTest, TheSweeperFinishesWhatNobodyRetries) {
  run_until_killed();
  DepositOptions options = back_end.options();
  options.sweep_interval_ms = 20;
  options.sweep_after_ms = 1;
  OwnProcess again(back_end, options);
  if (is_stored()) {
    ASSERT_TRUE(cafe::testing::eventually(kDeadline, [&] {
      return back_end.number("SELECT count(*) FROM deposit.batch WHERE state = 'done'") == 3;
    }));
    expect_exact_books();
  }
  // The payee comes after all, and gets its receipt.
  const auto late = again.payee().deposit(order, payments);
  ASSERT_TRUE(late.ok()) << late.status();
  expect_exact(back_end.receipt(*late));
}

// Two sweepers and a payee at once.
TEST_P(CrashTest, ManyMayFinishAtOnce) {
  run_until_killed();
  DepositOptions options = back_end.options();
  options.sweep_interval_ms = 1;
  options.sweep_after_ms = 0;
  OwnProcess one(back_end, options), two(back_end, options);
  const auto retried = two.payee().deposit(order, payments);
  ASSERT_TRUE(retried.ok()) << retried.status();
  expect_exact(back_end.receipt(*retried));
  const auto elsewhere = one.payee().deposit(order, payments);
  ASSERT_TRUE(elsewhere.ok()) << elsewhere.status();
  EXPECT_EQ(elsewhere->SerializeAsString(), retried->SerializeAsString());
}

INSTANTIATE_TEST_SUITE_P(Boundaries, CrashTest,
                         ::testing::Values("deposit/after-check", "deposit/after-store",
                                           "deposit/after-record", "deposit/before-credit-commit",
                                           "deposit/after-credit"),
                         [](const auto& test) {
                           std::string name = test.param;
                           for (char& c : name) {
                             if (c == '/' || c == '-') c = '_';
                           }
                           return name;
                         });

}  // namespace
}  // namespace cafe::deposit
