// The power fails at every byte of every command that writes: each has happened whole or not at
// all.
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
using testing::cut_everywhere;
using testing::known;
using testing::KnownSlot;
using testing::Response;

const Serial kSerial{{1, 2, 3}};

SigningKey manufacturer() { return *SigningKey::create(Scalar::from_u64(77)); }

TEST(GuardianPowerCut, PersonalizeLeavesABlankOrAPersonalizedChip) {
  Chip chip("cut");
  cut_everywhere(
      chip, [](Chip& c) { c.personalize(kSerial); },
      [](Chip& c, uint64_t cut) {
        const Response keys = c.personalize(kSerial);
        ASSERT_EQ(keys.word, 0x9000) << cut;
        c.restart();
        ASSERT_EQ(c.personalize(kSerial).data, keys.data) << cut;
        c.manufacture(manufacturer(), kSerial);
        c.use_pin();
        ASSERT_EQ(c.make_slot().word, 0x9000);
      });
}

TEST(GuardianPowerCut, LockLeavesAPersonalizedOrALockedChip) {
  Chip chip("cut");
  const Response keys = chip.personalize(kSerial);
  const protocol::GuardianCertificate certificate{kSerial,
                                                  *Point::decode(ByteView(keys.data).first(65)),
                                                  *Point::decode(ByteView(keys.data).subspan(65))};
  const SignedDocument document = SignedDocument::sign(certificate.encode(), manufacturer());
  cut_everywhere(
      chip, [&](Chip& c) { c.lock(document); },
      [&](Chip& c, uint64_t cut) {
        ASSERT_EQ(c.lock(document).word, 0x9000) << cut;
        ASSERT_EQ(c.send(Ins::kGetCertificate, 0, {}, 512).data, document.encode()) << cut;
        ASSERT_EQ(c.personalize(kSerial).data, keys.data) << cut;
      });
}

TEST(GuardianPowerCut, MakeSlotNeverUsesAnO2Twice) {
  Chip chip("cut");
  chip.manufacture(manufacturer(), kSerial);
  chip.use_pin();
  std::set<std::string> points;
  const auto make = [&](Chip& c) {
    const Response made = c.make_slot();
    ASSERT_EQ(made.word, 0x9000);
    ASSERT_TRUE(points.insert(protocol::to_string(ByteView(made.data).subspan(4))).second);
  };
  cut_everywhere(chip, make, [&](Chip& c, uint64_t cut) {
    // The interrupted slot is there, unanswered, or it is not; both are whole.
    const Response list = c.send(Ins::kListSlots, 0, Bytes{0, 0}, 256);
    ASSERT_EQ(list.word, 0x9000);
    const auto state = static_cast<SlotState>(list.data[0]);
    ASSERT_TRUE(state == SlotState::kFree || state == SlotState::kMade) << cut;
    if (state == SlotState::kMade) {
      ASSERT_EQ(c.free_slot(ByteView(list.data).subspan(2, 4)).word, 0x9000);
    }
    make(c);
    make(c);
  });
}

TEST(GuardianPowerCut, AnswerCoinNeverAnswersTwoRequests) {
  Chip chip("cut");
  const auto certificate = chip.manufacture(manufacturer(), kSerial);
  chip.use_pin();
  const KnownSlot slot = known(chip.make_slot());
  SeededRng rng("two");
  const Scalar first = rng.scalar(), second = rng.scalar();
  bool committed_seen = false, uncommitted_seen = false;
  cut_everywhere(
      chip, [&](Chip& c) { c.answer(slot.handle, first); },
      [&](Chip& c, uint64_t cut) {
        // Whoever cut the power asks for the other one first.
        const Response other = c.answer(slot.handle, second);
        const Response again = c.answer(slot.handle, first);
        ASSERT_NE(other.word == 0x9000, again.word == 0x9000) << cut;
        const bool bound_to_first = again.word == 0x9000;
        (bound_to_first ? committed_seen : uncommitted_seen) = true;
        const Response& given = bound_to_first ? again : other;
        ASSERT_EQ((bound_to_first ? other : again).word, 0x6985) << cut;
        ASSERT_TRUE(protocol::guardian_answer_ok(*Scalar::decode(given.data),
                                                 bound_to_first ? first : second, certificate.A_O,
                                                 slot.B_O));
        c.restart();
        ASSERT_EQ(c.answer(slot.handle, bound_to_first ? second : first).word, 0x6985) << cut;
      });
  EXPECT_TRUE(committed_seen);
  EXPECT_TRUE(uncommitted_seen);
}

TEST(GuardianPowerCut, FreeSlotLeavesTheSlotOrNothingOfIt) {
  Chip chip("cut");
  chip.manufacture(manufacturer(), kSerial);
  chip.use_pin();
  const KnownSlot slot = known(chip.make_slot());
  SeededRng rng("free");
  const Scalar first = rng.scalar(), second = rng.scalar();
  chip.answer(slot.handle, first);
  SlotRecord::Payload record;
  ASSERT_EQ(SlotRecord(chip.memory(), slot_offset(0), kSlotTag).load(record),
            firmware::RecordState::kValid);
  const Bytes o2(record.begin() + 4, record.begin() + 36);
  cut_everywhere(
      chip, [&](Chip& c) { c.free_slot(slot.handle); },
      [&](Chip& c, uint64_t cut) {
        const uint16_t word = c.answer(slot.handle, second).word;
        ASSERT_TRUE(word == 0x6985 || word == 0x6A82) << cut;
        if (word == 0x6985) {
          ASSERT_EQ(c.free_slot(slot.handle).word, 0x9000) << cut;
        }
        // Freed, by whichever attempt: nothing is left of o2, and the slot can be made anew.
        const Bytes image = c.memory().snapshot();
        ASSERT_EQ(std::search(image.begin(), image.end(), o2.begin(), o2.end()), image.end())
            << cut;
        ASSERT_NE(known(c.make_slot()).B_O, slot.B_O);
        ASSERT_EQ(c.answer(slot.handle, first).word, 0x6A82) << cut;
      });
}

}  // namespace
}  // namespace cafe::guardian
