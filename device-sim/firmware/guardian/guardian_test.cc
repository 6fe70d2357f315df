#include "device-sim/firmware/guardian/guardian.h"

#include <gtest/gtest.h>

#include <set>

#include "device-sim/firmware/testing/loaded_chip.h"
#include "libs/protocol/frame.h"
#include "libs/protocol/payment.h"

namespace cafe::guardian {
namespace {

using protocol::Bytes;
using protocol::ByteView;
using protocol::Kind;
using protocol::Point;
using protocol::Scalar;
using protocol::SeededRng;
using protocol::Serial;
using protocol::SignedDocument;
using protocol::SigningKey;
using testing::Chip;
using testing::Response;

const Serial kSerial{{1, 2, 3}};

SigningKey manufacturer() { return *SigningKey::create(Scalar::from_u64(77)); }

using testing::known;
using testing::KnownSlot;

class GuardianTest : public ::testing::Test {
 protected:
  void SetUp() override {
    certificate_.emplace(chip_.manufacture(manufacturer(), kSerial));
    chip_.use_pin();
  }
  Chip chip_{"guardian"};
  std::optional<protocol::GuardianCertificate> certificate_;
  SeededRng rng_{"requests"};
};

TEST_F(GuardianTest, GivesItsCertificateInChunks) {
  Bytes all;
  while (all.size() < kCertificateSize) {
    const Response chunk =
        chip_.send(Ins::kGetCertificate, static_cast<uint16_t>(all.size()), {}, 100);
    ASSERT_EQ(chunk.word, 0x9000);
    all.insert(all.end(), chunk.data.begin(), chunk.data.end());
  }
  const auto document = SignedDocument::decode(all);
  ASSERT_TRUE(document.ok()) << document.status();
  EXPECT_TRUE(document->check(manufacturer().public_key()).ok());
  EXPECT_EQ(protocol::GuardianCertificate::decode(document->frame)->serial, kSerial);
  EXPECT_EQ(chip_.send(Ins::kGetCertificate, kCertificateSize, {}, 100).word, 0x6B00);
  // At once, with an extended length.
  EXPECT_EQ(chip_.send(Ins::kGetCertificate, 0, {}, 512).data, all);
}

TEST_F(GuardianTest, AnswersACoinRequestByItsKeyAndPoint) {
  const KnownSlot slot = known(chip_.make_slot());
  const Scalar c = rng_.scalar();
  const Response answer = chip_.answer(slot.handle, c);
  ASSERT_EQ(answer.word, 0x9000);
  EXPECT_TRUE(
      protocol::guardian_answer_ok(*Scalar::decode(answer.data), c, certificate_->A_O, slot.B_O));
}

TEST_F(GuardianTest, AnswersTheSameRequestAgainAndNoOther) {
  const KnownSlot slot = known(chip_.make_slot());
  const Scalar c = rng_.scalar(), other = rng_.scalar();
  const Response first = chip_.answer(slot.handle, c);
  EXPECT_EQ(chip_.answer(slot.handle, c).data, first.data);
  EXPECT_EQ(chip_.answer(slot.handle, other).word, 0x6985);
  chip_.restart();
  EXPECT_EQ(chip_.answer(slot.handle, other).word, 0x6985);
  EXPECT_EQ(chip_.answer(slot.handle, c).data, first.data);
}

TEST_F(GuardianTest, AnswersNoCoinRequestOnAChequesSlot) {
  const Response made = chip_.make_slot(Kind::kCheque);
  ASSERT_EQ(made.word, 0x9000);
  ASSERT_EQ(made.data.size(), 4u + 65 + 32);
  EXPECT_EQ(chip_.answer(ByteView(made.data).first(4), rng_.scalar()).word, 0x6985);
  EXPECT_EQ(chip_.status(ByteView(made.data).first(4)).data, (Bytes{1, 2}));
}

TEST_F(GuardianTest, ForgetsAFreedSlotForGood) {
  const KnownSlot slot = known(chip_.make_slot());
  // o2 = answer - c·o, found in the memory while the slot is there.
  SlotRecord::Payload record;
  ASSERT_EQ(SlotRecord(chip_.memory(), slot_offset(0), kSlotTag).load(record),
            firmware::RecordState::kValid);
  const Bytes o2(record.begin() + 4, record.begin() + 36);
  const auto present = [&] {
    const Bytes image = chip_.memory().snapshot();
    return std::search(image.begin(), image.end(), o2.begin(), o2.end()) != image.end();
  };
  ASSERT_TRUE(present());
  ASSERT_EQ(chip_.answer(slot.handle, rng_.scalar()).word, 0x9000);
  ASSERT_EQ(chip_.free_slot(slot.handle).word, 0x9000);
  EXPECT_FALSE(present());
  EXPECT_EQ(chip_.answer(slot.handle, rng_.scalar()).word, 0x6A82);
  EXPECT_EQ(chip_.free_slot(slot.handle).word, 0x6A82);
  // The place is used again under another handle and with another point.
  const KnownSlot next = known(chip_.make_slot());
  EXPECT_NE(next.handle, slot.handle);
  EXPECT_NE(next.B_O, slot.B_O);
  EXPECT_EQ(chip_.answer(slot.handle, rng_.scalar()).word, 0x6A82);
}

TEST_F(GuardianTest, HoldsItsFixedNumberOfSlots) {
  std::set<std::string> handles;
  for (size_t i = 0; i < kSlots; ++i)
    handles.insert(protocol::to_string(known(chip_.make_slot()).handle));
  EXPECT_EQ(handles.size(), kSlots);
  EXPECT_EQ(chip_.make_slot().word, 0x6A84);
  chip_.restart();
  EXPECT_EQ(chip_.make_slot().word, 0x6A84);
  ASSERT_EQ(chip_.free_slot(protocol::view_of(*handles.begin())).word, 0x9000);
  EXPECT_EQ(chip_.make_slot().word, 0x9000);
}

TEST_F(GuardianTest, ListsItsSlots) {
  known(chip_.make_slot());
  const KnownSlot second = known(chip_.make_slot());
  ASSERT_EQ(chip_.answer(second.handle, rng_.scalar()).word, 0x9000);
  const Response list = chip_.send(Ins::kListSlots, 0, Bytes{0, 0}, 256);
  ASSERT_EQ(list.word, 0x9000);
  ASSERT_EQ(list.data.size(), kSlotsPerList * kSlotEntrySize);
  EXPECT_EQ(list.data[0], static_cast<uint8_t>(SlotState::kMade));
  EXPECT_EQ(list.data[6], static_cast<uint8_t>(SlotState::kUsed));
  EXPECT_EQ(Bytes(list.data.begin() + 8, list.data.begin() + 12), second.handle);
  EXPECT_EQ(list.data[12], static_cast<uint8_t>(SlotState::kFree));
  EXPECT_EQ(chip_.send(Ins::kListSlots, 0, Bytes{2, 0}, 256).word, 0x6A82);
}

TEST_F(GuardianTest, SaysWhatIsWrongWithACommand) {
  const KnownSlot slot = known(chip_.make_slot());
  struct Case {
    const char* name;
    Bytes command;
    uint16_t word;
  };
  Bytes too_large = {0x80, 0x32, 0, 0, 36};
  protocol::append(too_large, slot.handle);
  protocol::append(too_large, Bytes(32, 0xFF));
  protocol::append(too_large, Bytes{0});
  const Case cases[] = {
      {"class", {0x00, 0x30, 1, 0, 0}, 0x6E00},
      {"instruction", {0x80, 0x31, 1, 0, 0}, 0x6D00},
      {"no command yet", {0x80, 0x70, 0, 0, 0}, 0x6D00},
      {"empty", {}, 0x6700},
      {"kind", {0x80, 0x30, 3, 0, 0}, 0x6A80},
      {"p2", {0x80, 0x30, 1, 1, 0}, 0x6A86},
      {"p1 p2", {0x80, 0x34, 0, 1, 4, 0, 0, 0, 1}, 0x6A86},
      {"no room for the answer", {0x80, 0x30, 1, 0, 68}, 0x6700},
      {"no room for a cheque's", {0x80, 0x30, 2, 0, 100}, 0x6700},
      {"handle too short", {0x80, 0x34, 0, 0, 3, 0, 0, 0}, 0x6700},
      {"handle unknown", {0x80, 0x34, 0, 0, 4, 0, 5, 0, 1}, 0x6A82},
      {"handle outside", {0x80, 0x34, 0, 0, 4, 0xFF, 0xFF, 0, 1}, 0x6A82},
      {"scalar too large", too_large, 0x6A80},
      {"personalized already",
       Bytes{0x80, 0x10, 0, 0, 16, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 0}, 0x6985},
  };
  for (const Case& c : cases) {
    std::array<uint8_t, firmware::kMaxResponse> response;
    ASSERT_EQ(chip_.transmit(c.command, response), 2u) << c.name;
    EXPECT_EQ(response[0] << 8 | response[1], c.word) << c.name;
  }
  // None of it has touched the slot.
  EXPECT_EQ(chip_.status(slot.handle).data, (Bytes{1, 1}));
}

TEST_F(GuardianTest, PutsADamagedSlotOutOfUse) {
  const KnownSlot slot = known(chip_.make_slot());
  Bytes image = chip_.memory().snapshot();
  image[slot_offset(0) + 20] ^= 1;
  image[slot_offset(0) + SlotRecord::kCopySize + 20] ^= 1;
  chip_.memory().restore(image);
  chip_.restart();
  EXPECT_EQ(chip_.answer(slot.handle, rng_.scalar()).word, 0x6581);
  EXPECT_EQ(known(chip_.make_slot()).handle[1], 1);
  EXPECT_EQ(chip_.send(Ins::kListSlots, 0, Bytes{0, 0}, 256).data[0],
            static_cast<uint8_t>(SlotState::kDamaged));
}

TEST_F(GuardianTest, IsDeadWithDamagedKeys) {
  Bytes image = chip_.memory().snapshot();
  image[kKeysOffset + 30] ^= 1;
  image[kKeysOffset + KeysRecord::kCopySize + 30] ^= 1;
  chip_.memory().restore(image);
  chip_.restart();
  EXPECT_EQ(chip_.make_slot().word, 0x6581);
  EXPECT_EQ(chip_.personalize(kSerial).word, 0x6581);
}

TEST_F(GuardianTest, NeverCrashesOnRandomCommands) {
  const Bytes before = chip_.memory().snapshot();
  std::array<uint8_t, firmware::kMaxResponse> response;
  for (int i = 0; i < 100'000; ++i) {
    Bytes command(rng_.below(48));
    rng_.fill(command);
    if (command.size() > 1 && i % 4 != 0) command[0] = kCla;
    if (command.size() > 4 && i % 2 == 0) {
      constexpr uint8_t kInstructions[] = {0x10, 0x12, 0x20, 0x32, 0x34, 0x36, 0x38, 0x40, 0x42,
                                           0x44, 0x46, 0x48, 0x4A, 0x4C, 0x4E, 0x50, 0x52, 0x54,
                                           0x56, 0x58, 0x5A, 0x5C, 0x5E, 0x60, 0x62, 0x64, 0x66};
      command[1] = kInstructions[rng_.below(std::size(kInstructions))];
      command[2] = command[3] = 0;
      command[4] = static_cast<uint8_t>(command.size() - 5 - rng_.below(2));
    }
    const size_t length = chip_.transmit(command, response);
    ASSERT_GE(length, 2u);
    ASSERT_LE(length, response.size());
  }
  // Nothing but MAKE_SLOT and the tries of the PINs could have changed: no handle was right.
  const Response keys = chip_.send(Ins::kGetCertificate, 0, {}, 512);
  EXPECT_EQ(keys.word, 0x9000);
}

// --- Life cycle ---

TEST(GuardianLifeCycle, HasNoSlotsBeforeItIsLocked) {
  Chip chip("life");
  EXPECT_EQ(chip.make_slot().word, 0x6985);
  EXPECT_EQ(chip.send(Ins::kGetCertificate, 0, {}, 100).word, 0x6985);
  ASSERT_EQ(chip.personalize(kSerial).word, 0x9000);
  EXPECT_EQ(chip.make_slot().word, 0x6985);
}

TEST(GuardianLifeCycle, KeepsItsKeysAndName) {
  Chip chip("life");
  const Response first = chip.personalize(kSerial);
  chip.restart();
  EXPECT_EQ(chip.personalize(kSerial).data, first.data);
  EXPECT_EQ(chip.personalize(Serial{{9}}).word, 0x6985);
}

TEST(GuardianLifeCycle, LocksWithItsOwnCertificateOnly) {
  Chip chip("life"), other("other");
  const SigningKey key = manufacturer();
  ASSERT_EQ(chip.personalize(kSerial).word, 0x9000);
  const auto of_other = other.manufacture(key, kSerial);
  EXPECT_EQ(chip.lock(SignedDocument::sign(of_other.encode(), key)).word, 0x6A80);
  const auto own = chip.manufacture(key, kSerial);
  // The same again, and no other.
  EXPECT_EQ(chip.lock(SignedDocument::sign(own.encode(), key)).word, 0x9000);
  EXPECT_EQ(chip.lock(SignedDocument::sign(of_other.encode(), key)).word, 0x6985);
}

// What a guardian upholds is the memory's: whoever copies it and puts it back makes it answer
// twice. This is the broken guardian of the simulation, which section 7 convicts.
TEST(GuardianClone, OfItsMemoryAnswersTwice) {
  Chip chip("clone");
  chip.manufacture(manufacturer(), kSerial);
  chip.use_pin();
  const KnownSlot slot = known(chip.make_slot());
  const Bytes copy = chip.memory().snapshot();
  SeededRng rng("clone");
  EXPECT_EQ(chip.answer(slot.handle, rng.scalar()).word, 0x9000);
  EXPECT_EQ(chip.answer(slot.handle, rng.scalar()).word, 0x6985);
  chip.memory().restore(copy);
  chip.restart();
  EXPECT_EQ(chip.answer(slot.handle, rng.scalar()).word, 0x9000);
}

}  // namespace
}  // namespace cafe::guardian
