// The owner's PINs at the wallet: what they are asked for, what goes without, and what a thief
// gets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "device-sim/firmware/wallet/call_fixture.h"
#include "device-sim/firmware/wallet/records.h"
#include "libs/protocol/hash.h"

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

constexpr uint64_t kLimit = 1000;

class WalletPins : public testing::CallTest {
 protected:
  void SetUp() override {
    CallTest::SetUp();
    for (int n = 0; n < 2; ++n) device_.withdraw(issuer_, {{world_.cheque.id, 7}});
  }
  testing::TestOwner& owner() { return device_.owner; }
  void set_payment_pin(uint64_t limit = kLimit) {
    ASSERT_TRUE(wallet().change_pin(PinKind::kPayment).ok());
    if (limit == 0) return;
    ASSERT_TRUE(wallet().set_limit("EUR", limit).ok());
  }
  uint64_t left() { return device_.chip.allowances()["EUR"].second; }
  std::string pay_reason(uint64_t amount) { return reason_of(pay(offer(amount)).status()); }
  // How often `act` asks for a PIN of this kind.
  template <typename Act>
  int asked(PinKind kind, Act act) {
    owner().questions.clear();
    act();
    return static_cast<int>(
        std::count_if(owner().questions.begin(), owner().questions.end(),
                      [&](const PinQuestion& question) { return question.kind == kind; }));
  }
  // The chip takes nothing that needs the withdrawal PIN.
  void expect_closed() {
    EXPECT_EQ(device_.chip.make_slot().word, 0x9804);
    EXPECT_EQ(device_.chip.send(guardian::Ins::kWalletKey, 0, {}, 32).word, 0x9804);
  }
  static bool remembers(const firmware::MemoryImage& memory, ByteView content) {
    const Bytes image = memory.snapshot();
    return std::search(image.begin(), image.end(), content.begin(), content.end()) != image.end();
  }
};

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

// --- The payment PIN and what goes without ---

TEST_F(WalletPins, APaymentNeedsThePaymentPinAboveTheAllowance) {
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

TEST_F(WalletPins, ASumIsUnlockedBeforeAndLockedAgain) {
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

TEST_F(WalletPins, ACallReservesAllThatItMayCostAndGivesTheRestBack) {
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

// A payment that was promised when its allowance was locked waits for the next unlocking.
TEST_F(WalletPins, APromisedPaymentIsFinishedWithThePin) {
  set_payment_pin();
  const Bytes bill = offer(700);
  const Bytes chip_before = device_.chip.memory().snapshot();
  std::vector<Command> log;
  listen(log, true);
  ASSERT_TRUE(pay(bill).ok());
  device_.chip.tamper = nullptr;
  ASSERT_FALSE(log.empty());
  // The wallet has promised it; the guardian was never asked.
  device_.memory.restore(log[0].wallet_memory);
  device_.chip.memory().restore(chip_before);
  ASSERT_TRUE(device_.restart().ok());
  ASSERT_TRUE(wallet().lock_payments().ok());
  EXPECT_EQ(reason_of(pay(bill).status()), "PIN_NEEDED");
  ASSERT_TRUE(wallet().unlock("EUR", 700).ok());
  const auto paid = pay(bill);
  ASSERT_TRUE(paid.ok()) << paid.status();
  EXPECT_EQ(till_refuses(*paid), "");
}

// A call that is open, and a payment that is promised, are reserved when the PIN fills up.
TEST_F(WalletPins, WhatIsPromisedIsNotPromisedTwice) {
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
TEST_F(WalletPins, ALockEndsACallsMoney) {
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
TEST_F(WalletPins, TheGuardiansWordDoesNotDecideWhenThePinIsAskedFor) {
  set_payment_pin();
  device_.chip.tamper = [](ByteView command, protocol::MutableByteView response) {
    if (command[1] != static_cast<uint8_t>(guardian::Ins::kListAllowances)) return;
    std::fill(response.begin() + 3, response.end() - 2, uint8_t{0});
  };
  EXPECT_EQ(asked(PinKind::kPayment, [&] { EXPECT_EQ(pay_reason(400), ""); }), 0);
}

// The books never say more than the guardian, whatever write of either memory is the last.
TEST_F(WalletPins, BooksAreCarefulAfterEveryPowerCut) {
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
TEST_F(WalletPins, AThiefWithTheWalletSpendsWhatNeedsNoPin) {
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
TEST_F(WalletPins, AThiefFindsNoAccountKeyInTheMemory) {
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
TEST_F(WalletPins, AnotherKeyOpensNothing) {
  device_.chip.tamper = [](ByteView command, protocol::MutableByteView response) {
    if (command[1] == static_cast<uint8_t>(guardian::Ins::kWalletKey)) response[0] ^= 1;
  };
  EXPECT_EQ(reason_of(wallet().start_order({{world_.coin.id, 1}}, kWorldNow_s).status()),
            "GUARDIAN_WRONG");
  EXPECT_EQ(wallet().order_phase(), OrderPhase::kNone);
}

}  // namespace
}  // namespace cafe::wallet
