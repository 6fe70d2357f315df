// The service is killed on either side of every commit that it makes, of one after the other:
// whoever asked sends the same bytes again, and everything has happened once.
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "services/deposit/testing/back_end.h"

namespace cafe::deposit {
namespace {

using protocol::Bytes;
using protocol::Receipt;
using protocol::VerdictCode;
using testing::BackEnd;
using testing::OwnProcess;
using testing::Payee;
using testing::Shop;
using testing::TestCoin;
using testing::TestHolder;
using testing::Till;

constexpr std::chrono::seconds kDeadline(30);

// Everything that the service does, once, by a service that dies at its n-th commit.
class Life {
 public:
  Life(const std::string& failpoint, int n)
      : service_(std::make_unique<OwnProcess>(back_end, options(),
                                              absl::StrCat(failpoint, "=crash@", n))) {
    back_end.enrol(till);
    back_end.enrol(other, /*cover=*/500);
    back_end.issue(shop.five, 1'000'000);
    back_end.issue(shop.dollar, 100);
    back_end.load(512);
  }

  void live() {
    deposits();
    pays_back();
    authorizes();
    voids();
    is_overdrawn();
    EXPECT_EQ(back_end.audit(), "");
    EXPECT_EQ(back_end.number("SELECT count(*) FROM deposit.batch WHERE state <> 'done'"), 0);
  }
  bool died() const { return died_; }

 private:
  DepositOptions options() const {
    DepositOptions options = back_end.options();
    options.sweep_interval_ms = 50;       // tells withdrawal of stops
    options.sweep_after_ms = 10'000'000;  // the payee comes back before that
    return options;
  }
  // Whether the service was there; where it died, the next one lives.
  bool alive() {
    if (service_->process().running()) return true;
    EXPECT_FALSE(std::exchange(died_, true)) << "it died once more";
    service_ = std::make_unique<OwnProcess>(back_end, options());
    return false;
  }
  // What the service answers in the end.
  template <typename Call>
  auto ask(Call call) -> decltype(call(std::declval<const Payee&>())) {
    auto answer = call(service_->payee());
    cafe::testing::eventually(kDeadline, [&] {
      if (answer.ok()) return true;
      alive();
      answer = call(service_->payee());
      return answer.ok();
    });
    return answer;
  }
  Receipt hand_in(const Till& by, const std::vector<Bytes>& payments,
                  const Bytes& credential = {}) {
    const Bytes order = shop.order(by, shop.rng.array<16>(), payments);
    const auto answer =
        ask([&](const Payee& payee) { return payee.deposit(order, payments, credential); });
    EXPECT_TRUE(answer.ok()) << answer.status();
    if (!answer.ok()) return Receipt{};
    // It may have died meanwhile, in a commit of its own.
    const auto again =
        ask([&](const Payee& payee) { return payee.deposit(order, payments, credential); });
    EXPECT_EQ(again.ok() ? again->SerializeAsString() : "", answer->SerializeAsString());
    return back_end.receipt(*answer);
  }

  // Coins, one of them spent before, and a cheque beyond what was loaded.
  void deposits() {
    const TestCoin first = shop.mint(shop.five), second = shop.mint(shop.five);
    const TestCoin cheque = shop.mint(shop.cheque);
    hand_in(till, {shop.pay(till, {{&first, 0}})});
    const Receipt receipt =
        hand_in(other, {shop.pay(other, {{&first, 0}}), shop.pay(other, {{&second, 0}}),
                        shop.pay(other, {{&cheque, 0, 700}})});
    ASSERT_EQ(receipt.verdicts.size(), 3u);
    EXPECT_EQ(receipt.verdicts[0].code, VerdictCode::kCreditedSpentBefore);
    EXPECT_EQ(receipt.verdicts[1].code, VerdictCode::kAccepted);
    EXPECT_EQ(receipt.verdicts[2].credited, 700u);
    EXPECT_EQ(back_end.credited(till), 500);
    EXPECT_EQ(back_end.credited(other), 500 + 500 + 700);
    EXPECT_EQ(back_end.alarmed(), 700 - 512);
    EXPECT_EQ(back_end.number("SELECT count(*) FROM deposit.cheque_spend WHERE batch = " +
                              std::to_string(receipt.batch) + " AND payment = 2"),
              1);
    EXPECT_EQ(back_end.number("SELECT count(*) FROM deposit.cheque_spend"), 1);
    EXPECT_EQ(back_end.loss(), 500 + 700 - 512);
  }
  void pays_back() {
    const TestHolder holder = shop.make_holder();
    const TestCoin coin = shop.mint(shop.five);
    hand_in(holder.till, {shop.pay(holder.till, {{&coin, 0}})}, holder.credential.encode());
    EXPECT_EQ(back_end.balance("customer", holder.account), 500);
    EXPECT_EQ(back_end.number("SELECT count(*) FROM deposit.payee WHERE account_id IS NOT NULL"),
              1);
  }
  void authorizes() {
    std::vector<TestCoin> coins;
    for (int i = 0; i < 5; ++i) coins.push_back(shop.mint(shop.five));
    const Bytes payment = shop.pay(
        till, {{&coins[0], 0}, {&coins[1], 0}, {&coins[2], 0}, {&coins[3], 0}, {&coins[4], 0}});
    const auto answer = ask([&](const Payee& payee) { return payee.authorize(payment); });
    ASSERT_TRUE(answer.ok()) << answer.status();
    const auto document =
        protocol::SignedDocument::decode(protocol::view_of(answer->authorization()));
    EXPECT_TRUE(protocol::Authorization::decode(document->frame)->granted);
    // Above the off-line limit: it is taken for that alone.
    EXPECT_EQ(hand_in(till, {payment}).verdicts.at(0).credited, 2500u);
  }
  void voids() {
    const TestCoin coin = shop.mint(shop.five);
    const Bytes payment = shop.pay(till, {{&coin, 0}});
    const auto terms = protocol::Payment::decode(payment)->terms.digest();
    const absl::Status done = ask([&](const Payee& payee) {
      return payee.void_terms(shop.refuse(till, terms).encode(), till.credential.encode());
    });
    EXPECT_TRUE(done.ok()) << done;
    EXPECT_EQ(back_end.number("SELECT count(*) FROM deposit.voided_terms"), 1);
    EXPECT_EQ(hand_in(till, {payment}).verdicts.at(0).reason, "TERMS_VOIDED");
  }
  // More of a denomination comes than was issued: it is stopped, and withdrawal hears of it.
  void is_overdrawn() {
    const TestCoin first = shop.mint(shop.dollar), second = shop.mint(shop.dollar);
    EXPECT_EQ(hand_in(till, {shop.pay(till, {{&first, 0}})}).verdicts.at(0).credited, 100u);
    EXPECT_EQ(hand_in(till, {shop.pay(till, {{&second, 0}})}).verdicts.at(0).code,
              VerdictCode::kRefused);
    EXPECT_TRUE(cafe::testing::eventually(kDeadline, [&] {
      alive();
      return back_end.number(
                 "SELECT count(*) FROM deposit.denomination_stop"
                 " WHERE acknowledged_ms IS NOT NULL") == 1;
    }));
    EXPECT_EQ(back_end.outstanding(shop.dollar), 0);
  }

  BackEnd back_end{static_cast<uint64_t>(absl::ToUnixSeconds(absl::Now()))};
  Shop& shop = back_end.shop;
  Till till = shop.make_till(), other = shop.make_till();
  std::unique_ptr<OwnProcess> service_;
  bool died_ = false;
};

class KillSweep : public ::testing::TestWithParam<const char*> {};

TEST_P(KillSweep, EverythingHappensOnce) {
  int n = 1;
  for (;; ++n) {
    SCOPED_TRACE(n);
    Life life(GetParam(), n);
    life.live();
    if (HasFailure()) return;
    if (!life.died()) break;
    ASSERT_LT(n, 50) << "it never gets through";
  }
  // The denominations, six batches stored and credited, one of them in three steps, a holder, a
  // grant, terms voided, a stop and its acknowledgement.
  EXPECT_GT(n - 1, 16);
  std::printf("killed at %d commits\n", n - 1);
}

INSTANTIATE_TEST_SUITE_P(Boundaries, KillSweep,
                         ::testing::Values("storage/before-commit", "storage/after-commit"),
                         [](const auto& test) {
                           return std::string(test.param) == "storage/before-commit" ? "Before"
                                                                                     : "After";
                         });

}  // namespace
}  // namespace cafe::deposit
