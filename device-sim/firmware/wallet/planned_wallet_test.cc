// A planned wallet, real guardian and real terminal: what planning and selection promise on paper
// is paid.
#include <gtest/gtest.h>

#include "device-sim/firmware/testing/device.h"
#include "device-sim/firmware/wallet/planning.h"

namespace cafe::wallet {
namespace {

using protocol::Bytes;
using protocol::Kind;
using protocol::reason_of;
using testing::kWorldNow_ms;
using testing::kWorldNow_s;

constexpr uint64_t kMost = 10'000;

class PlannedWalletTest : public ::testing::Test {
 protected:
  PlannedWalletTest() {
    for (uint64_t value : {1, 2, 5, 10, 20, 50, 100, 200, 1000}) {
      world_.add_denomination(Kind::kCoin, {value});
    }
    world_.add_denomination(Kind::kCheque, {10'000});
    till_ = std::make_unique<testing::Till>(world_, "till", size_t{4} << 20);
    EXPECT_TRUE(till_->terminal->accept_list(world_.signed_list.encode()).ok());
    device_ = std::make_unique<testing::Device>(world_, "device", size_t{4} << 20);
    device_->set_up(issuer_, *till_->terminal);
  }

  Wallet& wallet() { return *device_->wallet; }
  Holdings holdings() { return wallet().holdings("EUR", kWorldNow_s); }

  // Plans and withdraws, so that every amount up to kMost can be paid again.
  void refill(const PlanOptions& options) {
    const auto planned = plan(*wallet().list(), kWorldNow_s, "EUR", kMost, holdings(), options);
    ASSERT_TRUE(planned.ok()) << planned.status();
    if (planned->load > 0) device_->load(issuer_, planned->load);
    for (const auto& lines : planned->orders) device_->withdraw(issuer_, lines);
    // The wallet holds what the plan says that it would.
    ASSERT_GE(payable_up_to(holdings(), planned->unit, kMost), kMost);
  }

  // What the wallet, or else the terminal, says against this amount; "" where it is paid.
  std::string pay(uint64_t amount) {
    const Bytes bill = *till_->terminal->make_offer("EUR", amount, kWorldNow_ms);
    const auto outgoing = wallet().on_offer(bill, kWorldNow_ms);
    if (!outgoing.ok()) return reason_of(outgoing.status());
    const auto payment = protocol::Payment::decode(outgoing->payment);
    if (!payment.ok() || payment->spends.size() > protocol::kMaxSpends) return "TOO_MANY_SPENDS";
    const auto result = till_->terminal->on_payment(outgoing->payment, kWorldNow_ms);
    if (!result.ok()) return reason_of(result.status());
    const absl::Status taken = wallet().on_payment_answer(result->message);
    return taken.ok() ? result->reason : reason_of(taken);
  }

  testing::World world_{"planned wallet"};
  testing::TestIssuer issuer_{world_};
  std::unique_ptr<testing::Till> till_;
  std::unique_ptr<testing::Device> device_;
};

TEST_F(PlannedWalletTest, PaysAnyAmountWhenItIsFull) {
  refill({});
  const Bytes wallet_memory = device_->memory.snapshot();
  const Bytes guardian_memory = device_->chip.memory().snapshot();
  const Bytes till_memory = till_->memory.snapshot();
  for (uint64_t amount :
       {1, 2, 3, 9, 99, 100, 777, 1234, 3333, 4999, 5000, 5001, 6789, 8765, 9999, 10'000}) {
    EXPECT_EQ(pay(amount), "") << amount;
    // The same full wallet for the next one.
    device_->memory.restore(wallet_memory);
    device_->chip.memory().restore(guardian_memory);
    till_->memory.restore(till_memory);
    ASSERT_TRUE(device_->restart().ok());
    ASSERT_TRUE(till_->restart().ok());
  }
}

// What it says it can pay it pays, until nothing is left; then it is filled again, and goes on.
void pay_on_and_on(const std::function<void()>& refill, const std::function<Holdings()>& holdings,
                   const std::function<std::string(uint64_t)>& pay, int payments) {
  protocol::SeededRng rng("shopping");
  refill();
  int refills = 0;
  for (int i = 0; i < payments; ++i) {
    const uint64_t amount = 1 + rng.below(3'000);
    const bool payable = choose(holdings(), amount).ok();
    if (!payable) {
      ASSERT_EQ(pay(amount), "AMOUNT_NOT_PAYABLE") << amount;
      ++refills;
      refill();
    }
    ASSERT_EQ(pay(amount), "") << amount;
  }
  EXPECT_GE(refills, 2);
}

TEST_F(PlannedWalletTest, PaysOnAndOn) {
  pay_on_and_on([&] { refill({}); }, [&] { return holdings(); },
                [&](uint64_t amount) { return pay(amount); }, 150);
}

TEST_F(PlannedWalletTest, PaysOnAndOnWithCoinsAlone) {
  pay_on_and_on([&] { refill({.cheques = false}); }, [&] { return holdings(); },
                [&](uint64_t amount) { return pay(amount); }, 100);
}

TEST_F(PlannedWalletTest, PaysItsLastCent) {
  refill({});
  // One by one the largest that it can still pay, up to a third of what was planned.
  uint64_t paid = 0;
  for (int i = 0; i < 100; ++i) {
    const uint64_t amount = payable_up_to(holdings(), 1, kMost / 3);
    if (amount == 0) break;
    ASSERT_EQ(pay(amount), "") << amount;
    paid += amount;
  }
  EXPECT_GE(paid, kMost);
  // What is left are coins whose sum covers no gap, or money on the counter without a cheque.
  const auto balances = wallet().balances(kWorldNow_s);
  uint64_t rest = 0;
  for (const Balance& b : balances) rest += b.amount + std::min(b.counter, b.cheques_up_to);
  EXPECT_EQ(choose(holdings(), 1).ok(), false);
  EXPECT_LT(rest, kMost / 10);
}

}  // namespace
}  // namespace cafe::wallet
