// What a terminal deposits of calls, and what the acquirer's receipts do to them.
#include "device-sim/firmware/pos/call_fixture.h"

namespace cafe::pos {
namespace {

using protocol::Bytes;
using protocol::Bytes32;
using protocol::Payment;
using protocol::reason_of;
using protocol::VerdictCode;
using testing::Caller;
using testing::kDay_s;
using testing::kWorldNow_ms;
using testing::kWorldNow_s;
using Calls = Terminal::Calls;

class CallDepositTest : public TerminalCallTest {
 protected:
  std::optional<DepositBatch> deposit(Calls calls = Calls::kEnded) {
    auto batch = till_.terminal->next_deposit(protocol::kMaxBatch, calls);
    EXPECT_TRUE(batch.ok()) << batch.status();
    return *std::move(batch);
  }
  // What the one payment of a batch is worth, which the acquirer would find in order.
  uint64_t worth(const std::optional<DepositBatch>& batch) {
    EXPECT_TRUE(batch.has_value());
    EXPECT_EQ(batch->payments.size(), 1u);
    const auto payment = Payment::decode(batch->payments.at(0));
    const absl::Status checked =
        protocol::check_payment(payment.value(), market_.context()).status();
    EXPECT_TRUE(checked.ok()) << checked;
    return protocol::worth_of(payment->spends[0]);
  }
  void end(const Caller& calling) {
    ASSERT_TRUE(till_.terminal->end_call(digest_of(calling), kWorldNow_ms).ok());
  }
  CallState call(const Caller& calling) { return *till_.terminal->call(digest_of(calling)); }
};

TEST_F(CallDepositTest, DepositsTheLastTickOfAnEndedCall) {
  const Caller calling = open();
  talk(calling, 6);
  EXPECT_FALSE(deposit().has_value()) << "it goes on";
  EXPECT_EQ(till_.terminal->waiting_payments(), 0u);
  end(calling);
  EXPECT_EQ(till_.terminal->waiting_payments(), 1u);
  ASSERT_TRUE(till_.restart().ok());
  const auto batch = deposit();
  EXPECT_EQ(worth(batch), 6 * kTickValue);
  ASSERT_TRUE(settle(receipt_for(*batch)).ok());
  EXPECT_FALSE(deposit(Calls::kRunningToo).has_value());
  EXPECT_EQ(till_.terminal->waiting_payments(), 0u);
  EXPECT_EQ(call(calling).deposited, 6u);
  // Settled, it says to the wallet what it said before.
  EXPECT_EQ(decide(calling.payment().encode()).decision, Decision::kAccepted);
  EXPECT_EQ(reason_of(demanded(calling).status()), "CALL_ENDED");
  EXPECT_EQ(call(calling).ticks, 6u);
}

TEST_F(CallDepositTest, ACallWithoutATickIsWorthNothing) {
  const Caller calling = open();
  EXPECT_FALSE(deposit(Calls::kRunningToo).has_value());
  end(calling);
  EXPECT_EQ(till_.terminal->waiting_payments(), 0u);
  EXPECT_FALSE(deposit(Calls::kRunningToo).has_value());
}

TEST_F(CallDepositTest, LaterTicksEarnTheDifference) {
  const Caller calling = open();
  talk(calling, 4);
  const auto first = deposit(Calls::kRunningToo);
  EXPECT_EQ(worth(first), 4 * kTickValue);
  // The call goes on, and the batch under way stays as it is, byte for byte.
  talk(calling, 3);
  ASSERT_TRUE(till_.restart().ok());
  const auto again = deposit(Calls::kRunningToo);
  EXPECT_EQ(again->order, first->order);
  EXPECT_EQ(again->payments, first->payments);
  ASSERT_TRUE(settle(receipt_for(*first)).ok());
  EXPECT_TRUE(call(calling).running);
  EXPECT_EQ(call(calling).deposited, 4u);

  const auto second = deposit(Calls::kRunningToo);
  EXPECT_EQ(worth(second), 7 * kTickValue);
  ASSERT_TRUE(settle(receipt_for(*second, VerdictCode::kRepeat)).ok());
  EXPECT_FALSE(deposit(Calls::kRunningToo).has_value()) << "no tick came since";
  talk(calling, 1);
  end(calling);
  const auto last = deposit();
  EXPECT_EQ(worth(last), 8 * kTickValue);
  ASSERT_TRUE(settle(receipt_for(*last)).ok());
  EXPECT_EQ(call(calling).deposited, 8u);
  EXPECT_FALSE(deposit(Calls::kRunningToo).has_value());
}

// The call ends while a batch with its ticks is under way: with the same last tick that batch
// settles it, with a later one it waits for the next.
TEST_F(CallDepositTest, ACallMayEndWhileItsTicksAreUnderWay) {
  const Caller same = open();
  talk(same, 4);
  const Caller more = open();
  talk(more, 4);
  const auto batch = deposit(Calls::kRunningToo);
  ASSERT_EQ(batch->payments.size(), 2u);
  talk(more, 2);
  end(same);
  end(more);
  EXPECT_EQ(till_.terminal->waiting_payments(), 2u);
  ASSERT_TRUE(settle(receipt_for(*batch)).ok());
  EXPECT_EQ(till_.terminal->waiting_payments(), 1u);
  const auto rest = deposit();
  EXPECT_EQ(worth(rest), 6 * kTickValue);
  EXPECT_EQ(Payment::decode(rest->payments[0])->terms, more.payment().terms);
  ASSERT_TRUE(settle(receipt_for(*rest)).ok());
  EXPECT_EQ(till_.terminal->waiting_payments(), 0u);
}

// What was spent before at somebody else's, or is refused, is not served any longer.
TEST_F(CallDepositTest, EndsACallThatTheAcquirerDoesNotPay) {
  for (const VerdictCode code :
       {VerdictCode::kSpentBefore, VerdictCode::kCreditedSpentBefore, VerdictCode::kRefused}) {
    const Caller calling = open();
    talk(calling, 2);
    const auto batch = deposit(Calls::kRunningToo);
    talk(calling, 1);
    ASSERT_TRUE(settle(receipt_for(*batch, code)).ok());
    EXPECT_EQ(reason_of(demanded(calling).status()), "CALL_ENDED");
    EXPECT_EQ(end_of(*till_.terminal->end_call(digest_of(calling), kWorldNow_ms)).ticks, 3u);
    // The tick that came in between is the acquirer's to judge.
    const auto rest = deposit();
    EXPECT_EQ(worth(rest), 3 * kTickValue);
    ASSERT_TRUE(settle(receipt_for(*rest, code)).ok());
    EXPECT_EQ(till_.terminal->waiting_payments(), 0u);
    ASSERT_TRUE(till_.restart().ok());
    EXPECT_TRUE(till_.terminal->running_calls().empty());
  }
}

TEST_F(CallDepositTest, BillsAndCallsShareABatch) {
  const Caller calling = open();
  talk(calling, 5);
  end(calling);
  const Bytes coin = pay_coin();
  decide(coin);
  const auto batch = deposit();
  ASSERT_EQ(batch->payments.size(), 2u);
  EXPECT_EQ(batch->payments[1], coin);
  ASSERT_TRUE(settle(receipt_for(*batch)).ok());
  EXPECT_EQ(till_.terminal->waiting_payments(), 0u);
}

TEST_F(CallDepositTest, APowerCutSettlesACallWholeOrNotAtAll) {
  const Caller calling = open();
  talk(calling, 3);
  const auto first = deposit(Calls::kRunningToo);
  talk(calling, 1);
  end(calling);
  const Bytes receipt = receipt_for(*first);
  const Bytes before = till_.memory.snapshot();
  const uint64_t start = till_.memory.bytes_written();
  ASSERT_TRUE(settle(receipt).ok());
  const uint64_t settling = till_.memory.bytes_written() - start;
  for (uint64_t cut = 0; cut < settling; cut += 5) {
    till_.memory.restore(before);
    ASSERT_TRUE(till_.restart().ok());
    till_.memory.cut_power_after(cut);
    EXPECT_THROW(settle(receipt).IgnoreError(), firmware::PowerLost);
    ASSERT_TRUE(till_.restart().ok()) << cut;
    // Not at all: the batch is still under way.
    if (call(calling).deposited == 0) {
      ASSERT_EQ(deposit()->order, first->order);
      ASSERT_TRUE(settle(receipt).ok());
    }
    ASSERT_EQ(call(calling).deposited, 3u) << cut;
    ASSERT_EQ(till_.terminal->waiting_payments(), 1u) << cut;
  }
  // The next batch is made whole or not at all as well.
  const Bytes settled = till_.memory.snapshot();
  const uint64_t making_from = till_.memory.bytes_written();
  deposit();
  const uint64_t making = till_.memory.bytes_written() - making_from;
  for (uint64_t cut = 0; cut < making; cut += 5) {
    till_.memory.restore(settled);
    ASSERT_TRUE(till_.restart().ok());
    till_.memory.cut_power_after(cut);
    EXPECT_THROW(deposit(), firmware::PowerLost);
    ASSERT_TRUE(till_.restart().ok()) << cut;
    const auto batch = deposit();
    ASSERT_EQ(worth(batch), 4 * kTickValue) << cut;
    ASSERT_TRUE(settle(receipt_for(*batch)).ok()) << cut;
    ASSERT_EQ(till_.terminal->waiting_payments(), 0u) << cut;
  }
}

TEST_F(CallDepositTest, ForgetsSettledCallsOnly) {
  const Caller settled = open();
  talk(settled, 2);
  end(settled);
  ASSERT_TRUE(settle(receipt_for(*deposit())).ok());
  const Caller running = open();
  talk(running, 2);
  const auto known = [&](const Caller& calling) {
    return till_.terminal->call(digest_of(calling)).ok();
  };
  // As long as a call may last, the wallet may come for its end, and a day more.
  ASSERT_TRUE(till_.terminal->prune(kWorldNow_s + 3 * kDay_s).ok());
  EXPECT_TRUE(known(settled));
  ASSERT_TRUE(till_.terminal->prune(kWorldNow_s + 3 * kDay_s + 1).ok());
  EXPECT_FALSE(known(settled));
  EXPECT_TRUE(known(running));
  ASSERT_TRUE(till_.restart().ok());
  EXPECT_EQ(held(running), 2u);
}

}  // namespace
}  // namespace cafe::pos
