// The power of the whole device fails at every write of a load, of a cheque's payment, of a call
// and of a payment back, in the wallet's memory and in the guardian's: after a restart it goes on,
// and no money is lost, made, or promised twice.
#include <gtest/gtest.h>

#include "device-sim/firmware/wallet/power_cut_fixture.h"
#include "libs/protocol/hash.h"
#include "libs/protocol/ticks.h"

namespace cafe::wallet {
namespace {

using protocol::Bytes;
using protocol::Bytes32;
using protocol::Payment;
using protocol::SignedDocument;
using testing::kWorldNow_ms;
using testing::kWorldNow_s;
using testing::World;

constexpr uint64_t kLoaded = 6000;
constexpr uint64_t kTick = 20;
constexpr uint32_t kMost = 16;

class MoneyPowerCutTest : public testing::PowerCutTest {
 protected:
  void SetUp() override {
    PowerCutTest::SetUp();
    device_.withdraw(issuer_, {{world_.cheque.id, 2}, {world_.coin.id, 1}});
    device_.load(issuer_, kLoaded);
  }
  Wallet& wallet() { return *device_.wallet; }
  std::vector<firmware::MemoryImage*> both() { return {&device_.memory, &device_.chip.memory()}; }
  uint64_t booked() { return wallet().balances(kWorldNow_s).at(0).counter; }
  bool valid(const Bytes& payment) {
    return protocol::check_payment(*Payment::decode(payment),
                                   {.denominations = &world_.table,
                                    .acquirer_id = std::string(World::kIssuer),
                                    .terminal_key = world_.terminal_key.public_key(),
                                    .payee_id = world_.terminal.payee_id,
                                    .terminal_id = world_.terminal.terminal_id})
        .ok();
  }
  // The terminal's acceptance of a payment.
  Bytes acceptance(const Bytes32& terms, const Bytes& payment) {
    const protocol::Acceptance accepted{world_.terminal.acquirer_id, world_.terminal.payee_id,
                                        world_.terminal.terminal_id, terms,
                                        protocol::sha256(payment),   kWorldNow_ms};
    return firmware::PaymentAnswer{true,
                                   SignedDocument::sign(accepted.encode(), world_.terminal_key)}
        .encode();
  }
  Bytes call_offer() {
    return *till_.terminal->make_call_offer("EUR", kTick, kMost, "10 s", kWorldNow_ms);
  }
  static Bytes32 terms_of(const Bytes& call_offer) {
    return firmware::CallOffer::decode(call_offer)->terms.digest();
  }
  absl::StatusOr<Bytes> tick(const Bytes32& terms, uint32_t index) {
    const Bytes demand = firmware::TickDemand{terms, index}.encode();
    auto outgoing = wallet().on_tick_demand(demand, kWorldNow_ms);
    if (!outgoing.ok()) return outgoing.status();
    return std::move(outgoing->tick);
  }
};

TEST_F(MoneyPowerCutTest, ALoadIsOrderedOnceOrNotAtAll) {
  cut_everywhere(
      {&device_.memory}, [&] { wallet().start_load("EUR", 500).IgnoreError(); },
      [&](uint64_t cut) {
        const auto pending = wallet().pending_load_bytes();
        const auto fresh = wallet().start_load("EUR", 500);
        ASSERT_NE(pending.ok(), fresh.ok()) << cut;
        testing::TestIssuer bank = issuer_;
        ASSERT_TRUE(wallet().on_loaded(*bank.load(pending.ok() ? *pending : *fresh)).ok());
        ASSERT_EQ(device_.counter(), kLoaded + 500) << cut;
      });
}

TEST_F(MoneyPowerCutTest, ALoadIsTakenOnce) {
  const Bytes answer = *issuer_.load(*wallet().start_load("EUR", 500));
  bool taken_at_start = false, taken_again = false;
  cut_everywhere(
      both(), [&] { wallet().on_loaded(answer).IgnoreError(); },
      [&](uint64_t cut) {
        (wallet().pending_load_bytes().ok() ? taken_again : taken_at_start) = true;
        const auto taken = wallet().on_loaded(answer);
        ASSERT_TRUE(taken.ok()) << cut << taken.status();
        ASSERT_EQ(taken->amount, 500u);
        ASSERT_EQ(device_.counter(), kLoaded + 500) << cut;
        ASSERT_EQ(booked(), kLoaded + 500) << cut;
        ASSERT_FALSE(wallet().pending_load_bytes().ok());
      });
  EXPECT_TRUE(taken_at_start);
  EXPECT_TRUE(taken_again);
}

TEST_F(MoneyPowerCutTest, AChequePaymentIsOneOrNone) {
  const Bytes bill = *till_.terminal->make_offer("EUR", 4321, kWorldNow_ms);
  bool promised_seen = false, fresh_seen = false;
  cut_everywhere(
      both(), [&] { wallet().on_offer(bill, kWorldNow_ms).IgnoreError(); },
      [&](uint64_t cut) {
        const bool promised = !wallet().payments().empty();
        (promised ? promised_seen : fresh_seen) = true;
        if (!promised) {
          // Nothing left the guardian.
          ASSERT_EQ(device_.counter(), kLoaded) << cut;
          ASSERT_EQ(booked(), kLoaded) << cut;
          return;
        }
        ASSERT_EQ(booked(), kLoaded - 4321) << cut;
        const auto paid = wallet().on_offer(bill, kWorldNow_ms);
        ASSERT_TRUE(paid.ok()) << cut << paid.status();
        ASSERT_TRUE(valid(paid->payment)) << cut;
        ASSERT_EQ(wallet().on_offer(bill, kWorldNow_ms)->payment, paid->payment) << cut;
        ASSERT_EQ(device_.counter(), kLoaded - 4321) << cut;
        ASSERT_EQ(booked(), kLoaded - 4321) << cut;
        ASSERT_EQ(guardian_slots(), 2u) << cut;
      });
  EXPECT_TRUE(promised_seen);
  EXPECT_TRUE(fresh_seen);
}

// What the guardian was asked once is what it is asked for after every cut.
TEST_F(MoneyPowerCutTest, AChequeHasOneRequest) {
  const Bytes bill = *till_.terminal->make_offer("EUR", 4321, kWorldNow_ms);
  Bytes asked;
  const auto listen = [&](Bytes& into) {
    device_.chip.tamper = [&into](protocol::ByteView command, protocol::MutableByteView) {
      if (command[1] == static_cast<uint8_t>(guardian::Ins::kAnswerCheque)) {
        into = protocol::to_bytes(command);
      }
    };
  };
  size_t compared = 0;
  cut_everywhere(
      {&device_.memory},
      [&] {
        asked.clear();
        listen(asked);
        wallet().on_offer(bill, kWorldNow_ms).IgnoreError();
      },
      [&](uint64_t cut) {
        if (asked.empty()) return;
        Bytes again;
        listen(again);
        ASSERT_TRUE(wallet().on_offer(bill, kWorldNow_ms).ok()) << cut;
        if (!again.empty()) {
          ASSERT_EQ(again, asked) << cut;
          ++compared;
        }
      });
  EXPECT_GT(compared, 0u);
}

TEST_F(MoneyPowerCutTest, ACallIsOpenedOnceOrNotAtAll) {
  const Bytes offer = call_offer();
  bool promised_seen = false, fresh_seen = false;
  cut_everywhere(
      both(), [&] { wallet().on_call_offer(offer, kWorldNow_ms).IgnoreError(); },
      [&](uint64_t cut) {
        (wallet().payments().empty() ? fresh_seen : promised_seen) = true;
        const auto opened = wallet().on_call_offer(offer, kWorldNow_ms);
        ASSERT_TRUE(opened.ok()) << cut << opened.status();
        ASSERT_EQ(wallet().on_call_offer(offer, kWorldNow_ms)->payment, opened->payment) << cut;
        ASSERT_TRUE(valid(opened->payment)) << cut;
        ASSERT_TRUE(wallet().on_payment_answer(acceptance(terms_of(offer), opened->payment)).ok());
        ASSERT_TRUE(tick(terms_of(offer), 0).ok()) << cut;
        ASSERT_EQ(device_.counter(), kLoaded - kTick) << cut;
        ASSERT_EQ(booked(), kLoaded - kMost * kTick) << cut;
        ASSERT_EQ(guardian_slots(), 3u) << cut;
      });
  EXPECT_TRUE(promised_seen);
  EXPECT_TRUE(fresh_seen);
}

TEST_F(MoneyPowerCutTest, ATickIsTakenOnce) {
  const Bytes offer = call_offer();
  const Bytes32 terms = terms_of(offer);
  const Bytes payment = wallet().on_call_offer(offer, kWorldNow_ms)->payment;
  ASSERT_TRUE(wallet().on_payment_answer(acceptance(terms, payment)).ok());
  ASSERT_TRUE(tick(terms, 0).ok());
  const Bytes32 root = *protocol::to_array<32>(Payment::decode(payment)->spends[0].tick_root);
  cut_everywhere(
      both(), [&] { tick(terms, 1).IgnoreError(); },
      [&](uint64_t cut) {
        const auto again = tick(terms, 1);
        ASSERT_TRUE(again.ok()) << cut << again.status();
        ASSERT_TRUE(protocol::check_tick(root, kMost, firmware::Tick::decode(*again)->reveal).ok());
        ASSERT_EQ(*tick(terms, 1), *again);
        ASSERT_EQ(device_.counter(), kLoaded - 2 * kTick) << cut;
        ASSERT_EQ(wallet().payments().at(0).ticks, 2u);
        // And on: nothing of the call was lost.
        ASSERT_TRUE(tick(terms, 2).ok());
        ASSERT_TRUE(wallet().hang_up(terms).ok());
        ASSERT_EQ(booked(), kLoaded - 3 * kTick) << cut;
        ASSERT_EQ(device_.counter(), kLoaded - 3 * kTick) << cut;
      });
}

TEST_F(MoneyPowerCutTest, ACallEndsOnce) {
  const Bytes offer = call_offer();
  const Bytes32 terms = terms_of(offer);
  const Bytes payment = wallet().on_call_offer(offer, kWorldNow_ms)->payment;
  ASSERT_TRUE(wallet().on_payment_answer(acceptance(terms, payment)).ok());
  ASSERT_TRUE(tick(terms, 0).ok());
  const Bytes last = *tick(terms, 1);
  cut_everywhere(
      both(), [&] { wallet().hang_up(terms).IgnoreError(); },
      [&](uint64_t cut) {
        ASSERT_TRUE(wallet().hang_up(terms).ok()) << cut;
        ASSERT_EQ(*tick(terms, 1), last) << cut;
        ASSERT_EQ(device_.counter(), kLoaded - 2 * kTick);
        ASSERT_EQ(booked(), kLoaded - 2 * kTick) << cut;
        ASSERT_EQ(guardian_slots(), 2u) << cut;
      });
}

TEST_F(MoneyPowerCutTest, MoneyGoesBackOnce) {
  bool promised_seen = false, fresh_seen = false;
  cut_everywhere(
      both(), [&] { wallet().pay_back("EUR", 4821, kWorldNow_ms).IgnoreError(); },
      [&](uint64_t cut) {
        auto back = wallet().pending_pay_back(kWorldNow_ms);
        (back.ok() ? promised_seen : fresh_seen) = true;
        if (!back.ok()) {
          ASSERT_EQ(booked(), kLoaded) << cut;
          ASSERT_EQ(device_.counter(), kLoaded) << cut;
          back = wallet().pay_back("EUR", 4821, kWorldNow_ms);
          ASSERT_TRUE(back.ok()) << cut << back.status();
        }
        ASSERT_EQ(wallet().pending_pay_back(kWorldNow_ms)->deposit_order, back->deposit_order)
            << cut;
        uint64_t by_cheque = 0;
        const Payment payment = *Payment::decode(back->payments.at(0));
        for (const auto& spend : payment.spends) {
          if (!spend.salt.empty()) by_cheque += spend.value;
        }
        ASSERT_EQ(device_.counter(), kLoaded - by_cheque) << cut;
        ASSERT_EQ(booked(), kLoaded - by_cheque) << cut;
        const auto receipt = issuer_.deposit(*back);
        ASSERT_TRUE(receipt.ok()) << cut << receipt.status();
        ASSERT_TRUE(
            wallet().on_pay_back_receipt(*receipt, world_.deposit_certificate.encode()).ok());
      });
  EXPECT_TRUE(promised_seen);
  EXPECT_TRUE(fresh_seen);
}

TEST_F(MoneyPowerCutTest, AReceiptSettlesOnce) {
  const PayBack back = *wallet().pay_back("EUR", 4821, kWorldNow_ms);
  const Bytes receipt = *issuer_.deposit(back);
  const Bytes certificate = world_.deposit_certificate.encode();
  cut_everywhere(
      {&device_.memory}, [&] { wallet().on_pay_back_receipt(receipt, certificate).IgnoreError(); },
      [&](uint64_t cut) {
        if (wallet().pending_pay_back(kWorldNow_ms).ok()) {
          ASSERT_EQ(wallet().pending_pay_back(kWorldNow_ms)->deposit_order, back.deposit_order)
              << cut;
          ASSERT_TRUE(wallet().on_pay_back_receipt(receipt, certificate).ok()) << cut;
        }
        ASSERT_EQ(wallet().payments().at(0).state, PaymentState::kAccepted) << cut;
      });
}

}  // namespace
}  // namespace cafe::wallet
