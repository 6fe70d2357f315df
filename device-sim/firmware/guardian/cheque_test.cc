// Cheques: each answered once, and paid from its own counter.
#include <gtest/gtest.h>

#include "device-sim/firmware/testing/loaded_chip.h"
#include "libs/protocol/payment.h"

namespace cafe::guardian {
namespace {

using protocol::Bytes;
using protocol::Bytes32;
using protocol::ByteView;
using protocol::ChequeRequest;
using protocol::Kind;
using protocol::Scalar;
using testing::Chip;
using testing::kIssuerB;
using testing::kLoaded;
using testing::KnownSlot;
using testing::Response;

class GuardianCheques : public ::testing::Test {
 protected:
  testing::LoadedChip loaded_{"cheque"};
  Chip& chip_ = loaded_.chip;
};

TEST_F(GuardianCheques, IsAnsweredByTheKeyThePointAndTheSaltOfBoth) {
  const Response made = chip_.make_slot(Kind::kCheque);
  const ChequeRequest request = loaded_.cheque(1234);
  const Response answer = chip_.answer_cheque(handle_of(made), request);
  ASSERT_EQ(answer.word, 0x9000);
  const Bytes32 rho = *protocol::to_array<32>(ByteView(answer.data).first(32));
  EXPECT_EQ(protocol::salt_commitment(rho), commitment_of(made));
  const Scalar d = protocol::spend_challenge(request.issuer_id, "EUR", 1234, request.spend, 0, 0,
                                             {}, protocol::xor32(rho, request.y));
  EXPECT_TRUE(protocol::guardian_answer_ok(*Scalar::decode(ByteView(answer.data).subspan(32)), d,
                                           loaded_.certificate.A_Q, point_of(made)));
  EXPECT_EQ(loaded_.euros(), kLoaded - 1234);
  EXPECT_EQ(chip_.status(handle_of(made)).data, (Bytes{2, 2}));
}

// [guard] The same request, and only that, and it takes nothing more.
TEST_F(GuardianCheques, AnswersTheSameRequestAgainForNothing) {
  const KnownSlot slot = loaded_.make_cheque();
  const ChequeRequest request = loaded_.cheque(kLoaded);
  const Response first = chip_.answer_cheque(slot.handle, request);
  ASSERT_EQ(first.word, 0x9000);
  EXPECT_EQ(loaded_.euros(), 0u);
  EXPECT_EQ(chip_.answer_cheque(slot.handle, request), first);
  chip_.restart();
  EXPECT_EQ(chip_.answer_cheque(slot.handle, request), first);
  EXPECT_EQ(loaded_.euros(), 0u);
}

// [guard] Two answers of one slot would give its key away.
TEST_F(GuardianCheques, AnswersNoOtherRequest) {
  ASSERT_EQ(loaded_.load({loaded_.serial, testing::kIssuerA, "USD", 900, 2}).word, 0x9000);
  ASSERT_EQ(loaded_.load({loaded_.serial, kIssuerB, "EUR", 900, 1}).word, 0x9000);
  const KnownSlot slot = loaded_.make_cheque();
  const ChequeRequest request = loaded_.cheque(100);
  const auto before = [&] { return chip_.counters(); };
  ASSERT_EQ(chip_.answer_cheque(slot.handle, request).word, 0x9000);
  const auto counters = before();
  std::vector<ChequeRequest> others(5, request);
  others[0].value = 99;
  others[1].spend[0] ^= 1;
  others[2].y[31] ^= 1;
  others[3].currency = "USD";
  others[4].issuer_id = kIssuerB;
  for (const ChequeRequest& other : others) {
    EXPECT_EQ(chip_.answer_cheque(slot.handle, other).word, 0x6985);
  }
  // Nor as ticks: the used mark is one for all.
  EXPECT_EQ(chip_.draw_ticks(slot.handle, 5).word, 0x6985);
  EXPECT_EQ(chip_.answer_ticks(slot.handle, loaded_.call(1, 5)).word, 0x6985);
  EXPECT_EQ(chip_.counters(), counters);
}

TEST_F(GuardianCheques, PaysMoreThanNothingAndNoMoreThanTheCounterHolds) {
  const KnownSlot slot = loaded_.make_cheque();
  EXPECT_EQ(chip_.answer_cheque(slot.handle, loaded_.cheque(0)).word, 0x6A80);
  for (const uint64_t value : {kLoaded + 1, uint64_t{1} << 63, UINT64_MAX}) {
    EXPECT_EQ(chip_.answer_cheque(slot.handle, loaded_.cheque(value)).word, 0x9850);
  }
  EXPECT_EQ(chip_.status(slot.handle).data, (Bytes{1, 2})) << "a refusal binds nothing";
  EXPECT_EQ(loaded_.euros(), kLoaded);
  EXPECT_EQ(chip_.answer_cheque(slot.handle, loaded_.cheque(kLoaded)).word, 0x9000);
  EXPECT_EQ(chip_.answer_cheque(loaded_.make_cheque().handle, loaded_.cheque(1)).word, 0x9850);
}

// [guard]
TEST_F(GuardianCheques, IsPaidFromItsOwnCounterOnly) {
  const KnownSlot slot = loaded_.make_cheque();
  ChequeRequest other = loaded_.cheque(1);
  other.currency = "USD";
  EXPECT_EQ(chip_.answer_cheque(slot.handle, other).word, 0x6A88);
  for (const char* currency : {"", "EU", "EURO"}) {
    other.currency = currency;
    EXPECT_EQ(chip_.answer_cheque(slot.handle, other).word, 0x6A88);
  }
  other.currency = std::string_view("\0\0\0", 3);
  EXPECT_EQ(chip_.answer_cheque(slot.handle, other).word, 0x6A88) << "an unused counter is none";
  other = loaded_.cheque(1);
  for (const char* issuer : {"issuer-c.example", "issuer-a.exampl", ""}) {
    other.issuer_id = issuer;
    EXPECT_EQ(chip_.answer_cheque(slot.handle, other).word, 0x6A88) << issuer;
  }
  other.issuer_id = kIssuerB;
  EXPECT_EQ(chip_.answer_cheque(slot.handle, other).word, 0x6A88) << "never loaded";
  ASSERT_EQ(loaded_.load({loaded_.serial, kIssuerB, "EUR", 10, 1}).word, 0x9000);
  other.value = 11;
  EXPECT_EQ(chip_.answer_cheque(slot.handle, other).word, 0x9850);
  other.value = 10;
  EXPECT_EQ(chip_.answer_cheque(slot.handle, other).word, 0x9000);
  EXPECT_EQ(chip_.amount(kIssuerB, "EUR"), 0u);
  EXPECT_EQ(loaded_.euros(), kLoaded);
}

// [guard] A coin's answer is blind: on a cheque's slot it would be one past the counter.
TEST_F(GuardianCheques, ASlotStaysOfItsKind) {
  const KnownSlot cheque = loaded_.make_cheque();
  const KnownSlot coin = testing::known(chip_.make_slot(Kind::kCoin));
  EXPECT_EQ(chip_.answer(cheque.handle, loaded_.rng.scalar()).word, 0x6985);
  EXPECT_EQ(chip_.answer_cheque(coin.handle, loaded_.cheque(1)).word, 0x6985);
  EXPECT_EQ(chip_.draw_ticks(coin.handle, 5).word, 0x6985);
  EXPECT_EQ(chip_.answer_ticks(coin.handle, loaded_.call(1, 5)).word, 0x6985);
  EXPECT_EQ(loaded_.euros(), kLoaded);
  // Used, too.
  ASSERT_EQ(chip_.answer_cheque(cheque.handle, loaded_.cheque(1)).word, 0x9000);
  EXPECT_EQ(chip_.answer(cheque.handle, loaded_.rng.scalar()).word, 0x6985);
}

TEST_F(GuardianCheques, ReadsOneWritingOfARequestOnly) {
  const KnownSlot slot = loaded_.make_cheque();
  Bytes good = slot.handle;
  protocol::append(good, loaded_.cheque(100).encode());
  const auto word = [&](ByteView data) { return chip_.send(Ins::kAnswerCheque, 0, data, 64).word; };
  for (size_t size = kHandleSize + 1; size < good.size(); ++size) {
    EXPECT_EQ(word(ByteView(good).first(size)), 0x6A80) << size;
  }
  Bytes longer = good;
  longer.push_back(0);
  EXPECT_EQ(word(longer), 0x6A80);
  EXPECT_EQ(word(slot.handle), 0x6700);
  Bytes ticks = slot.handle;
  protocol::append(ticks, loaded_.call(1, 5).encode());
  EXPECT_EQ(word(ticks), 0x6A80);
  EXPECT_EQ(chip_.send(Ins::kAnswerCheque, 0, good, 63).word, 0x6700);
  EXPECT_EQ(loaded_.euros(), kLoaded);
  EXPECT_EQ(word(good), 0x9000) << "the premise";
}

TEST_F(GuardianCheques, NeverCrashesOnAlteredRequestsAndPaysExactlyWhatItAnswers) {
  protocol::SeededRng rng("altered");
  const Bytes frame = loaded_.cheque(1).encode();
  uint64_t paid = 0;
  for (int i = 0; i < 1000; ++i) {
    const Bytes handle = loaded_.make_cheque().handle;
    Bytes data = handle;
    protocol::append(data, frame);
    const size_t at = rng.below(data.size());
    data[at] ^= static_cast<uint8_t>(1 + rng.below(255));
    const uint64_t before = loaded_.euros();
    const bool answered = chip_.send(Ins::kAnswerCheque, 0, data, 64).word == 0x9000;
    const uint64_t after = loaded_.euros();
    ASSERT_EQ(answered, after < before) << at;
    paid += before - after;
    chip_.free_slot(handle);
  }
  EXPECT_GT(paid, 0u) << "some altered only spend, y or value";
}

// What a slot held is nowhere once it is freed: not in its place, not in the journal.
TEST_F(GuardianCheques, AFreedChequeLeavesNothingBehind) {
  const KnownSlot slot = loaded_.make_cheque();
  SlotRecord::Payload record;
  ASSERT_EQ(SlotRecord(chip_.memory(), slot_offset(0), kSlotTag).load(record),
            firmware::RecordState::kValid);
  const Bytes o2(record.begin() + 4, record.begin() + 36);
  const Bytes rho(record.begin() + 36, record.begin() + 68);
  ASSERT_EQ(chip_.answer_cheque(slot.handle, loaded_.cheque(1)).word, 0x9000);
  ASSERT_TRUE(loaded_.remembers(o2));
  ASSERT_TRUE(loaded_.remembers(rho));
  ASSERT_EQ(chip_.free_slot(slot.handle).word, 0x9000);
  EXPECT_FALSE(loaded_.remembers(o2));
  EXPECT_FALSE(loaded_.remembers(rho));
  EXPECT_EQ(chip_.answer_cheque(slot.handle, loaded_.cheque(1)).word, 0x6A82);
}

TEST_F(GuardianCheques, ADamagedJournalStopsTheChip) {
  ASSERT_EQ(chip_.answer_cheque(loaded_.make_cheque().handle, loaded_.cheque(1)).word, 0x9000);
  Bytes image = chip_.memory().snapshot();
  image[kJournalOffset + 3] ^= 1;
  image[kJournalOffset + JournalRecord::kCopySize + 3] ^= 1;
  chip_.memory().restore(image);
  chip_.restart();
  EXPECT_EQ(chip_.make_slot().word, 0x6581);
}

// The broken guardian of the simulation overdraws its counter: its memory is put back.
TEST_F(GuardianCheques, ACloneOfItsMemorySpendsTheCounterTwice) {
  const KnownSlot first = loaded_.make_cheque(), second = loaded_.make_cheque();
  const Bytes copy = chip_.memory().snapshot();
  EXPECT_EQ(chip_.answer_cheque(first.handle, loaded_.cheque(kLoaded)).word, 0x9000);
  EXPECT_EQ(chip_.answer_cheque(second.handle, loaded_.cheque(kLoaded)).word, 0x9850);
  chip_.memory().restore(copy);
  chip_.restart();
  EXPECT_EQ(chip_.answer_cheque(second.handle, loaded_.cheque(kLoaded)).word, 0x9000);
}

}  // namespace
}  // namespace cafe::guardian
