// A thief has the whole wallet: its memory, every request that its owner ever sent, and firmware of
// her own that talks to the chip as it likes. What she lacks is the PINs.
#include <gtest/gtest.h>

#include "device-sim/firmware/testing/loaded_chip.h"

namespace cafe::guardian {
namespace {

using protocol::Bytes;
using protocol::Kind;
using protocol::Scalar;
using testing::Chip;
using testing::kIssuerA;
using testing::kLoaded;
using testing::KnownSlot;
using testing::kPaymentPin;
using testing::kWithdrawalPin;

constexpr uint64_t kAllowed = 500;
constexpr uint64_t kTickValue = 7;
constexpr uint32_t kTicks = 40;

// Everything that the owner had when she lost it.
class GuardianThief : public ::testing::Test {
 protected:
  struct Coin {
    KnownSlot slot;
    uint64_t value;
    Scalar asked;  // the one request that the thief uses for it
    bool paid = false;
  };
  struct Cheque {
    KnownSlot slot;
    protocol::ChequeRequest asked;
    bool paid = false;
  };

  void SetUp() override {
    for (int i = 0; i < 40; ++i) {
      const uint64_t value = 1 + rng_.below(120);
      coins_.push_back({testing::known(chip_.make_slot(Kind::kCoin, value)), value, rng_.scalar()});
    }
    for (int i = 0; i < 10; ++i) {
      cheques_.push_back({loaded_.make_cheque(), loaded_.cheque(1 + rng_.below(200))});
    }
    call_.emplace(loaded_.make_cheque());
    ASSERT_EQ(chip_.draw_ticks(call_->handle, kTicks).word, 0x9000);
    ASSERT_EQ(chip_.answer_ticks(call_->handle, loaded_.call(kTickValue, kTicks)).word, 0x9000);
    ASSERT_EQ(chip_.change_pin(PinKind::kPayment, kPaymentPin).word, 0x9000);
    ASSERT_EQ(chip_.verify(PinKind::kPayment, kPaymentPin).word, 0x9000);
    ASSERT_EQ(chip_.set_limit("EUR", kAllowed).word, 0x9000);
    chip_.take_pin_away();
    chip_.restart();
  }

  // One thing that she does; `cut`: the power fails in the middle, at a byte that she chooses.
  void act(bool cut) {
    if (cut) chip_.memory().cut_power_after(rng_.below(4000));
    try {
      act();
      chip_.memory().cut_power_after(UINT64_MAX);
    } catch (const firmware::PowerLost&) {
      chip_.restart();
    }
  }
  void act() {
    switch (rng_.below(8)) {
      case 0:
      case 1: {
        Coin& coin = coins_[rng_.below(coins_.size())];
        if (chip_.answer(coin.slot.handle, coin.asked).word == 0x9000) coin.paid = true;
        return;
      }
      case 2: {
        Cheque& cheque = cheques_[rng_.below(cheques_.size())];
        if (chip_.answer_cheque(cheque.slot.handle, cheque.asked).word == 0x9000) {
          cheque.paid = true;
        }
        return;
      }
      case 3:
        if (chip_.release_tick(call_->handle, ticks_).word == 0x9000) ++ticks_;
        return;
      case 4: {  // another request for what paid already
        const Coin& coin = coins_[rng_.below(coins_.size())];
        if (coin.paid) expect_refused(chip_.answer(coin.slot.handle, rng_.scalar()).word);
        return;
      }
      case 5:
        return expect_refused(try_to_get_more());
      case 6:
        return expect_refused(guess());
      default:
        chip_.restart();
    }
  }
  // What would bring more money or more room.
  uint16_t try_to_get_more() {
    switch (rng_.below(7)) {
      case 0:
        return chip_.make_slot(Kind::kCoin, 0).word;
      case 1:
        return chip_.make_slot(Kind::kCheque).word;
      case 2:  // the issuer's next load, signed
        return loaded_.load({loaded_.serial, kIssuerA, "EUR", 1000, 2}).word;
      case 3:
        return chip_.unlock("EUR", 1000).word;
      case 4:
        return chip_.set_limit("EUR", 1000).word;
      case 5:
        return chip_.change_pin(PinKind::kPayment, "").word;
      default:
        return chip_.send(Ins::kWalletKey, 0, {}, kWalletKeySize).word;
    }
  }
  uint16_t guess() {
    switch (rng_.below(3)) {
      case 0:
        return chip_.verify(PinKind::kPayment, "0000").word;
      case 1:
        return chip_.verify(PinKind::kWithdrawal, "0000").word;
      default:
        return chip_
            .unblock(PinKind::kPayment, loaded_.puk == "00000000" ? "11111111" : "00000000", "9999")
            .word;
    }
  }
  void expect_refused(uint16_t word) {
    if (word == 0x9000) ++unexpected_;
  }

  uint64_t taken() const {
    uint64_t sum = kTickValue * ticks_;
    for (const Coin& coin : coins_) sum += coin.paid ? coin.value : 0;
    for (const Cheque& cheque : cheques_) sum += cheque.paid ? cheque.asked.value : 0;
    return sum;
  }

  testing::LoadedChip loaded_{"thief"};
  Chip& chip_ = loaded_.chip;
  protocol::SeededRng rng_{"thief"};
  std::vector<Coin> coins_;
  std::vector<Cheque> cheques_;
  std::optional<KnownSlot> call_;
  uint32_t ticks_ = 0;
  int unexpected_ = 0;
};

// Coins, cheques and ticks, cut at any byte, replayed, asked again: together no more than allowed.
TEST_F(GuardianThief, SpendsAtMostTheAllowance) {
  const Bytes stolen = chip_.memory().snapshot();
  uint64_t most = 0;
  for (int life = 0; life < 30; ++life) {
    chip_.memory().restore_power();
    chip_.memory().restore(stolen);
    chip_.restart();
    for (Coin& coin : coins_) coin.paid = false;
    for (Cheque& cheque : cheques_) cheque.paid = false;
    ticks_ = 0;
    for (int i = 0; i < 300; ++i) act(rng_.below(3) == 0);
    // What a cut left in doubt answers the same request again.
    chip_.memory().restore_power();
    chip_.restart();
    for (Coin& coin : coins_) {
      coin.paid |= chip_.answer(coin.slot.handle, coin.asked).word == 0x9000;
    }
    for (Cheque& cheque : cheques_) {
      cheque.paid |= chip_.answer_cheque(cheque.slot.handle, cheque.asked).word == 0x9000;
    }
    while (chip_.release_tick(call_->handle, ticks_).word == 0x9000) ++ticks_;
    ASSERT_LE(taken(), kAllowed) << life;
    ASSERT_EQ(unexpected_, 0) << life;
    most = std::max(most, taken());
  }
  // She does get what needs no PIN.
  EXPECT_GT(most, kAllowed - kTickValue);
}

TEST_F(GuardianThief, GetsNoSlotNoLoadNoKeyAndNoRoom) {
  for (int i = 0; i < 2000; ++i) {
    if (i % 5 == 0) {
      chip_.memory().cut_power_after(rng_.below(1500));
    }
    try {
      expect_refused(try_to_get_more());
      expect_refused(guess());
      chip_.memory().cut_power_after(UINT64_MAX);
    } catch (const firmware::PowerLost&) {
      chip_.restart();
    }
  }
  EXPECT_EQ(unexpected_, 0);
  EXPECT_EQ(loaded_.euros(), kLoaded);
  EXPECT_EQ(chip_.allowances()["EUR"], std::make_pair(kAllowed, kAllowed));
  EXPECT_EQ(chip_.tries(PinKind::kPayment), 0);
  EXPECT_EQ(chip_.tries(PinKind::kWithdrawal), 0);
}

// Power is cut at every byte of each payment, and then she pays as if nothing had been.
TEST_F(GuardianThief, WinsNothingByACutOfAnyPayment) {
  // What is left just covers one of them.
  ASSERT_EQ(chip_.verify(PinKind::kPayment, kPaymentPin).word, 0x9000);
  ASSERT_EQ(chip_.set_limit("EUR", coins_[0].value).word, 0x9000);
  const auto cheque = loaded_.cheque(coins_[0].value);
  const auto other = loaded_.cheque(coins_[0].value);
  const auto pays = [&](Chip& c) {
    int paid = 0;
    paid += c.answer(coins_[0].slot.handle, coins_[0].asked).word == 0x9000 ? 1 : 0;
    paid += c.answer_cheque(cheques_[0].slot.handle, cheque).word == 0x9000 ? 1 : 0;
    paid += c.answer_cheque(cheques_[1].slot.handle, other).word == 0x9000 ? 1 : 0;
    return paid;
  };
  const Bytes stolen = chip_.memory().snapshot();
  testing::cut_everywhere(
      chip_, [&](Chip& c) { c.answer(coins_[0].slot.handle, coins_[0].asked); },
      [&](Chip& c, uint64_t cut) { ASSERT_EQ(pays(c), 1) << cut; });
  chip_.memory().restore(stolen);
  chip_.restart();
  testing::cut_everywhere(
      chip_, [&](Chip& c) { c.answer_cheque(cheques_[0].slot.handle, cheque); },
      [&](Chip& c, uint64_t cut) { ASSERT_EQ(pays(c), 1) << cut; });
}

}  // namespace
}  // namespace cafe::guardian
