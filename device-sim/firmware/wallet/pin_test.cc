// The first use of a wallet, and what its withdrawal PIN is asked for.
#include <gtest/gtest.h>

#include "device-sim/firmware/wallet/pin_fixture.h"

namespace cafe::wallet {
namespace {

using protocol::Bytes;
using protocol::ByteView;
using protocol::reason_of;
using testing::kLoadedCents;
using testing::kPaymentPin;
using testing::kWithdrawalPin;
using testing::kWorldNow_ms;
using testing::kWorldNow_s;

using WalletPins = testing::PinTest;

// --- The first use ---

TEST_F(WalletPins, ANewDeviceIsSetUpBeforeItRegisters) {
  testing::Device fresh(world_, "fresh");
  ASSERT_TRUE(fresh.restart().ok());
  fresh.owner.willing = false;
  EXPECT_EQ(reason_of(fresh.wallet->begin_registration(issuer_.nonce()).status()),
            "OWNER_DECLINED");
  EXPECT_FALSE(fresh.wallet->pins()->withdrawal.set);
  const std::string not_noted = fresh.owner.puk;
  fresh.owner.willing = true;
  ASSERT_TRUE(fresh.wallet->begin_registration(issuer_.nonce()).ok());
  EXPECT_NE(fresh.owner.puk, not_noted);
  EXPECT_EQ(fresh.owner.puk.size(), guardian::kPukDigits);
  EXPECT_TRUE(fresh.owner.questions.empty()) << "she has just chosen it";
  EXPECT_EQ(reason_of(fresh.wallet->set_up()), "PINS_SET");
  const PinStates pins = *fresh.wallet->pins();
  EXPECT_TRUE(pins.withdrawal.set);
  EXPECT_FALSE(pins.payment.set);
  EXPECT_EQ(pins.puk.tries_left, guardian::kPukTries);
}

// Whatever write of either memory the power fails at, the next start finishes or begins anew.
TEST_F(WalletPins, SettingUpSurvivesEveryPowerCut) {
  for (const bool of_chip : {false, true}) {
    for (uint64_t cut = 0;; cut += of_chip ? 61 : 7) {
      testing::Device fresh(world_, "fresh");
      ASSERT_TRUE(fresh.restart().ok());
      (of_chip ? fresh.chip.memory() : fresh.memory).cut_power_after(cut);
      bool failed = false;
      try {
        EXPECT_TRUE(fresh.wallet->set_up().ok());
      } catch (const firmware::PowerLost&) {
        failed = true;
      }
      ASSERT_TRUE(fresh.restart().ok()) << cut;
      const auto nonce = issuer_.nonce();
      const auto file = fresh.wallet->begin_registration(nonce);
      ASSERT_TRUE(file.ok()) << cut << file.status();
      ASSERT_TRUE(issuer_.register_wallet(*file, nonce).ok()) << cut;
      if (!failed) break;
    }
  }
}

// --- The withdrawal PIN ---

TEST_F(WalletPins, WhatTouchesTheAccountNeedsTheWithdrawalPin) {
  const std::vector<protocol::OrderLine> lines = {{world_.coin.id, 1}};
  EXPECT_EQ(asked(PinKind::kWithdrawal, [&] { device_.withdraw(issuer_, lines); }), 2)
      << "for Open, and for the order";
  EXPECT_EQ(asked(PinKind::kWithdrawal, [&] { device_.load(issuer_, 100); }), 2);
  EXPECT_EQ(asked(PinKind::kWithdrawal,
                  [&] { EXPECT_TRUE(wallet().pay_back("EUR", 500, kWorldNow_ms).ok()); }),
            1);
  EXPECT_EQ(asked(PinKind::kWithdrawal, [&] { EXPECT_EQ(pay_reason(1234), ""); }), 0);
  expect_closed();
  owner().willing = false;
  EXPECT_EQ(reason_of(wallet().start_order(lines, kWorldNow_s).status()), "OWNER_DECLINED");
  EXPECT_EQ(reason_of(wallet().start_load("EUR", 100).status()), "OWNER_DECLINED");
}

TEST_F(WalletPins, OneEntryServesAllOfAnErrand) {
  const std::vector<protocol::OrderLine> lines = {{world_.coin.id, 1}};
  const auto errand = [&] {
    EXPECT_TRUE(wallet()
                    .with_one_pin([&] {
                      device_.withdraw(issuer_, lines);
                      device_.load(issuer_, 100);
                      return absl::OkStatus();
                    })
                    .ok());
  };
  EXPECT_EQ(asked(PinKind::kWithdrawal, errand), 1);
  expect_closed();
  EXPECT_EQ(asked(PinKind::kWithdrawal, [&] { device_.load(issuer_, 100); }), 2);
}

TEST_F(WalletPins, AnEnteredPinDoesNotSurviveAReset) {
  EXPECT_TRUE(wallet()
                  .with_one_pin([&] {
                    const Bytes open = *wallet().start_order({{world_.coin.id, 1}}, kWorldNow_s);
                    const Bytes answer = *issuer_.open(open);
                    device_.chip.restart();
                    expect_closed();
                    EXPECT_EQ(reason_of(wallet().on_open_answer(answer, kWorldNow_s).status()),
                              "PIN_NEEDED");
                    return absl::OkStatus();
                  })
                  .ok());
  EXPECT_EQ(device_.chip.make_slot().word, 0x9804);
  const Bytes answer = *issuer_.open(*wallet().pending_open_bytes());
  ASSERT_TRUE(device_.restart().ok());
  owner().willing = false;
  EXPECT_EQ(reason_of(wallet().on_open_answer(answer, kWorldNow_s).status()), "OWNER_DECLINED");
  owner().willing = true;
  EXPECT_TRUE(wallet().on_open_answer(answer, kWorldNow_s).ok());
}

// However it ends, and whatever came of it: nothing is left open that was opened.
TEST_F(WalletPins, TheGuardianForgetsAPinOnceItHasServed) {
  set_payment_pin();
  expect_forgotten();
  EXPECT_EQ(reason_of(wallet().set_limit("EUR", UINT64_MAX)), "ALLOWANCE_TOO_LARGE");
  expect_forgotten();
  EXPECT_EQ(reason_of(wallet().unlock("EUR", UINT64_MAX)), "ALLOWANCE_TOO_LARGE");
  expect_forgotten();
  device_.chip.tamper = [](ByteView command, protocol::MutableByteView response) {
    if (command[1] == static_cast<uint8_t>(guardian::Ins::kWalletKey)) response[0] ^= 1;
  };
  const auto expect_wrong = [&](const absl::Status& status) {
    EXPECT_EQ(reason_of(status), "GUARDIAN_WRONG");
    expect_forgotten();
  };
  expect_wrong(wallet().start_order({{world_.coin.id, 1}}, kWorldNow_s).status());
  expect_wrong(wallet().start_load("EUR", 100).status());
  expect_wrong(wallet().pay_back("EUR", 500, kWorldNow_ms).status());
  expect_wrong(wallet().change_pin(PinKind::kWithdrawal));
}

// The wallet's chip started anew, the guardian's did not.
TEST_F(WalletPins, TheGuardianForgetsThePinsWhenTheWalletStarts) {
  set_payment_pin();
  ASSERT_EQ(device_.chip.verify(PinKind::kWithdrawal, kWithdrawalPin).word, 0x9000);
  ASSERT_EQ(device_.chip.verify(PinKind::kPayment, kPaymentPin).word, 0x9000);
  protocol::SeededRng rng("anew");
  ASSERT_TRUE(Wallet::boot(device_.memory, device_.chip, rng, owner(),
                           {std::string(testing::World::kIssuer), world_.anchors, 1})
                  .ok());
  expect_forgotten();
  expect_closed();
}

TEST_F(WalletPins, ALoadThatTheGuardianHasNotTakenWaitsForThePin) {
  const Bytes order = *wallet().start_load("EUR", 100);
  const Bytes loaded = *issuer_.load(order);
  owner().willing = false;
  EXPECT_EQ(reason_of(wallet().on_loaded(loaded).status()), "OWNER_DECLINED");
  ASSERT_TRUE(device_.restart().ok());
  EXPECT_EQ(device_.counter(), kLoadedCents);
  EXPECT_EQ(balance().counter, kLoadedCents);
  owner().willing = true;
  EXPECT_TRUE(wallet().on_loaded(loaded).ok());
  EXPECT_EQ(device_.counter(), kLoadedCents + 100);
}

TEST_F(WalletPins, AsksAgainAfterAWrongOneAndStopsWhenItIsBlocked) {
  owner().typed = {"0000", "1111"};
  owner().questions.clear();
  ASSERT_TRUE(wallet().start_order({{world_.coin.id, 1}}, kWorldNow_s).ok());
  ASSERT_EQ(owner().questions.size(), 3u);
  for (size_t n = 0; n < 3; ++n) {
    EXPECT_EQ(owner().questions[n].use, PinUse::kWithdrawal);
    EXPECT_EQ(owner().questions[n].tries_left, 3 - n);
    EXPECT_EQ(owner().questions[n].wrong, n > 0);
  }
  ASSERT_TRUE(wallet().cancel_open().ok());

  owner().typed = {"0000", "1111", "2222"};
  EXPECT_EQ(reason_of(wallet().start_order({{world_.coin.id, 1}}, kWorldNow_s).status()),
            "PIN_BLOCKED");
  EXPECT_EQ(wallet().order_phase(), OrderPhase::kNone);
  EXPECT_EQ(
      asked(PinKind::kWithdrawal,
            [&] { EXPECT_EQ(reason_of(wallet().start_load("EUR", 1).status()), "PIN_BLOCKED"); }),
      0);
  // What is in the wallet can be paid with all the same.
  EXPECT_EQ(pay_reason(500), "");

  const std::string puk = owner().puk;
  owner().puk = puk == "12345678" ? "87654321" : "12345678";
  owner().withdrawal_pin = "4711";
  const auto unblock = [&] {
    owner().puk_tries = 0;
    return reason_of(wallet().unblock_pin(PinKind::kWithdrawal));
  };
  // One wrong PUK, then the owner gives up.
  device_.chip.tamper = [&](ByteView command, protocol::MutableByteView) {
    if (command[1] == static_cast<uint8_t>(guardian::Ins::kUnblockPin)) owner().puk = puk;
  };
  EXPECT_EQ(unblock(), "");
  EXPECT_EQ(owner().puk_tries, guardian::kPukTries - 1);
  device_.chip.tamper = nullptr;
  EXPECT_TRUE(wallet().start_order({{world_.coin.id, 1}}, kWorldNow_s).ok());
  EXPECT_EQ(reason_of(wallet().unblock_pin(PinKind::kPayment)), "NO_PIN");
}

TEST_F(WalletPins, ThePukEndsForGood) {
  owner().puk = owner().puk == "12345678" ? "87654321" : "12345678";
  EXPECT_EQ(reason_of(wallet().unblock_pin(PinKind::kWithdrawal)), "PUK_BLOCKED");
  EXPECT_EQ(wallet().pins()->puk.tries_left, 0);
}

TEST_F(WalletPins, AreChanged) {
  const auto entered = [&](std::string old_pin, std::string new_pin) {
    owner().withdrawal_pin = std::move(new_pin);
    owner().typed = {std::move(old_pin)};
    return reason_of(wallet().change_pin(PinKind::kWithdrawal));
  };
  EXPECT_EQ(entered(std::string(kWithdrawalPin), "471147114711"), "");
  device_.load(issuer_, 100);
  set_payment_pin();
  owner().payment_pin = owner().withdrawal_pin;
  owner().typed = {owner().withdrawal_pin, std::string(kPaymentPin)};
  EXPECT_EQ(reason_of(wallet().change_pin(PinKind::kPayment)), "PINS_ALIKE");
  owner().payment_pin = std::string(kPaymentPin);
  EXPECT_EQ(reason_of(wallet().switch_payment_pin_off()), "");
  EXPECT_EQ(reason_of(wallet().switch_payment_pin_off()), "NO_PIN");
  EXPECT_EQ(reason_of(wallet().unlock("EUR", 1)), "NO_PIN");
  EXPECT_EQ(reason_of(wallet().lock_payments()), "NO_PIN");
  EXPECT_EQ(pay_reason(3000), "");
  expect_closed();
}

}  // namespace
}  // namespace cafe::wallet
