// Ticks: drawn before y_seed is known, bound to one request, released in order, each paid for.
#include <gtest/gtest.h>

#include "device-sim/firmware/testing/loaded_chip.h"
#include "libs/protocol/payment.h"
#include "libs/protocol/spending.h"
#include "libs/protocol/ticks.h"

namespace cafe::guardian {
namespace {

using protocol::Bytes;
using protocol::Bytes32;
using protocol::ByteView;
using protocol::Kind;
using protocol::Point;
using protocol::Scalar;
using protocol::TickRequest;
using testing::Chip;
using testing::kLoaded;
using testing::KnownSlot;
using testing::Response;

constexpr uint64_t kTickValue = 3;
constexpr uint32_t kTicks = 20;

class GuardianTicks : public ::testing::Test {
 protected:
  // Draws and opens a call on a slot; the points as they went out.
  std::vector<Point> open(const KnownSlot& slot, const TickRequest& request) {
    EXPECT_EQ(chip_.draw_ticks(slot.handle, request.tick_count).word, 0x9000);
    std::vector<Point> P = chip_.tick_points(slot.handle);
    EXPECT_EQ(chip_.answer_ticks(slot.handle, request).word, 0x9000);
    return P;
  }
  uint16_t release(const KnownSlot& slot, uint32_t i) {
    return chip_.release_tick(slot.handle, i).word;
  }

  testing::LoadedChip loaded_{"ticks"};
  Chip& chip_ = loaded_.chip;
  const KnownSlot slot_ = loaded_.make_cheque();
  const TickRequest request_ = loaded_.call(kTickValue, kTicks);
};

TEST_F(GuardianTicks, TheOpeningAnswersForTheRootOfTheBlindedPoints) {
  ASSERT_EQ(chip_.draw_ticks(slot_.handle, kTicks).word, 0x9000);
  const std::vector<Point> P = chip_.tick_points(slot_.handle);
  ASSERT_EQ(P.size(), kTicks);
  const Response answer = chip_.answer_ticks(slot_.handle, request_);
  ASSERT_EQ(answer.word, 0x9000);
  const auto rho = *protocol::to_array<32>(ByteView(answer.data).first(32));
  const auto root = *protocol::to_array<32>(ByteView(answer.data).subspan(32, 32));
  EXPECT_EQ(root, protocol::tick_root(*protocol::blind_tick_points(P, request_.y_seed)));
  const Scalar d =
      protocol::spend_challenge(request_.issuer_id, "EUR", 0, request_.spend, kTickValue, kTicks,
                                root, protocol::xor32(rho, request_.y));
  EXPECT_TRUE(protocol::guardian_answer_ok(*Scalar::decode(ByteView(answer.data).subspan(64)), d,
                                           loaded_.certificate.A_Q, slot_.B_O));
  EXPECT_EQ(loaded_.euros(), kLoaded) << "the counter pays tick by tick";
  EXPECT_EQ(chip_.tick_points(slot_.handle), P) << "to be had at any time";
}

TEST_F(GuardianTicks, EachTickIsThatOfItsPointAndPaidFor) {
  const std::vector<Point> P = open(slot_, request_);
  const auto blinded = *protocol::blind_tick_points(P, request_.y_seed);
  const protocol::MerkleTree tree(protocol::point_leaves(blinded));
  for (uint32_t i = 0; i < kTicks; ++i) {
    const Response tick = chip_.release_tick(slot_.handle, i);
    ASSERT_EQ(tick.word, 0x9000) << i;
    const auto shown = protocol::wallet_tick(*Scalar::decode(tick.data), P[i], request_.y_seed, i);
    ASSERT_TRUE(shown.ok()) << shown.status();
    EXPECT_TRUE(protocol::check_tick(tree.root(), kTicks, {i, *shown, tree.path(i)}).ok());
    EXPECT_EQ(loaded_.euros(), kLoaded - (i + 1) * kTickValue);
  }
  EXPECT_EQ(release(slot_, kTicks), 0x6985);
}

TEST_F(GuardianTicks, ACallMayHaveAThousandTicksAndMore) {
  TickRequest request = loaded_.call(1, 1000);
  const std::vector<Point> P = open(slot_, request);
  ASSERT_EQ(P.size(), 1000u);
  for (uint32_t i = 0; i < 1000; ++i) {
    const Response tick = chip_.release_tick(slot_.handle, i);
    ASSERT_EQ(tick.word, 0x9000) << i;
    if (i % 99 == 0) {
      EXPECT_EQ(protocol::multiply(*Scalar::decode(tick.data), protocol::g1()), P[i]);
    }
  }
  EXPECT_EQ(loaded_.euros(), kLoaded - 1000);
  const KnownSlot other = loaded_.make_cheque();
  EXPECT_EQ(chip_.draw_ticks(other.handle, kMaxTicksOfCall).word, 0x9000);
  EXPECT_EQ(chip_.draw_ticks(other.handle, kMaxTicksOfCall + 1).word, 0x6A80);
}

// A tick out of order would be worth all those before it, and be paid for once.
TEST_F(GuardianTicks, TicksAreReleasedInOrderOnly) {
  EXPECT_EQ(release(slot_, 0), 0x6985) << "nothing drawn";
  ASSERT_EQ(chip_.draw_ticks(slot_.handle, kTicks).word, 0x9000);
  EXPECT_EQ(release(slot_, 0), 0x6985) << "not opened";
  ASSERT_EQ(chip_.answer_ticks(slot_.handle, request_).word, 0x9000);
  for (const uint32_t i : {1u, 12u, kTicks - 1, kTicks, UINT32_MAX}) {
    EXPECT_EQ(release(slot_, i), 0x6985) << i;
  }
  EXPECT_EQ(loaded_.euros(), kLoaded);
  ASSERT_EQ(release(slot_, 0), 0x9000);
  EXPECT_EQ(release(slot_, 2), 0x6985);
  chip_.restart();
  EXPECT_EQ(release(slot_, 2), 0x6985);
  ASSERT_EQ(release(slot_, 1), 0x9000);
  EXPECT_EQ(loaded_.euros(), kLoaded - 2 * kTickValue);
}

TEST_F(GuardianTicks, AReleasedTickMayBeAskedForAgainForNothing) {
  open(slot_, request_);
  const Response first = chip_.release_tick(slot_.handle, 0);
  ASSERT_EQ(release(slot_, 1), 0x9000);
  EXPECT_EQ(chip_.release_tick(slot_.handle, 0), first);
  chip_.restart();
  EXPECT_EQ(chip_.release_tick(slot_.handle, 0), first);
  EXPECT_EQ(loaded_.euros(), kLoaded - 2 * kTickValue);
  ASSERT_EQ(release(slot_, 2), 0x9000);
}

TEST_F(GuardianTicks, AnEmptyCounterReleasesNothingMore) {
  const TickRequest dear = loaded_.call(kLoaded / 2, 5);
  open(slot_, dear);
  ASSERT_EQ(release(slot_, 0), 0x9000);
  ASSERT_EQ(release(slot_, 1), 0x9000);
  EXPECT_EQ(release(slot_, 2), 0x9850);
  chip_.restart();
  EXPECT_EQ(release(slot_, 2), 0x9850);
  EXPECT_EQ(release(slot_, 1), 0x9000) << "what was paid for is still given";
  // A load, and the call goes on where it was.
  ASSERT_EQ(loaded_.load({loaded_.serial, testing::kIssuerA, "EUR", kLoaded, 2}).word, 0x9000);
  EXPECT_EQ(release(slot_, 3), 0x6985);
  EXPECT_EQ(release(slot_, 2), 0x9000);
  EXPECT_EQ(loaded_.euros(), kLoaded / 2);
}

TEST_F(GuardianTicks, ATickWorthMoreThanAnyCounterIsNeverReleased) {
  open(slot_, loaded_.call(UINT64_MAX, 2));
  EXPECT_EQ(release(slot_, 0), 0x9850);
  EXPECT_EQ(loaded_.euros(), kLoaded);
}

// --- The points ----------------------------------------------------------------------------------

TEST_F(GuardianTicks, PointsAreDrawnAnewUntilTheRequestIsAnsweredAndNeverAfter) {
  ASSERT_EQ(chip_.draw_ticks(slot_.handle, kTicks).word, 0x9000);
  const std::vector<Point> first = chip_.tick_points(slot_.handle);
  ASSERT_EQ(chip_.draw_ticks(slot_.handle, kTicks).word, 0x9000);
  const std::vector<Point> second = chip_.tick_points(slot_.handle);
  for (uint32_t i = 0; i < kTicks; ++i) EXPECT_NE(first[i], second[i]);
  ASSERT_EQ(chip_.answer_ticks(slot_.handle, request_).word, 0x9000);
  EXPECT_EQ(chip_.draw_ticks(slot_.handle, kTicks).word, 0x6985);
  chip_.restart();
  EXPECT_EQ(chip_.draw_ticks(slot_.handle, kTicks).word, 0x6985);
  EXPECT_EQ(chip_.tick_points(slot_.handle), second);
  ASSERT_EQ(release(slot_, 0), 0x9000);
  EXPECT_EQ(chip_.draw_ticks(slot_.handle, kTicks).word, 0x6985);
}

TEST_F(GuardianTicks, PointsComeInListsThatFitTheResponse) {
  ASSERT_EQ(chip_.draw_ticks(slot_.handle, kTicks).word, 0x9000);
  const auto some = [&](uint32_t first, size_t expected) {
    Bytes data = slot_.handle;
    protocol::append(data, protocol::encode_u32(first));
    return chip_.send(Ins::kTickPoints, 0, data, expected);
  };
  EXPECT_EQ(some(0, 1024).data.size(), kTickPointsPerList * 65);
  EXPECT_EQ(some(kTicks - 2, 1024).data.size(), 2u * 65);
  EXPECT_EQ(some(3, 256).data.size(), 3u * 65);
  EXPECT_EQ(some(0, 64).word, 0x6700);
  EXPECT_EQ(some(kTicks, 1024).word, 0x6A82);
  EXPECT_EQ(some(UINT32_MAX, 1024).word, 0x6A82);
  EXPECT_EQ(Bytes(some(5, 65).data),
            protocol::to_bytes(chip_.tick_points(slot_.handle)[5].bytes()));
}

// --- One request ---------------------------------------------------------------------------------

// Under two roots each tick would pay two payees, and be subtracted once.
TEST_F(GuardianTicks, TicksServeOneRequestOnly) {
  open(slot_, request_);
  ASSERT_EQ(release(slot_, 0), 0x9000);
  std::vector<TickRequest> others(7, request_);
  others[0].tick_value += 1;
  others[1].tick_count -= 1;
  others[2].y_seed[0] ^= 1;
  others[3].spend[0] ^= 1;
  others[4].y[0] ^= 1;
  others[5].currency = "USD";
  others[6].issuer_id = testing::kIssuerB;
  for (const TickRequest& other : others) {
    EXPECT_NE(chip_.answer_ticks(slot_.handle, other).word, 0x9000);
  }
  // Nor on another slot, whose ticks are its own.
  const KnownSlot other = loaded_.make_cheque();
  EXPECT_EQ(chip_.answer_ticks(other.handle, request_).word, 0x6985) << "none drawn there";
  const std::vector<Point> P = open(other, loaded_.call(1, kTicks));
  EXPECT_NE(P[0], chip_.tick_points(slot_.handle)[0]);
  EXPECT_EQ(loaded_.euros(), kLoaded - kTickValue);
}

TEST_F(GuardianTicks, TheSameOpeningAgainGetsTheSameAnswer) {
  open(slot_, request_);
  const Response again = chip_.answer_ticks(slot_.handle, request_);
  ASSERT_EQ(again.word, 0x9000);
  ASSERT_EQ(release(slot_, 0), 0x9000);
  ASSERT_EQ(release(slot_, 1), 0x9000);
  chip_.restart();
  EXPECT_EQ(chip_.answer_ticks(slot_.handle, request_), again);
  EXPECT_EQ(loaded_.euros(), kLoaded - 2 * kTickValue);
  EXPECT_EQ(release(slot_, 3), 0x6985) << "an opening again moves nothing";
}

// [guard] The used mark is one for all: whether a cheque pays an amount or ticks is chosen once.
TEST_F(GuardianTicks, ACallIsNoChequeAndAChequeNoCall) {
  open(slot_, request_);
  EXPECT_EQ(chip_.answer_cheque(slot_.handle, loaded_.cheque(1)).word, 0x6985);
  const protocol::ChequeRequest same_spend{request_.issuer_id, request_.currency, 1, request_.spend,
                                           request_.y};
  EXPECT_EQ(chip_.answer_cheque(slot_.handle, same_spend).word, 0x6985);

  const KnownSlot other = loaded_.make_cheque();
  ASSERT_EQ(chip_.draw_ticks(other.handle, 5).word, 0x9000);
  ASSERT_EQ(chip_.answer_cheque(other.handle, loaded_.cheque(1)).word, 0x9000);
  EXPECT_EQ(chip_.answer_ticks(other.handle, loaded_.call(1, 5)).word, 0x6985);
  EXPECT_EQ(release(other, 0), 0x6985);
  EXPECT_TRUE(chip_.tick_points(other.handle).empty()) << "its ticks were forgotten";
  EXPECT_EQ(loaded_.euros(), kLoaded - 1);
}

TEST_F(GuardianTicks, ARequestMustFitWhatWasDrawn) {
  ASSERT_EQ(chip_.draw_ticks(slot_.handle, kTicks).word, 0x9000);
  TickRequest wrong = request_;
  for (const uint32_t count : {0u, kTicks - 1, kTicks + 1, UINT32_MAX}) {
    wrong.tick_count = count;
    EXPECT_EQ(chip_.answer_ticks(slot_.handle, wrong).word, 0x6A80) << count;
  }
  wrong = request_;
  wrong.tick_value = 0;
  EXPECT_EQ(chip_.answer_ticks(slot_.handle, wrong).word, 0x6A80);
  wrong = request_;
  wrong.currency = "USD";
  EXPECT_EQ(chip_.answer_ticks(slot_.handle, wrong).word, 0x6A88);
  wrong = request_;
  wrong.issuer_id = "issuer-c.example";
  EXPECT_EQ(chip_.answer_ticks(slot_.handle, wrong).word, 0x6A88);
  Bytes cut = slot_.handle;
  protocol::append(cut, request_.encode());
  cut.pop_back();
  EXPECT_EQ(chip_.send(Ins::kAnswerTicks, 0, cut, 96).word, 0x6A80);
  EXPECT_EQ(chip_.status(slot_.handle).data, (Bytes{1, 2})) << "a refusal binds nothing";
  EXPECT_EQ(chip_.answer_ticks(slot_.handle, request_).word, 0x9000);
}

// --- Several calls -------------------------------------------------------------------------------

TEST_F(GuardianTicks, SeveralCallsAreOpenAtATimeAndShareTheCounter) {
  std::vector<KnownSlot> slots;
  for (size_t i = 0; i < kCalls; ++i) {
    slots.push_back(loaded_.make_cheque());
    open(slots.back(), loaded_.call(10 + i, 5));
  }
  EXPECT_EQ(chip_.draw_ticks(slot_.handle, 5).word, 0x6A84);
  uint64_t paid = 0;
  for (uint32_t tick = 0; tick < 3; ++tick) {
    for (size_t i = 0; i < kCalls; ++i) {
      ASSERT_EQ(release(slots[i], tick), 0x9000);
      paid += 10 + i;
      EXPECT_EQ(loaded_.euros(), kLoaded - paid);
    }
  }
  // A call that is over makes room.
  ASSERT_EQ(chip_.free_slot(slots[3].handle).word, 0x9000);
  EXPECT_EQ(release(slots[3], 3), 0x6A82);
  EXPECT_EQ(chip_.draw_ticks(slot_.handle, 5).word, 0x9000);
  EXPECT_EQ(release(slots[4], 3), 0x9000) << "the others go on";
}

// For a wallet that was interrupted before it could use them: their place is free again, and the
// cheque as good as new.
TEST_F(GuardianTicks, DrawnTicksCanBeForgottenUntilTheyAreUsed) {
  const auto listed = [&] {
    return static_cast<SlotState>(chip_.send(Ins::kListSlots, 0, Bytes{0, 0}, 240).data[0]);
  };
  ASSERT_EQ(protocol::decode_u32(protocol::ByteView(slot_.handle).first<4>()) >> 16, 0u);
  EXPECT_EQ(listed(), SlotState::kMade);
  EXPECT_EQ(chip_.draw_ticks(slot_.handle, 0).word, 0x9000) << "there are none";
  ASSERT_EQ(chip_.draw_ticks(slot_.handle, kTicks).word, 0x9000);
  EXPECT_EQ(listed(), SlotState::kDrawn);
  EXPECT_EQ(chip_.status(slot_.handle).data, (Bytes{1, 2}));
  Call call;
  ASSERT_TRUE(Records(chip_.memory()).load(size_t{0}, call));
  ASSERT_EQ(chip_.draw_ticks(slot_.handle, 0).word, 0x9000);
  EXPECT_EQ(listed(), SlotState::kMade);
  EXPECT_FALSE(loaded_.remembers(call.seed.view()));
  EXPECT_EQ(chip_.answer_ticks(slot_.handle, request_).word, 0x6985);
  for (size_t i = 0; i < kCalls; ++i) {
    EXPECT_EQ(chip_.draw_ticks(loaded_.make_cheque().handle, 5).word, 0x9000) << i;
  }
  EXPECT_EQ(chip_.draw_ticks(slot_.handle, kTicks).word, 0x6A84);
}

TEST_F(GuardianTicks, TicksOfAnOpenCallAreNotForgotten) {
  open(slot_, request_);
  EXPECT_EQ(chip_.draw_ticks(slot_.handle, 0).word, 0x6985);
  EXPECT_EQ(release(slot_, 0), 0x9000);
}

TEST_F(GuardianTicks, AFreedCallLeavesNothingBehind) {
  open(slot_, request_);
  ASSERT_EQ(release(slot_, 0), 0x9000);
  Records records(chip_.memory());
  Call call;
  ASSERT_TRUE(records.load(size_t{0}, call));
  ASSERT_EQ(call.state, CallState::kOpened);
  ASSERT_TRUE(loaded_.remembers(call.seed.view()));
  ASSERT_EQ(chip_.free_slot(slot_.handle).word, 0x9000);
  EXPECT_FALSE(loaded_.remembers(call.seed.view()));
  EXPECT_EQ(release(slot_, 0), 0x6A82);
  // The place is used again, by a slot of another generation that has no ticks.
  const KnownSlot next = loaded_.make_cheque();
  EXPECT_EQ(release(next, 0), 0x6985);
  EXPECT_EQ(chip_.answer_ticks(next.handle, request_).word, 0x6985);
}

TEST_F(GuardianTicks, SeedsAreFreshForEachCall) {
  const std::vector<Point> first = open(slot_, request_);
  ASSERT_EQ(chip_.free_slot(slot_.handle).word, 0x9000);
  const KnownSlot again = loaded_.make_cheque();
  const std::vector<Point> second = open(again, loaded_.call(kTickValue, kTicks));
  for (uint32_t i = 0; i < kTicks; ++i) EXPECT_NE(first[i], second[i]);
}

}  // namespace
}  // namespace cafe::guardian
