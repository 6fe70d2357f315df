// The power fails at every byte of every command about PINs and allowances, and of every payment
// that takes from one: each has happened whole or not at all, and no try is won by it.
#include <gtest/gtest.h>

#include "device-sim/firmware/testing/loaded_chip.h"

namespace cafe::guardian {
namespace {

using protocol::Bytes;
using protocol::Kind;
using testing::Chip;
using testing::cut_everywhere;
using testing::kLoaded;
using testing::KnownSlot;
using testing::kPaymentPin;
using testing::kWithdrawalPin;
using testing::Response;

constexpr PinKind kWithdrawal = PinKind::kWithdrawal;
constexpr PinKind kPayment = PinKind::kPayment;
constexpr uint64_t kLimit = 300;

class GuardianPinPowerCut : public ::testing::Test {
 protected:
  // No PIN is entered unless a test does it.
  void SetUp() override {
    cheque_.emplace(loaded_.make_cheque());
    coin_.emplace(testing::known(chip_.make_slot(Kind::kCoin, 100)));
    call_.emplace(loaded_.make_cheque());
    ASSERT_EQ(chip_.draw_ticks(call_->handle, 5).word, 0x9000);
    ASSERT_EQ(chip_.answer_ticks(call_->handle, loaded_.call(10, 5)).word, 0x9000);
    ASSERT_EQ(chip_.change_pin(kPayment, kPaymentPin).word, 0x9000);
    ASSERT_EQ(chip_.verify(kPayment, kPaymentPin).word, 0x9000);
    ASSERT_EQ(chip_.set_limit("EUR", kLimit).word, 0x9000);
    chip_.take_pin_away();
    chip_.restart();
    image_ = chip_.memory().snapshot();
  }
  // As it was when the test began: for one command after the other.
  void begin_again() {
    chip_.memory().restore_power();
    chip_.memory().restore(image_);
    chip_.restart();
  }
  uint64_t left() { return chip_.allowances()["EUR"].second; }
  void enter_both(Chip& c) {
    ASSERT_EQ(c.verify(kWithdrawal, kWithdrawalPin).word, 0x9000);
    ASSERT_EQ(c.verify(kPayment, kPaymentPin).word, 0x9000);
  }
  uint64_t bytes_of(const std::function<void(Chip&)>& command) {
    const Bytes before = chip_.memory().snapshot();
    const uint64_t start = chip_.memory().bytes_written();
    command(chip_);
    const uint64_t bytes = chip_.memory().bytes_written() - start;
    chip_.memory().restore(before);
    chip_.restart();
    return bytes;
  }
  void saw(bool happened) { (happened ? happened_ : not_happened_) = true; }
  void TearDown() override {
    EXPECT_TRUE(happened_);
    EXPECT_TRUE(not_happened_);
  }

  testing::LoadedChip loaded_{"pin cut"};
  Chip& chip_ = loaded_.chip;
  std::optional<KnownSlot> cheque_, coin_, call_;
  Bytes image_;
  bool happened_ = false, not_happened_ = false;
};

TEST_F(GuardianPinPowerCut, SetUpMakesAllOrNothing) {
  Chip chip("new");
  chip.manufacture(*protocol::SigningKey::create(protocol::Scalar::from_u64(77)),
                   protocol::Serial{{1}});
  std::string puk;
  cut_everywhere(
      chip,
      [&](Chip& c) {
        puk = protocol::to_string(c.draw_puk().data);
        c.set_up_pin(kWithdrawalPin);
      },
      [&](Chip& c, uint64_t cut) {
        const uint16_t word = c.verify(kWithdrawal, kWithdrawalPin).word;
        ASSERT_TRUE(word == 0x9000 || word == 0x6A88) << cut;
        const bool set = word == 0x9000;
        saw(set);
        ASSERT_EQ(c.draw_puk().word, set ? 0x6985 : 0x9000) << cut;
        ASSERT_EQ(c.unblock(kWithdrawal, puk, "1111").word, set ? 0x9000 : 0x6A88) << cut;
        const Response key = c.send(Ins::kWalletKey, 0, {}, kWalletKeySize);
        if (!set) {
          ASSERT_EQ(key.word, 0x9804) << cut;
          return;
        }
        ASSERT_EQ(c.verify(kWithdrawal, "1111").word, 0x9000);
        ASSERT_NE(c.send(Ins::kWalletKey, 0, {}, kWalletKeySize).data, Bytes(kWalletKeySize, 0));
      });
}

// What a wrong PIN writes, a right one writes too, and then more: so a cut where they part is a
// comparison that was seen. By then the try is gone, or the right PIN has given all of them back.
TEST_F(GuardianPinPowerCut, ATryIsGoneBeforeItIsCompared) {
  for (const auto& [kind, pin] :
       {std::pair{kWithdrawal, kWithdrawalPin}, {kPayment, kPaymentPin}}) {
    const uint64_t told = bytes_of([&](Chip& c) { c.verify(kind, "0000"); });
    cut_everywhere(
        chip_, [&](Chip& c) { c.verify(kind, pin); },
        [&](Chip& c, uint64_t cut) {
          const uint8_t tries = c.tries(kind);
          ASSERT_TRUE(tries == 2 || tries == 3) << cut;
          saw(tries == 2);
          if (cut < told) return;
          // Whoever watches has learnt that it is right. What was counted stays counted until the
          // whole of what a right PIN does has happened.
          if (kind == kPayment && tries == 3) {
            ASSERT_EQ(left(), kLimit) << cut;
          }
        });
    begin_again();
    cut_everywhere(
        chip_, [&](Chip& c) { c.verify(kind, "0000"); },
        [&](Chip& c, uint64_t cut) {
          const uint8_t tries = c.tries(kind);
          ASSERT_TRUE(tries == 2 || tries == 3) << cut;
          saw(tries == 2);
        });
    begin_again();
  }
}

// [guard] Whoever watches what is written, and cuts the power in time, cannot tell a right PIN from
// a wrong one before a try is gone.
TEST_F(GuardianPinPowerCut, ARightPinWritesWhatAWrongOneDoesUntilTheTryIsGone) {
  for (const auto& [kind, pin] :
       {std::pair{kWithdrawal, kWithdrawalPin}, {kPayment, kPaymentPin}}) {
    const uint64_t told = bytes_of([&](Chip& c) { c.verify(kind, "0000"); });
    ASSERT_GT(told, 0u);
    // What is in the memory where the power fails after `cut` bytes of it.
    const auto torn = [&](std::string_view digits, uint64_t cut) {
      begin_again();
      chip_.memory().cut_power_after(cut);
      try {
        chip_.verify(kind, digits);
        EXPECT_EQ(cut, told);
        EXPECT_NE(digits, pin);
      } catch (const firmware::PowerLost&) {
      }
      return chip_.memory().snapshot();
    };
    for (uint64_t cut = 0; cut < told; ++cut) {
      ASSERT_EQ(torn(pin, cut), torn("0000", cut)) << cut;
      saw(cut > 0);
    }
    torn(pin, told);
    chip_.restart();
    ASSERT_EQ(chip_.tries(kind), 2);
    begin_again();
  }
}

// Cuts the power after so many bytes of each guess. Only a command that answered has compared.
TEST_F(GuardianPinPowerCut, GuessingEndsAfterThreeTriesWhateverIsCut) {
  for (const PinKind kind : {kWithdrawal, kPayment}) {
    const uint64_t told = bytes_of([&](Chip& c) { c.verify(kind, "0000"); });
    for (uint64_t cut = 0; cut <= told; ++cut) {
      begin_again();
      int compared = 0;
      for (int guess = 0; guess < 8; ++guess) {
        // Every other guess is cut.
        if (guess % 2 == 0) chip_.memory().cut_power_after(cut);
        try {
          const uint16_t word = chip_.verify(kind, "0000").word;
          compared += (word & 0xFFF0) == 0x63C0 ? 1 : 0;
          chip_.memory().cut_power_after(UINT64_MAX);
        } catch (const firmware::PowerLost&) {
          chip_.restart();
        }
      }
      ASSERT_LE(compared, 3) << cut;
      ASSERT_EQ(chip_.tries(kind), 0) << cut;
      saw(compared == 3);
      saw(compared != 3);
    }
  }
}

TEST_F(GuardianPinPowerCut, ThePuksTriesAreCountedInTheSameWay) {
  const std::string wrong = loaded_.puk == "00000000" ? "00000001" : "00000000";
  cut_everywhere(
      chip_, [&](Chip& c) { c.unblock(kWithdrawal, wrong, "1111"); },
      [&](Chip& c, uint64_t cut) {
        const uint8_t tries = c.tries(std::nullopt);
        ASSERT_TRUE(tries == 9 || tries == 10) << cut;
        saw(tries == 9);
        ASSERT_EQ(c.verify(kWithdrawal, "1111").word, 0x63C2) << cut;
      });
  begin_again();
  cut_everywhere(
      chip_, [&](Chip& c) { c.unblock(kWithdrawal, loaded_.puk, "1111"); },
      [&](Chip& c, uint64_t cut) {
        // The PIN changes with the PUK's tries.
        const bool changed = c.verify(kWithdrawal, "1111").word == 0x9000;
        saw(changed);
        ASSERT_EQ(c.verify(kWithdrawal, kWithdrawalPin).word == 0x9000, !changed) << cut;
        const uint8_t tries = c.tries(std::nullopt);
        if (changed) {
          ASSERT_EQ(tries, 10) << cut;
        }
        ASSERT_GE(tries, 9) << cut;
      });
}

TEST_F(GuardianPinPowerCut, ARightPaymentPinFillsUpAndGivesTriesBackTogether) {
  ASSERT_EQ(chip_.answer(coin_->handle, loaded_.rng.scalar()).word, 0x9000);
  ASSERT_EQ(left(), kLimit - 100);
  ASSERT_EQ(chip_.verify(kPayment, "0000").word, 0x63C2);
  cut_everywhere(
      chip_, [&](Chip& c) { c.verify(kPayment, kPaymentPin); },
      [&](Chip& c, uint64_t cut) {
        const bool entered = c.tries(kPayment) == 3;
        saw(entered);
        ASSERT_EQ(left(), entered ? kLimit : kLimit - 100) << cut;
        ASSERT_EQ(c.unlock("EUR", 1).word, 0x9804) << cut << ": nothing survives a reset";
      });
}

TEST_F(GuardianPinPowerCut, PinsAreTheOldOrTheNewOnes) {
  cut_everywhere(
      chip_,
      [&](Chip& c) {
        enter_both(c);
        c.change_pin(kWithdrawal, "1111");
      },
      [&](Chip& c, uint64_t cut) {
        const bool changed = c.verify(kWithdrawal, "1111").word == 0x9000;
        saw(changed);
        ASSERT_EQ(c.verify(kWithdrawal, kWithdrawalPin).word == 0x9000, !changed) << cut;
      });
  begin_again();
  cut_everywhere(
      chip_,
      [&](Chip& c) {
        enter_both(c);
        c.change_pin(kPayment, "");
      },
      [&](Chip& c, uint64_t cut) {
        // Off, it leaves no limits behind; on, they are what they were.
        const bool off = c.verify(kPayment, kPaymentPin).word == 0x6A88;
        ASSERT_EQ(left(), off ? 0 : kLimit) << cut;
      });
}

TEST_F(GuardianPinPowerCut, UnlockingAndLockingHappenOrNot) {
  cut_everywhere(
      chip_,
      [&](Chip& c) {
        enter_both(c);
        c.unlock("EUR", 50);
      },
      [&](Chip&, uint64_t cut) {
        ASSERT_TRUE(left() == kLimit || left() == kLimit + 50) << cut;
        saw(left() != kLimit);
      });
  begin_again();
  cut_everywhere(
      chip_,
      [&](Chip& c) {
        enter_both(c);
        c.set_limit("EUR", 7);
      },
      [&](Chip& c, uint64_t cut) {
        const auto [limit, left] = c.allowances()["EUR"];
        ASSERT_TRUE(limit == left && (left == kLimit || left == 7)) << cut;
      });
  begin_again();
  cut_everywhere(
      chip_, [&](Chip& c) { c.lock_payments(); },
      [&](Chip&, uint64_t cut) {
        ASSERT_TRUE(left() == 0 || left() >= 7) << cut;
        saw(left() == 0);
      });
}

TEST_F(GuardianPinPowerCut, ACoinIsMarkedAndAllowedOrNeither) {
  const auto request = loaded_.rng.scalar(), other = loaded_.rng.scalar();
  cut_everywhere(
      chip_, [&](Chip& c) { c.answer(coin_->handle, request); },
      [&](Chip& c, uint64_t cut) {
        const bool marked =
            c.status(coin_->handle).data[0] == static_cast<uint8_t>(SlotState::kUsed);
        saw(marked);
        ASSERT_EQ(left(), marked ? kLimit - 100 : kLimit) << cut;
        ASSERT_EQ(c.answer(coin_->handle, other).word, marked ? 0x6985 : 0x9000) << cut;
        ASSERT_EQ(c.answer(coin_->handle, request).word, marked ? 0x9000 : 0x6985) << cut;
        ASSERT_EQ(left(), kLimit - 100) << cut;
      });
}

// Three records: the slot, its counter, and the allowance.
TEST_F(GuardianPinPowerCut, AChequeIsMarkedPaidAndAllowedOrNothingOfIt) {
  const auto request = loaded_.cheque(123);
  cut_everywhere(
      chip_, [&](Chip& c) { c.answer_cheque(cheque_->handle, request); },
      [&](Chip& c, uint64_t cut) {
        const bool marked =
            c.status(cheque_->handle).data[0] == static_cast<uint8_t>(SlotState::kUsed);
        saw(marked);
        ASSERT_EQ(left(), marked ? kLimit - 123 : kLimit) << cut;
        ASSERT_EQ(loaded_.euros(), marked ? kLoaded - 123 : kLoaded) << cut;
        ASSERT_EQ(c.answer_cheque(cheque_->handle, request).word, 0x9000) << cut;
        ASSERT_EQ(left(), kLimit - 123) << cut;
        ASSERT_EQ(loaded_.euros(), kLoaded - 123) << cut;
      });
}

TEST_F(GuardianPinPowerCut, ATickIsCountedPaidAndAllowedOrNothingOfIt) {
  cut_everywhere(
      chip_, [&](Chip& c) { c.release_tick(call_->handle, 0); },
      [&](Chip& c, uint64_t cut) {
        const bool counted = loaded_.euros() == kLoaded - 10;
        saw(counted);
        ASSERT_EQ(left(), counted ? kLimit - 10 : kLimit) << cut;
        ASSERT_EQ(c.release_tick(call_->handle, 0).word, 0x9000) << cut;
        ASSERT_EQ(left(), kLimit - 10) << cut;
        ASSERT_EQ(loaded_.euros(), kLoaded - 10) << cut;
      });
}

}  // namespace
}  // namespace cafe::guardian
