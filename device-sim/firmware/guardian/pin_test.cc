// PINs, the PUK, and what they open.
#include <gtest/gtest.h>

#include <set>

#include "device-sim/firmware/testing/loaded_chip.h"

namespace cafe::guardian {
namespace {

using protocol::Bytes;
using protocol::ByteView;
using protocol::Kind;
using testing::Chip;
using testing::kIssuerA;
using testing::kLoaded;
using testing::kPaymentPin;
using testing::kWithdrawalPin;
using testing::Response;

constexpr PinKind kWithdrawal = PinKind::kWithdrawal;
constexpr PinKind kPayment = PinKind::kPayment;

// A chip that is in use: the withdrawal PIN is set, and not entered.
class GuardianPins : public ::testing::Test {
 protected:
  void SetUp() override {
    chip_.take_pin_away();
    chip_.restart();
  }
  void set_payment_pin() {
    ASSERT_EQ(chip_.verify(kWithdrawal, kWithdrawalPin).word, 0x9000);
    ASSERT_EQ(chip_.change_pin(kPayment, kPaymentPin).word, 0x9000);
  }
  uint16_t wallet_key() { return chip_.send(Ins::kWalletKey, 0, {}, kWalletKeySize).word; }

  testing::LoadedChip loaded_{"pins"};
  Chip& chip_ = loaded_.chip;
};

TEST(GuardianSetUp, MakesPinPukAndWalletKeyOnce) {
  Chip chip("new");
  chip.manufacture(*protocol::SigningKey::create(protocol::Scalar::from_u64(77)),
                   protocol::Serial{{1}});
  EXPECT_EQ(chip.make_slot().word, 0x9804);
  EXPECT_EQ(chip.verify(kWithdrawal, kWithdrawalPin).word, 0x6A88);
  EXPECT_EQ(chip.set_up_pin(kWithdrawalPin).word, 0x6985) << "nobody has seen a PUK";
  std::set<std::string> puks;
  for (int i = 0; i < 20; ++i) puks.insert(protocol::to_string(chip.draw_puk().data));
  EXPECT_EQ(puks.size(), 20u);
  for (const std::string& puk : puks) {
    EXPECT_EQ(puk.size(), kPukDigits);
    EXPECT_TRUE(std::all_of(puk.begin(), puk.end(), [](char c) { return c >= '0' && c <= '9'; }));
  }
  chip.restart();
  EXPECT_EQ(chip.set_up_pin(kWithdrawalPin).word, 0x6985) << "that PUK was never durable";
  const std::string puk = protocol::to_string(chip.draw_puk().data);
  EXPECT_EQ(chip.set_up_pin("25a0").word, 0x6A80);
  EXPECT_EQ(chip.set_up_pin("258").word, 0x6700);
  EXPECT_EQ(chip.set_up_pin(kWithdrawalPin).word, 0x9000);
  EXPECT_EQ(chip.make_slot().word, 0x9000) << "it was entered just now";
  EXPECT_EQ(chip.draw_puk().word, 0x6985);
  EXPECT_EQ(chip.set_up_pin("1111").word, 0x6985);
  EXPECT_EQ(chip.unblock(kWithdrawal, puk, "1111").word, 0x9000) << "the PUK that was shown last";
}

TEST_F(GuardianPins, SlotsLoadsAndTheWalletKeyNeedTheWithdrawalPin) {
  const protocol::Load load{loaded_.serial, kIssuerA, "EUR", 100, 2};
  const auto nothing_goes = [&] {
    EXPECT_EQ(chip_.make_slot().word, 0x9804);
    EXPECT_EQ(chip_.make_slot(Kind::kCheque).word, 0x9804);
    EXPECT_EQ(loaded_.load(load).word, 0x9804);
    EXPECT_EQ(wallet_key(), 0x9804);
    EXPECT_EQ(loaded_.euros(), kLoaded);
  };
  nothing_goes();
  ASSERT_EQ(chip_.verify(kWithdrawal, kWithdrawalPin).word, 0x9000);
  EXPECT_EQ(chip_.make_slot().word, 0x9000);
  ASSERT_EQ(chip_.forget_pins().word, 0x9000);
  nothing_goes();
  ASSERT_EQ(chip_.verify(kWithdrawal, kWithdrawalPin).word, 0x9000);
  chip_.restart();
  nothing_goes();
  // What was right before ends with what is wrong.
  ASSERT_EQ(chip_.verify(kWithdrawal, kWithdrawalPin).word, 0x9000);
  EXPECT_EQ(chip_.verify(kWithdrawal, "0000").word, 0x63C2);
  nothing_goes();
  ASSERT_EQ(chip_.verify(kWithdrawal, kWithdrawalPin).word, 0x9000);
  EXPECT_EQ(loaded_.load(load).word, 0x9000) << "the premise";
}

TEST_F(GuardianPins, TheWalletKeyIsTheChipsOwnForLife) {
  const auto key_of = [](Chip& chip) {
    EXPECT_EQ(chip.verify(kWithdrawal, kWithdrawalPin).word, 0x9000);
    return chip.send(Ins::kWalletKey, 0, {}, kWalletKeySize).data;
  };
  const Bytes key = key_of(chip_);
  EXPECT_EQ(key.size(), kWalletKeySize);
  chip_.restart();
  EXPECT_EQ(key_of(chip_), key);
  testing::LoadedChip other("another");
  EXPECT_NE(key_of(other.chip), key);
  ASSERT_EQ(chip_.change_pin(kWithdrawal, "4711").word, 0x9000);
  ASSERT_EQ(chip_.verify(kWithdrawal, "4711").word, 0x9000);
  EXPECT_EQ(chip_.send(Ins::kWalletKey, 0, {}, kWalletKeySize).data, key);
}

TEST_F(GuardianPins, ThreeWrongOnesBlockAndARightOneGivesThemBack) {
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(chip_.verify(kWithdrawal, "0000").word, 0x63C2);
    chip_.restart();
    EXPECT_EQ(chip_.verify(kWithdrawal, "258").word, 0x6700) << "no try";
    EXPECT_EQ(chip_.verify(kWithdrawal, "25 80").word, 0x6A80) << "no try";
    // A prefix, and one with a digit more, are wrong as any.
    EXPECT_EQ(chip_.verify(kWithdrawal, "25800").word, 0x63C1);
    EXPECT_EQ(chip_.tries(kWithdrawal), 1);
    EXPECT_EQ(chip_.verify(kWithdrawal, kWithdrawalPin).word, 0x9000);
    EXPECT_EQ(chip_.tries(kWithdrawal), 3);
  }
  for (const uint16_t word : {0x63C2, 0x63C1, 0x63C0, 0x6983, 0x6983}) {
    EXPECT_EQ(chip_.verify(kWithdrawal, "0000").word, word);
  }
  EXPECT_EQ(chip_.verify(kWithdrawal, kWithdrawalPin).word, 0x6983);
  chip_.restart();
  EXPECT_EQ(chip_.verify(kWithdrawal, kWithdrawalPin).word, 0x6983);
  EXPECT_EQ(chip_.make_slot().word, 0x9804);
}

TEST_F(GuardianPins, EachPinHasTriesOfItsOwn) {
  set_payment_pin();
  EXPECT_EQ(chip_.verify(kPayment, kWithdrawalPin).word, 0x63C2);
  EXPECT_EQ(chip_.verify(kPayment, "0000").word, 0x63C1);
  EXPECT_EQ(chip_.verify(kWithdrawal, kPaymentPin).word, 0x63C2);
  EXPECT_EQ(chip_.tries(kPayment), 1);
  EXPECT_EQ(chip_.verify(kPayment, kPaymentPin).word, 0x9000);
  EXPECT_EQ(chip_.tries(kWithdrawal), 2);
  // One does not stand for the other.
  EXPECT_EQ(chip_.make_slot().word, 0x9804);
}

TEST_F(GuardianPins, ThePukUnblocks) {
  for (int i = 0; i < 3; ++i) chip_.verify(kWithdrawal, "0000");
  const std::string wrong = loaded_.puk == "00000000" ? "00000001" : "00000000";
  EXPECT_EQ(chip_.unblock(kWithdrawal, wrong, "1111").word, 0x63C9);
  EXPECT_EQ(chip_.unblock(kPayment, loaded_.puk, "1111").word, 0x6A88) << "not set, no try";
  EXPECT_EQ(chip_.unblock(kWithdrawal, loaded_.puk, "1111").word, 0x9000);
  EXPECT_EQ(chip_.tries(std::nullopt), 10);
  EXPECT_EQ(chip_.make_slot().word, 0x9804) << "it is set, not entered";
  EXPECT_EQ(chip_.verify(kWithdrawal, kWithdrawalPin).word, 0x63C2);
  EXPECT_EQ(chip_.verify(kWithdrawal, "1111").word, 0x9000);
}

TEST_F(GuardianPins, TenWrongPuksAreTheEnd) {
  const std::string wrong = loaded_.puk == "00000000" ? "00000001" : "00000000";
  for (int i = 0; i < 3; ++i) chip_.verify(kWithdrawal, "0000");
  for (uint16_t left = 10; left-- > 0;) {
    EXPECT_EQ(chip_.unblock(kWithdrawal, wrong, "1111").word, 0x63C0 | left);
    if (left % 3 == 0) chip_.restart();
  }
  EXPECT_EQ(chip_.unblock(kWithdrawal, loaded_.puk, "1111").word, 0x6983);
  chip_.restart();
  EXPECT_EQ(chip_.unblock(kWithdrawal, loaded_.puk, "1111").word, 0x6983);
  EXPECT_EQ(chip_.verify(kWithdrawal, kWithdrawalPin).word, 0x6983);
}

TEST_F(GuardianPins, AreChangedByWhoeverKnowsAllOfThem) {
  EXPECT_EQ(chip_.change_pin(kWithdrawal, "1111").word, 0x9804);
  EXPECT_EQ(chip_.change_pin(kPayment, "1111").word, 0x9804);
  set_payment_pin();
  ASSERT_EQ(chip_.verify(kPayment, kPaymentPin).word, 0x9000);
  EXPECT_EQ(chip_.change_pin(kPayment, "1111").word, 0x9804);
  EXPECT_EQ(chip_.change_pin(kPayment, "").word, 0x9804);
  ASSERT_EQ(chip_.verify(kWithdrawal, kWithdrawalPin).word, 0x9000);
  EXPECT_EQ(chip_.change_pin(kWithdrawal, "").word, 0x6700) << "there is always one";
  EXPECT_EQ(chip_.change_pin(kWithdrawal, "123").word, 0x6700);
  EXPECT_EQ(chip_.change_pin(kWithdrawal, "1111").word, 0x9000);
  EXPECT_EQ(chip_.change_pin(kWithdrawal, "2222").word, 0x9804) << "forgotten with the change";
  EXPECT_EQ(chip_.verify(kWithdrawal, kWithdrawalPin).word, 0x63C2);
  EXPECT_EQ(chip_.verify(kWithdrawal, "1111").word, 0x9000);
  ASSERT_EQ(chip_.verify(kPayment, kPaymentPin).word, 0x9000);
  EXPECT_EQ(chip_.change_pin(kPayment, "").word, 0x9000);
  EXPECT_EQ(chip_.verify(kPayment, kPaymentPin).word, 0x6A88);
  ASSERT_EQ(chip_.verify(kWithdrawal, "1111").word, 0x9000);
  EXPECT_EQ(chip_.change_pin(kPayment, "").word, 0x6A88);
}

// [guard] Equal PINs are refused; to whom, decides whether that gives one of them away.
TEST_F(GuardianPins, DifferAndTellNobodySoWhoKnowsOne) {
  ASSERT_EQ(chip_.verify(kWithdrawal, kWithdrawalPin).word, 0x9000);
  EXPECT_EQ(chip_.change_pin(kPayment, kWithdrawalPin).word, 0x6A80);
  EXPECT_EQ(chip_.change_pin(kPayment, kPaymentPin).word, 0x9000);
  // Knows the withdrawal PIN, and tries to find the other one out by changing to it.
  ASSERT_EQ(chip_.verify(kWithdrawal, kWithdrawalPin).word, 0x9000);
  EXPECT_EQ(chip_.change_pin(kWithdrawal, kPaymentPin).word, 0x9804);
  EXPECT_EQ(chip_.change_pin(kWithdrawal, "0000").word, 0x9804);
  // Knows the payment PIN.
  chip_.restart();
  ASSERT_EQ(chip_.verify(kPayment, kPaymentPin).word, 0x9000);
  EXPECT_EQ(chip_.change_pin(kPayment, kWithdrawalPin).word, 0x9804);
  EXPECT_EQ(chip_.change_pin(kPayment, "0000").word, 0x9804);
  // The PUK makes either anyway, but not alike.
  EXPECT_EQ(chip_.unblock(kPayment, loaded_.puk, kWithdrawalPin).word, 0x6A80);
  EXPECT_EQ(chip_.tries(std::nullopt), 10);
}

TEST_F(GuardianPins, LieInTheMemoryAsSaltedDigestsOnly) {
  constexpr std::string_view kLong = "314159265358";
  ASSERT_EQ(chip_.verify(kWithdrawal, kWithdrawalPin).word, 0x9000);
  ASSERT_EQ(chip_.change_pin(kWithdrawal, kLong).word, 0x9000);
  EXPECT_FALSE(loaded_.remembers(protocol::view_of(kLong)));
  EXPECT_FALSE(loaded_.remembers(protocol::view_of(loaded_.puk)));
  const auto digest = [&] {
    Pin pin;
    EXPECT_TRUE(Records(chip_.memory()).load(size_t{0}, pin));
    return pin.digest;
  };
  const protocol::Bytes32 before = digest();
  ASSERT_EQ(chip_.verify(kWithdrawal, kLong).word, 0x9000);
  ASSERT_EQ(chip_.change_pin(kWithdrawal, kLong).word, 0x9000);
  EXPECT_NE(digest(), before) << "another salt";
  EXPECT_FALSE(loaded_.remembers(before)) << "nothing stays of the old one";
}

TEST_F(GuardianPins, HaveAForm) {
  EXPECT_EQ(chip_.send(Ins::kVerifyPin, 0x0300, protocol::view_of("1234"), 0).word, 0x6A86);
  EXPECT_EQ(chip_.send(Ins::kVerifyPin, 0x0101, protocol::view_of("1234"), 0).word, 0x6A86);
  EXPECT_EQ(chip_.send(Ins::kChangePin, 0x0000, protocol::view_of("1234"), 0).word, 0x6A86);
  EXPECT_EQ(chip_.send(Ins::kUnblockPin, 0x0100, protocol::view_of("12345678123"), 0).word, 0x6700);
  EXPECT_EQ(chip_.send(Ins::kUnblockPin, 0x0100, protocol::view_of("1234567x1234"), 0).word,
            0x6A80);
  EXPECT_EQ(chip_.verify(kWithdrawal, "1234567890123").word, 0x6700);
  EXPECT_EQ(chip_.tries(kWithdrawal), 3);
  EXPECT_EQ(chip_.tries(std::nullopt), 10);
  Chip blank("blank");
  EXPECT_EQ(blank.draw_puk().word, 0x6985);
  ASSERT_EQ(blank.personalize(protocol::Serial{{1}}).word, 0x9000);
  EXPECT_EQ(blank.draw_puk().word, 0x6985) << "its first owner does that";
}

// A record that no power cut damages opens nothing.
TEST_F(GuardianPins, ADamagedPinOpensNothing) {
  set_payment_pin();
  for (const size_t which : {size_t{0}, size_t{1}, size_t{2}}) {
    const Bytes good = chip_.memory().snapshot();
    Bytes image = good;
    image[pin_offset(which) + 20] ^= 1;
    image[pin_offset(which) + PinRecord::kCopySize + 20] ^= 1;
    chip_.memory().restore(image);
    chip_.restart();
    if (which == 0) {
      EXPECT_EQ(chip_.verify(kWithdrawal, kWithdrawalPin).word, 0x6581);
    }
    if (which == 1) {
      EXPECT_EQ(chip_.verify(kPayment, kPaymentPin).word, 0x6581);
    }
    if (which == 2) {
      EXPECT_EQ(chip_.unblock(kPayment, loaded_.puk, "1111").word, 0x6581);
    }
    chip_.memory().restore(good);
  }
}

}  // namespace
}  // namespace cafe::guardian
