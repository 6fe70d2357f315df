// What can be paid without the payment PIN: coins, cheques and ticks together, by currency.
#include <gtest/gtest.h>

#include "device-sim/firmware/testing/loaded_chip.h"

namespace cafe::guardian {
namespace {

using protocol::Bytes;
using protocol::Kind;
using testing::Chip;
using testing::kIssuerA;
using testing::kLoaded;
using testing::KnownSlot;
using testing::kPaymentPin;
using testing::kWithdrawalPin;

class GuardianAllowances : public ::testing::Test {
 protected:
  void set_payment_pin() {
    ASSERT_EQ(chip_.change_pin(PinKind::kPayment, kPaymentPin).word, 0x9000);
    enter_withdrawal_pin();  // which a change forgets, and slots need
  }
  void enter() { ASSERT_EQ(chip_.verify(PinKind::kPayment, kPaymentPin).word, 0x9000); }
  void enter_withdrawal_pin() {
    ASSERT_EQ(chip_.verify(PinKind::kWithdrawal, kWithdrawalPin).word, 0x9000);
  }
  uint64_t left() { return chip_.allowances()["EUR"].second; }
  KnownSlot coin(uint64_t value) { return testing::known(chip_.make_slot(Kind::kCoin, value)); }
  uint16_t pay(const KnownSlot& slot) { return chip_.answer(slot.handle, rng_.scalar()).word; }
  uint16_t write_out(const KnownSlot& slot, uint64_t value) {
    return chip_.answer_cheque(slot.handle, loaded_.cheque(value)).word;
  }
  // An open call of `count` ticks.
  KnownSlot call(uint64_t tick_value, uint32_t count) {
    const KnownSlot slot = loaded_.make_cheque();
    EXPECT_EQ(chip_.draw_ticks(slot.handle, count).word, 0x9000);
    EXPECT_EQ(chip_.answer_ticks(slot.handle, loaded_.call(tick_value, count)).word, 0x9000);
    return slot;
  }

  testing::LoadedChip loaded_{"allowances"};
  Chip& chip_ = loaded_.chip;
  protocol::SeededRng rng_{"payments"};
};

TEST_F(GuardianAllowances, AreNoneWithoutAPaymentPin) {
  EXPECT_EQ(pay(coin(1'000'000)), 0x9000);
  EXPECT_EQ(write_out(loaded_.make_cheque(), kLoaded), 0x9000);
  EXPECT_EQ(chip_.unlock("EUR", 100).word, 0x6A88);
  EXPECT_EQ(chip_.set_limit("EUR", 100).word, 0x6A88);
  EXPECT_EQ(chip_.lock_payments().word, 0x6A88);
  EXPECT_TRUE(chip_.allowances().empty());
}

TEST_F(GuardianAllowances, CoinsChequesAndTicksTakeFromOne) {
  const KnownSlot large = coin(100), small = coin(1), cheque = loaded_.make_cheque();
  const KnownSlot talk = call(10, 20);
  set_payment_pin();
  // Nothing goes, and nothing is marked or taken for it.
  EXPECT_EQ(pay(large), 0x9804);
  EXPECT_EQ(write_out(cheque, 1), 0x9804);
  EXPECT_EQ(chip_.release_tick(talk.handle, 0).word, 0x9804);
  EXPECT_EQ(loaded_.euros(), kLoaded);
  EXPECT_EQ(chip_.status(large.handle).data[0], static_cast<uint8_t>(SlotState::kMade));
  EXPECT_EQ(chip_.status(cheque.handle).data[0], static_cast<uint8_t>(SlotState::kMade));

  enter();
  ASSERT_EQ(chip_.unlock("EUR", 270).word, 0x9000);
  EXPECT_EQ(pay(large), 0x9000);
  EXPECT_EQ(left(), 170u);
  EXPECT_EQ(write_out(cheque, 171), 0x9804);
  EXPECT_EQ(write_out(cheque, 150), 0x9000);
  EXPECT_EQ(left(), 20u);
  EXPECT_EQ(chip_.release_tick(talk.handle, 0).word, 0x9000);
  EXPECT_EQ(chip_.release_tick(talk.handle, 1).word, 0x9000);
  EXPECT_EQ(chip_.release_tick(talk.handle, 2).word, 0x9804);
  EXPECT_EQ(pay(small), 0x9804);
  EXPECT_EQ(write_out(loaded_.make_cheque(), 1), 0x9804);
  EXPECT_EQ(loaded_.euros(), kLoaded - 150 - 20);
  chip_.restart();
  EXPECT_EQ(pay(small), 0x9804);
}

TEST_F(GuardianAllowances, WhatWasAnsweredIsAnsweredAgainForNothing) {
  const KnownSlot slot = coin(100), cheque = loaded_.make_cheque(), talk = call(10, 3);
  const auto request = rng_.scalar();
  const auto written = loaded_.cheque(50);
  set_payment_pin();
  enter();
  ASSERT_EQ(chip_.unlock("EUR", 160).word, 0x9000);
  const auto coin_answer = chip_.answer(slot.handle, request);
  const auto cheque_answer = chip_.answer_cheque(cheque.handle, written);
  const auto tick = chip_.release_tick(talk.handle, 0);
  ASSERT_EQ(coin_answer.word, 0x9000);
  ASSERT_EQ(cheque_answer.word, 0x9000);
  ASSERT_EQ(tick.word, 0x9000);
  ASSERT_EQ(left(), 0u);
  chip_.restart();
  EXPECT_EQ(chip_.answer(slot.handle, request), coin_answer);
  EXPECT_EQ(chip_.answer_cheque(cheque.handle, written), cheque_answer);
  EXPECT_EQ(chip_.release_tick(talk.handle, 0), tick);
  EXPECT_EQ(chip_.answer(slot.handle, rng_.scalar()).word, 0x6985);
}

TEST_F(GuardianAllowances, ARightPinFillsThemUpToTheirLimits) {
  set_payment_pin();
  enter();
  ASSERT_EQ(chip_.set_limit("EUR", 300).word, 0x9000);
  enter_withdrawal_pin();
  EXPECT_EQ(left(), 300u) << "a new limit begins full";
  ASSERT_EQ(pay(coin(100)), 0x9000);
  EXPECT_EQ(left(), 200u);
  enter();
  EXPECT_EQ(left(), 300u);
  // What was unlocked besides stays.
  ASSERT_EQ(chip_.unlock("EUR", 500).word, 0x9000);
  enter();
  EXPECT_EQ(left(), 800u);
  EXPECT_EQ(chip_.verify(PinKind::kPayment, "0000").word, 0x63C2);
  EXPECT_EQ(left(), 800u);
  ASSERT_EQ(chip_.lock_payments().word, 0x9000);
  EXPECT_EQ(left(), 0u);
  EXPECT_EQ(pay(coin(1)), 0x9804);
  enter();
  EXPECT_EQ(left(), 300u);
  ASSERT_EQ(chip_.set_limit("EUR", 5).word, 0x9000);
  EXPECT_EQ(left(), 5u);
}

TEST_F(GuardianAllowances, OneEntryOfThePinServesOnce) {
  set_payment_pin();
  EXPECT_EQ(chip_.unlock("EUR", 100).word, 0x9804);
  EXPECT_EQ(chip_.set_limit("EUR", 100).word, 0x9804);
  enter();
  ASSERT_EQ(chip_.unlock("EUR", 100).word, 0x9000);
  EXPECT_EQ(chip_.unlock("EUR", 100).word, 0x9804);
  enter();
  ASSERT_EQ(chip_.set_limit("EUR", 100).word, 0x9000);
  EXPECT_EQ(chip_.set_limit("EUR", 200).word, 0x9804);
  enter();
  ASSERT_EQ(chip_.lock_payments().word, 0x9000);
  EXPECT_EQ(chip_.unlock("EUR", 100).word, 0x9804) << "locking ends it as well";
  enter();
  chip_.restart();
  EXPECT_EQ(chip_.unlock("EUR", 100).word, 0x9804);
  // The withdrawal PIN does not stand for it.
  enter_withdrawal_pin();
  EXPECT_EQ(chip_.unlock("EUR", 100).word, 0x9804);
}

TEST_F(GuardianAllowances, AreByCurrency) {
  ASSERT_EQ(loaded_.load({loaded_.serial, kIssuerA, "USD", 900, 2}).word, 0x9000);
  set_payment_pin();
  enter();
  ASSERT_EQ(chip_.unlock("EUR", 500).word, 0x9000);
  enter_withdrawal_pin();
  const KnownSlot cheque = loaded_.make_cheque();
  protocol::ChequeRequest dollars = loaded_.cheque(1);
  dollars.currency = "USD";
  EXPECT_EQ(chip_.answer_cheque(cheque.handle, dollars).word, 0x9804);
  enter();
  ASSERT_EQ(chip_.unlock("USD", 1).word, 0x9000);
  EXPECT_EQ(chip_.answer_cheque(cheque.handle, dollars).word, 0x9000);
  EXPECT_EQ(left(), 500u);
  // There is room for eight; one that says nothing makes room.
  for (const char* currency : {"AAA", "BBB", "CCC", "DDD", "EEE", "FFF", "GGG"}) {
    enter();
    ASSERT_EQ(chip_.unlock(currency, 1).word, 0x9000) << currency;
  }
  enter();
  EXPECT_EQ(chip_.unlock("HHH", 1).word, 0x6A84);
  EXPECT_EQ(chip_.allowances().size(), 8u);
}

TEST_F(GuardianAllowances, StayWithinTheirRange) {
  constexpr uint64_t kMost = INT64_MAX;
  set_payment_pin();
  enter();
  EXPECT_EQ(chip_.unlock("EUR", 0).word, 0x6A80);
  EXPECT_EQ(chip_.unlock("eur", 1).word, 0x6A80);
  EXPECT_EQ(chip_.set_limit("EUR", kMost + 1).word, 0x9850);
  EXPECT_EQ(chip_.unlock("EUR", kMost + 1).word, 0x9850);
  ASSERT_EQ(chip_.unlock("EUR", kMost).word, 0x9000);
  enter();
  EXPECT_EQ(chip_.unlock("EUR", 1).word, 0x9850);
  EXPECT_EQ(left(), kMost);
}

TEST_F(GuardianAllowances, BeginAnewWithAPaymentPin) {
  set_payment_pin();
  enter();
  ASSERT_EQ(chip_.set_limit("EUR", 500).word, 0x9000);
  // Another PIN changes nothing of them.
  enter();
  enter_withdrawal_pin();
  ASSERT_EQ(chip_.change_pin(PinKind::kPayment, "8642").word, 0x9000);
  EXPECT_EQ(left(), 500u);
  ASSERT_EQ(chip_.verify(PinKind::kPayment, "8642").word, 0x9000);
  enter_withdrawal_pin();
  ASSERT_EQ(chip_.change_pin(PinKind::kPayment, "").word, 0x9000);
  EXPECT_TRUE(chip_.allowances().empty());
  enter_withdrawal_pin();
  EXPECT_EQ(pay(coin(1'000'000)), 0x9000);
  ASSERT_EQ(chip_.change_pin(PinKind::kPayment, kPaymentPin).word, 0x9000);
  EXPECT_TRUE(chip_.allowances().empty());
  enter_withdrawal_pin();
  EXPECT_EQ(pay(coin(1)), 0x9804);
}

TEST_F(GuardianAllowances, ACoinsSlotHasAWorth) {
  const Bytes sum = [] {
    Bytes bytes = protocol::to_bytes(protocol::view_of("EUR"));
    protocol::append(bytes, protocol::encode_u64(7));
    return bytes;
  }();
  constexpr uint16_t kCoin = 0x0100, kCheque = 0x0200;
  EXPECT_EQ(chip_.send(Ins::kMakeSlot, kCoin, sum, 256).word, 0x9000);
  EXPECT_EQ(chip_.send(Ins::kMakeSlot, kCoin, {}, 256).word, 0x6700);
  EXPECT_EQ(chip_.send(Ins::kMakeSlot, kCheque, sum, 256).word, 0x6700);
  Bytes wrong = sum;
  wrong[0] = 0;
  EXPECT_EQ(chip_.send(Ins::kMakeSlot, kCoin, wrong, 256).word, 0x6A80);
}

}  // namespace
}  // namespace cafe::guardian
