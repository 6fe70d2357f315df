// What goes without the payment PIN, and what a thief gets who knows no PIN.
#include <gtest/gtest.h>

#include "device-sim/firmware/wallet/pin_fixture.h"
#include "device-sim/firmware/wallet/records.h"
#include "libs/protocol/hash.h"

namespace cafe::wallet {
namespace {

using protocol::Bytes;
using protocol::ByteView;
using protocol::reason_of;
using testing::kLimit;
using testing::kWithdrawalPin;
using testing::kWorldNow_ms;
using testing::kWorldNow_s;

using WalletAllowances = testing::PinTest;

TEST_F(WalletAllowances, APaymentNeedsThePaymentPinAboveTheAllowance) {
  set_payment_pin();
  EXPECT_EQ(asked(PinKind::kPayment, [&] { EXPECT_EQ(pay_reason(400), ""); }), 0);
  EXPECT_EQ(left(), kLimit - 400);
  const auto asks_for = [&](uint64_t amount) {
    return asked(PinKind::kPayment, [&] { EXPECT_EQ(pay_reason(amount), ""); });
  };
  EXPECT_EQ(asks_for(601), 1);
  EXPECT_EQ(owner().questions.back().use, PinUse::kPayment);
  // The PIN stood for that payment, and filled the allowance up besides.
  EXPECT_EQ(left(), kLimit);
  EXPECT_EQ(asks_for(kLimit), 0);
  EXPECT_EQ(left(), 0u);
  owner().willing = false;
  EXPECT_EQ(pay_reason(1), "OWNER_DECLINED");
  EXPECT_TRUE(device_.restart().ok());
  EXPECT_EQ(left(), 0u);
}

TEST_F(WalletAllowances, ASumIsUnlockedBeforeAndLockedAgain) {
  set_payment_pin(0);
  ASSERT_TRUE(wallet().unlock("EUR", 1500).ok());
  EXPECT_EQ(owner().questions.back().use, PinUse::kUnlock);
  EXPECT_EQ(asked(PinKind::kPayment, [&] { EXPECT_EQ(pay_reason(1234), ""); }), 0);
  EXPECT_EQ(left(), 266u);
  ASSERT_TRUE(device_.restart().ok());
  EXPECT_EQ(asked(PinKind::kPayment, [&] { EXPECT_EQ(pay_reason(66), ""); }), 0);
  ASSERT_TRUE(wallet().lock_payments().ok());
  EXPECT_EQ(left(), 0u);
  EXPECT_EQ(asked(PinKind::kPayment, [&] { EXPECT_EQ(pay_reason(200), ""); }), 1);
  EXPECT_EQ(reason_of(wallet().unlock("EUR", 0)), "AMOUNT_ZERO");
  EXPECT_EQ(reason_of(wallet().unlock("euro", 1)), "BAD_CURRENCY");
  EXPECT_EQ(reason_of(wallet().set_limit("EUR", UINT64_MAX)), "ALLOWANCE_TOO_LARGE");
}

TEST_F(WalletAllowances, ACallReservesAllThatItMayCostAndGivesTheRestBack) {
  set_payment_pin();
  const Bytes call = call_offer(10, 50);
  EXPECT_EQ(asked(PinKind::kPayment, [&] { talk(call); }), 0);
  const auto terms = terms_of(call);
  pay_ticks(terms, 7);
  EXPECT_EQ(left(), kLimit - 70);
  // 50 ticks of 10 are promised: what is left besides is 500.
  EXPECT_EQ(asked(PinKind::kPayment, [&] { EXPECT_EQ(pay_reason(501), ""); }), 1);
  ASSERT_TRUE(wallet().hang_up(terms).ok());
  EXPECT_EQ(asked(PinKind::kPayment, [&] { EXPECT_EQ(pay_reason(900), ""); }), 0);
}

// Promised, and the guardian was never asked: what the owner locks then, she is asked for.
TEST_F(WalletAllowances, APromisedPaymentIsFinishedWithThePin) {
  set_payment_pin();
  const std::vector<std::function<void()>> acts = {
      [&] { ASSERT_TRUE(wallet().lock_payments().ok()); },
      [&] { ASSERT_TRUE(wallet().set_limit("EUR", 100).ok()); }};
  for (const auto& act : acts) {
    const Bytes bill = offer(700);
    promise_only([&] { ASSERT_TRUE(pay(bill).ok()); });
    act();
    owner().willing = false;
    EXPECT_EQ(reason_of(pay(bill).status()), "OWNER_DECLINED");
    owner().willing = true;
    EXPECT_EQ(asked(PinKind::kPayment, [&] { EXPECT_EQ(reason_of(pay(bill).status()), ""); }), 1);
    EXPECT_EQ(till_refuses(*pay(bill)), "");
    expect_forgotten();
  }
  const Bytes call = call_offer(10, 50);
  promise_only([&] { ASSERT_TRUE(open(call).ok()); });
  ASSERT_TRUE(wallet().lock_payments().ok());
  EXPECT_EQ(asked(PinKind::kPayment, [&] { talk(call); }), 1);
  pay_ticks(terms_of(call), 50);
}

// The next bill's PIN covers what it was promised besides.
TEST_F(WalletAllowances, WhatWasPromisedIsUnlockedWithTheNextBill) {
  set_payment_pin(0);
  ASSERT_TRUE(wallet().unlock("EUR", 700).ok());
  const Bytes bill = offer(700);
  promise_only([&] { ASSERT_TRUE(pay(bill).ok()); });
  ASSERT_TRUE(wallet().lock_payments().ok());
  EXPECT_EQ(asked(PinKind::kPayment, [&] { EXPECT_EQ(pay_reason(100), ""); }), 1);
  EXPECT_EQ(asked(PinKind::kPayment, [&] { EXPECT_EQ(reason_of(pay(bill).status()), ""); }), 0);
  EXPECT_EQ(left(), 0u);
}

TEST_F(WalletAllowances, APayBackThatWasPromisedIsFinishedWithThePin) {
  set_payment_pin();
  const auto pay_back = [&] { ASSERT_TRUE(wallet().pay_back("EUR", 700, kWorldNow_ms).ok()); };
  promise_only(pay_back);
  ASSERT_TRUE(wallet().lock_payments().ok());
  const auto finish = [&] {
    EXPECT_EQ(reason_of(wallet().pending_pay_back(kWorldNow_ms).status()), "");
  };
  EXPECT_EQ(asked(PinKind::kPayment, finish), 1);
  expect_forgotten();
}

// The payee withdrew a bill whose payment waits for the PIN: its word is kept, and stays.
TEST_F(WalletAllowances, ARefusalIsKeptThoughThePaymentIsNotWhole) {
  set_payment_pin();
  const Bytes bill = offer(700);
  const auto terms = firmware::Offer::decode(bill)->terms.digest();
  promise_only([&] { ASSERT_TRUE(pay(bill).ok()); });
  ASSERT_TRUE(wallet().lock_payments().ok());
  const Bytes refusal = *till_.terminal->cancel_offer(terms, kWorldNow_ms);
  for (int twice = 0; twice < 2; ++twice) {
    EXPECT_EQ(reason_of(wallet().on_payment_answer(refusal)), "");
    ASSERT_TRUE(device_.restart().ok());
    EXPECT_EQ(past().state, PaymentState::kPromised);
    EXPECT_EQ(*wallet().payment_answer(terms), refusal);
  }
  ASSERT_TRUE(wallet().unlock("EUR", 700).ok());
  EXPECT_EQ(reason_of(wallet().on_payment_answer(refusal)), "");
  EXPECT_EQ(past().state, PaymentState::kRefused);
  EXPECT_EQ(*wallet().payment_answer(terms), refusal);
  EXPECT_TRUE(wallet().payment_bytes(terms).ok()) << "it can be claimed";
}

// The payment PIN was off, and the power failed before the wallet knew: its next one begins with
// nothing, as the guardian's does.
TEST_F(WalletAllowances, TheBooksOfANewPinAreEmpty) {
  set_payment_pin();
  for (const Cut cut : {Cut::kBefore, Cut::kAfter}) {
    interrupt({guardian::Ins::kChangePin}, cut,
              [&] { ASSERT_TRUE(wallet().switch_payment_pin_off().ok()); });
    EXPECT_EQ(wallet().pins()->payment.set, cut == Cut::kBefore);
    if (cut == Cut::kAfter) break;
    ASSERT_TRUE(wallet().set_limit("EUR", kLimit).ok());
  }
  set_payment_pin(0);
  EXPECT_EQ(asked(PinKind::kPayment, [&] { EXPECT_EQ(pay_reason(400), ""); }), 1);
  EXPECT_EQ(left(), 0u);
}

// The withdrawal PIN is asked for first: where it is not entered, nothing was unlocked for nothing.
TEST_F(WalletAllowances, WhatIsNotPaidIsNotUnlocked) {
  set_payment_pin(0);
  owner().typed = {"0000", "1111", "2222"};
  const auto pay_back = [&] {
    EXPECT_EQ(reason_of(wallet().pay_back("EUR", 500, kWorldNow_ms).status()), "PIN_BLOCKED");
  };
  EXPECT_EQ(asked(PinKind::kPayment, pay_back), 0);
  EXPECT_EQ(left(), 0u);
}

// A call that is open, and a payment that is promised, are reserved when the PIN fills up.
TEST_F(WalletAllowances, WhatIsPromisedIsNotPromisedTwice) {
  set_payment_pin();
  const auto terms = talk(call_offer(10, 60));
  EXPECT_EQ(asked(PinKind::kPayment, [&] { EXPECT_EQ(pay_reason(1000), ""); }), 1);
  EXPECT_EQ(left(), kLimit);
  EXPECT_EQ(asked(PinKind::kPayment, [&] { EXPECT_EQ(pay_reason(400), ""); }), 0);
  EXPECT_EQ(asked(PinKind::kPayment, [&] { EXPECT_EQ(pay_reason(1), ""); }), 1);
  pay_ticks(terms, 60);
  ASSERT_TRUE(wallet().lock_payments().ok());
  EXPECT_EQ(left(), 0u);
}

// Locked in the middle of a call, it pays no further tick.
TEST_F(WalletAllowances, ALockEndsACallsMoney) {
  set_payment_pin();
  const auto terms = talk(call_offer(10, 60));
  pay_ticks(terms, 2);
  ASSERT_TRUE(wallet().lock_payments().ok());
  EXPECT_EQ(tick_refused(terms, 2), "PIN_NEEDED");
  ASSERT_TRUE(wallet().unlock("EUR", 700).ok());
  pay_ticks(terms, 58);
  // 120 of 700 are left over; what the call took is not there any more.
  EXPECT_EQ(left(), kLimit + 700 - 580);
  EXPECT_EQ(asked(PinKind::kPayment, [&] { EXPECT_EQ(pay_reason(1121), ""); }), 1);
}

// [guard] What the guardian says of its allowance decides nothing: the wallet asks by its own
// books.
TEST_F(WalletAllowances, TheGuardiansWordDoesNotDecideWhenThePinIsAskedFor) {
  set_payment_pin();
  device_.chip.tamper = [](ByteView command, protocol::MutableByteView response) {
    if (command[1] != static_cast<uint8_t>(guardian::Ins::kListAllowances)) return;
    std::fill(response.begin() + 3, response.end() - 2, uint8_t{0});
  };
  EXPECT_EQ(asked(PinKind::kPayment, [&] { EXPECT_EQ(pay_reason(400), ""); }), 0);
}

// The books never say more than the guardian, whatever write of either memory is the last.
TEST_F(WalletAllowances, BooksAreCarefulAfterEveryPowerCut) {
  set_payment_pin();
  const Bytes wallet_before = device_.memory.snapshot(),
              chip_before = device_.chip.memory().snapshot();
  const Bytes interrupted = offer(321);
  const std::vector<Bytes> bills = {offer(250), offer(777)};
  const std::vector<std::function<void()>> acts = {
      [&] { wallet().unlock("EUR", 300).IgnoreError(); },
      [&] { wallet().lock_payments().IgnoreError(); },
      [&] { wallet().set_limit("EUR", 200).IgnoreError(); },
      [&] { wallet().set_limit("EUR", 2000).IgnoreError(); },
      [&] { wallet().switch_payment_pin_off().IgnoreError(); },
      [&] { pay(interrupted).IgnoreError(); }};
  for (size_t n = 0; n < acts.size(); ++n) {
    for (firmware::MemoryImage* memory : {&device_.memory, &device_.chip.memory()}) {
      for (uint64_t cut = 0;; cut += memory == &device_.memory ? 23 : 101) {
        device_.memory.restore_power();
        device_.chip.memory().restore_power();
        device_.memory.restore(wallet_before);
        device_.chip.memory().restore(chip_before);
        ASSERT_TRUE(device_.restart().ok());
        memory->cut_power_after(cut);
        bool failed = false;
        try {
          acts[n]();
        } catch (const firmware::PowerLost&) {
          failed = true;
        }
        ASSERT_TRUE(device_.restart().ok());
        memory->cut_power_after(UINT64_MAX);
        // Whatever it pays goes through: with the PIN where its books or the guardian say so.
        for (const Bytes& bill : bills) {
          ASSERT_EQ(reason_of(pay(bill).status()), "") << n << ' ' << cut;
        }
        if (!failed) break;
      }
    }
  }
}

// --- Thieves ---

// She presses all buttons and knows no PIN; the firmware is the owner's.
TEST_F(WalletAllowances, AThiefWithTheWalletSpendsWhatNeedsNoPin) {
  set_payment_pin();
  ASSERT_TRUE(device_.restart().ok());
  owner().typed = std::deque<std::string>(100, "0000");
  uint64_t spent = 0;
  for (const uint64_t amount : {700u, 700u, 200u, 101u, 500u, 100u, 1u}) {
    if (pay_reason(amount).empty()) spent += amount;
  }
  EXPECT_EQ(spent, kLimit);
  EXPECT_EQ(wallet().pins()->payment.tries_left, 0);
  EXPECT_EQ(reason_of(wallet().unlock("EUR", 1)), "PIN_BLOCKED");
  EXPECT_EQ(reason_of(wallet().start_order({{world_.coin.id, 1}}, kWorldNow_s).status()),
            "PIN_BLOCKED");
  EXPECT_EQ(reason_of(wallet().start_load("EUR", 1).status()), "PIN_BLOCKED");
  EXPECT_EQ(reason_of(wallet().pay_back("EUR", 1, kWorldNow_ms).status()), "PIN_BLOCKED");
}

// She reads the wallet's memory: what would speak for the account is not in it.
TEST_F(WalletAllowances, AThiefFindsNoAccountKeyInTheMemory) {
  owner().withdrawal_pin = "314159265358";
  owner().typed = {std::string(kWithdrawalPin)};
  ASSERT_TRUE(wallet().change_pin(PinKind::kWithdrawal).ok());
  device_.withdraw(issuer_, {{world_.coin.id, 1}});
  device_.load(issuer_, 100);

  // With the PIN the seed can be opened, so this is where it is.
  ASSERT_EQ(device_.chip.verify(PinKind::kWithdrawal, "314159265358").word, 0x9000);
  const Bytes key = device_.chip.send(guardian::Ins::kWalletKey, 0, {}, 32).data;
  const Bytes seeds = [&] {
    auto store = firmware::RecordStore::open(device_.memory);
    return *(*store)->find(kSeedsKey);
  }();
  const auto pad = protocol::mac(key, protocol::Frame("wallet/sealed-identity-seed"));
  protocol::Seed seed;
  for (size_t i = 0; i < 32; ++i) seed.mutable_view()[i] = seeds[i] ^ pad[i];
  GuardianClient client(device_.chip);
  const auto certificate = protocol::open_guardian_certificate(
      *protocol::SignedDocument::decode(*client.certificate()), world_.anchors);
  const auto identity =
      protocol::WalletIdentity::derive(seed, testing::World::kIssuer, *certificate);
  ASSERT_TRUE(identity.ok());
  const auto credential = protocol::HolderCredential::decode(*wallet().holder_credential());
  ASSERT_EQ(credential->open(world_.anchors)->K, identity->account_key.public_key());

  EXPECT_TRUE(remembers(device_.memory, identity->u1.bytes())) << "payments need it";
  EXPECT_FALSE(remembers(device_.memory, seed.view()));
  EXPECT_FALSE(remembers(device_.memory, identity->account_key.secret().bytes()));
  EXPECT_FALSE(remembers(device_.memory, key));
  for (const std::string& secret : {owner().withdrawal_pin, owner().puk}) {
    EXPECT_FALSE(remembers(device_.memory, protocol::view_of(secret)));
    EXPECT_FALSE(remembers(device_.chip.memory(), protocol::view_of(secret)));
  }
}

// She puts another chip in, or the chip answers with another key.
TEST_F(WalletAllowances, AnotherKeyOpensNothing) {
  device_.chip.tamper = [](ByteView command, protocol::MutableByteView response) {
    if (command[1] == static_cast<uint8_t>(guardian::Ins::kWalletKey)) response[0] ^= 1;
  };
  EXPECT_EQ(reason_of(wallet().start_order({{world_.coin.id, 1}}, kWorldNow_s).status()),
            "GUARDIAN_WRONG");
  EXPECT_EQ(wallet().order_phase(), OrderPhase::kNone);
}

}  // namespace
}  // namespace cafe::wallet
