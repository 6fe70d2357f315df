// The power fails at every byte of every command that moves a counter: mark and money, load and
// number, tick and index go together, and the same request ends where it would have ended.
#include <gtest/gtest.h>

#include "device-sim/firmware/testing/loaded_chip.h"
#include "libs/protocol/payment.h"
#include "libs/protocol/ticks.h"

namespace cafe::guardian {
namespace {

using protocol::Bytes;
using protocol::Bytes32;
using protocol::ByteView;
using protocol::ChequeRequest;
using protocol::Kind;
using protocol::Point;
using protocol::Scalar;
using protocol::TickRequest;
using testing::Chip;
using testing::cut_everywhere;
using testing::kIssuerA;
using testing::kLoaded;
using testing::KnownSlot;
using testing::load_key_of;
using testing::Response;

constexpr uint64_t kTickValue = 3;
constexpr uint32_t kTicks = 4;

class GuardianMoneyPowerCut : public ::testing::Test {
 protected:
  bool used(Chip& chip, const KnownSlot& slot) {
    const Response status = chip.status(slot.handle);
    EXPECT_EQ(status.word, 0x9000);
    return status.data[0] == static_cast<uint8_t>(SlotState::kUsed);
  }
  // Both outcomes must be seen, or the cuts missed the moment that decides.
  void saw(bool happened) { (happened ? happened_ : not_happened_) = true; }
  void TearDown() override {
    EXPECT_TRUE(happened_);
    EXPECT_TRUE(not_happened_);
  }

  testing::LoadedChip loaded_{"cut"};
  Chip& chip_ = loaded_.chip;
  bool happened_ = false, not_happened_ = false;
};

TEST_F(GuardianMoneyPowerCut, ALoadKeyIsInstalledOrNot) {
  Chip chip("keys");
  ASSERT_EQ(chip.personalize(protocol::Serial{{7}}).word, 0x9000);
  const testing::InstalledLoadKey key{kIssuerA, load_key_of(kIssuerA).public_der};
  const testing::InstalledLoadKey other{kIssuerA, load_key_of(testing::kIssuerB).public_der};
  cut_everywhere(
      chip, [&](Chip& c) { c.install_load_key(key); },
      [&](Chip& c, uint64_t cut) {
        const uint16_t word = c.install_load_key(other).word;
        ASSERT_TRUE(word == 0x9000 || word == 0x6985) << cut;
        saw(word == 0x6985);
        ASSERT_EQ(c.install_load_key(key).word, word == 0x6985 ? 0x9000 : 0x6985) << cut;
      });
}

TEST_F(GuardianMoneyPowerCut, ALoadIsTakenOnceOrNot) {
  const protocol::Load load{loaded_.serial, kIssuerA, "EUR", 100, 2};
  const Bytes frame = load.encode();
  const Bytes signature = *protocol::sign_load(load, load_key_of(kIssuerA).private_der);
  cut_everywhere(
      chip_, [&](Chip& c) { c.load(frame, signature); },
      [&](Chip& c, uint64_t cut) {
        const testing::IssuerCounters now = c.counters()[0];
        const bool taken = now.last_sequence == 2;
        saw(taken);
        ASSERT_EQ(now.amounts.at("EUR"), taken ? kLoaded + 100 : kLoaded) << cut;
        ASSERT_EQ(c.load(frame, signature).word, taken ? 0x6985 : 0x9000) << cut;
        ASSERT_EQ(loaded_.euros(), kLoaded + 100) << cut;
      });
}

TEST_F(GuardianMoneyPowerCut, AChequeIsMarkedAndPaidOrNeither) {
  const KnownSlot slot = loaded_.make_cheque();
  const ChequeRequest request = loaded_.cheque(1234);
  const ChequeRequest other = loaded_.cheque(1);
  cut_everywhere(
      chip_, [&](Chip& c) { c.answer_cheque(slot.handle, request); },
      [&](Chip& c, uint64_t cut) {
        const bool marked = used(c, slot);
        saw(marked);
        ASSERT_EQ(loaded_.euros(), marked ? kLoaded - 1234 : kLoaded) << cut;
        // Whoever cut the power asks for the other one first.
        ASSERT_EQ(c.answer_cheque(slot.handle, other).word, marked ? 0x6985 : 0x9000) << cut;
        const Response again = c.answer_cheque(slot.handle, request);
        ASSERT_EQ(again.word, marked ? 0x9000 : 0x6985) << cut;
        ASSERT_EQ(loaded_.euros(), marked ? kLoaded - 1234 : kLoaded - 1) << cut;
        if (!marked) return;
        const Bytes32 rho = *protocol::to_array<32>(ByteView(again.data).first(32));
        const Scalar d =
            protocol::spend_challenge(request.issuer_id, "EUR", request.value, request.spend, 0, 0,
                                      {}, protocol::xor32(rho, request.y));
        ASSERT_TRUE(protocol::guardian_answer_ok(*Scalar::decode(ByteView(again.data).subspan(32)),
                                                 d, loaded_.certificate.A_Q, slot.B_O));
      });
}

// Cut again while it finishes what the first cut left.
TEST_F(GuardianMoneyPowerCut, AChequeIsMarkedAndPaidOrNeitherHoweverOftenItIsCut) {
  const KnownSlot slot = loaded_.make_cheque();
  const ChequeRequest request = loaded_.cheque(1234);
  const Bytes before = chip_.memory().snapshot();
  const uint64_t start = chip_.memory().bytes_written();
  chip_.answer_cheque(slot.handle, request);
  const uint64_t bytes = chip_.memory().bytes_written() - start;
  size_t recoveries = 0;
  for (uint64_t cut = 0; cut < bytes; cut += 29) {
    chip_.memory().restore_power();
    chip_.memory().restore(before);
    chip_.restart();
    chip_.memory().cut_power_after(cut);
    ASSERT_THROW(chip_.answer_cheque(slot.handle, request), firmware::PowerLost);
    const Bytes torn = chip_.memory().snapshot();
    for (uint64_t second = 0;; second += 31) {
      chip_.memory().restore_power();
      chip_.memory().restore(torn);
      // What Chip::restart does, with the power failing in the middle.
      chip_.memory().cut_power_after(second);
      protocol::SeededRng rng("start");
      bool cut_again = false;
      try {
        const Guardian starting(chip_.memory(), rng);
      } catch (const firmware::PowerLost&) {
        cut_again = true;
      }
      chip_.restart();
      const bool marked = used(chip_, slot);
      saw(marked);
      ASSERT_EQ(loaded_.euros(), marked ? kLoaded - 1234 : kLoaded) << cut << ' ' << second;
      ASSERT_EQ(chip_.answer_cheque(slot.handle, request).word, 0x9000);
      ASSERT_EQ(loaded_.euros(), kLoaded - 1234) << cut << ' ' << second;
      if (!cut_again) break;
      ++recoveries;
    }
  }
  EXPECT_GT(recoveries, 100u);
}

// Ticks that were drawn for the slot are forgotten first, which alone changes nothing of money.
TEST_F(GuardianMoneyPowerCut, AChequeOnASlotWithTicksIsMarkedAndPaidOrNeither) {
  const KnownSlot slot = loaded_.make_cheque();
  ASSERT_EQ(chip_.draw_ticks(slot.handle, kTicks).word, 0x9000);
  const ChequeRequest request = loaded_.cheque(1234);
  cut_everywhere(
      chip_, [&](Chip& c) { c.answer_cheque(slot.handle, request); },
      [&](Chip& c, uint64_t cut) {
        const bool marked = used(c, slot);
        saw(marked);
        ASSERT_EQ(loaded_.euros(), marked ? kLoaded - 1234 : kLoaded) << cut;
        ASSERT_EQ(c.answer_cheque(slot.handle, request).word, 0x9000) << cut;
        ASSERT_EQ(loaded_.euros(), kLoaded - 1234) << cut;
        ASSERT_TRUE(c.tick_points(slot.handle).empty()) << cut;
      });
}

TEST_F(GuardianMoneyPowerCut, TicksAreTheOldOnesOrTheNewOnes) {
  const KnownSlot slot = loaded_.make_cheque();
  ASSERT_EQ(chip_.draw_ticks(slot.handle, kTicks).word, 0x9000);
  const std::vector<Point> old = chip_.tick_points(slot.handle);
  cut_everywhere(
      chip_, [&](Chip& c) { c.draw_ticks(slot.handle, kTicks + 1); },
      [&](Chip& c, uint64_t cut) {
        const std::vector<Point> now = c.tick_points(slot.handle);
        saw(now != old);
        ASSERT_EQ(now.size(), now == old ? kTicks : kTicks + 1) << cut;
        const auto count = static_cast<uint32_t>(now.size());
        const TickRequest request = loaded_.call(kTickValue, count);
        const Response opened = c.answer_ticks(slot.handle, request);
        ASSERT_EQ(opened.word, 0x9000) << cut;
        const Bytes32 root = tick_root(*protocol::blind_tick_points(now, request.y_seed));
        ASSERT_TRUE(std::equal(root.begin(), root.end(), opened.data.begin() + 32)) << cut;
      });
}

TEST_F(GuardianMoneyPowerCut, ACallIsOpenedForOneRequestOrForNone) {
  const KnownSlot slot = loaded_.make_cheque();
  ASSERT_EQ(chip_.draw_ticks(slot.handle, kTicks).word, 0x9000);
  const TickRequest request = loaded_.call(kTickValue, kTicks), other = loaded_.call(1, kTicks);
  cut_everywhere(
      chip_, [&](Chip& c) { c.answer_ticks(slot.handle, request); },
      [&](Chip& c, uint64_t cut) {
        const bool opened = used(c, slot);
        saw(opened);
        // The slot's mark and the call's are one.
        ASSERT_EQ(c.draw_ticks(slot.handle, kTicks).word, opened ? 0x6985 : 0x9000) << cut;
        ASSERT_EQ(c.answer_ticks(slot.handle, other).word, opened ? 0x6985 : 0x9000) << cut;
        ASSERT_EQ(c.answer_ticks(slot.handle, request).word, opened ? 0x9000 : 0x6985) << cut;
        ASSERT_EQ(c.release_tick(slot.handle, 0).word, 0x9000) << cut;
        ASSERT_EQ(loaded_.euros(), kLoaded - (opened ? kTickValue : 1)) << cut;
      });
}

TEST_F(GuardianMoneyPowerCut, ATickIsCountedAndPaidOrNeither) {
  const KnownSlot slot = loaded_.make_cheque();
  ASSERT_EQ(chip_.draw_ticks(slot.handle, kTicks).word, 0x9000);
  const std::vector<Point> P = chip_.tick_points(slot.handle);
  ASSERT_EQ(chip_.answer_ticks(slot.handle, loaded_.call(kTickValue, kTicks)).word, 0x9000);
  ASSERT_EQ(chip_.release_tick(slot.handle, 0).word, 0x9000);
  cut_everywhere(
      chip_, [&](Chip& c) { c.release_tick(slot.handle, 1); },
      [&](Chip& c, uint64_t cut) {
        const bool counted = loaded_.euros() == kLoaded - 2 * kTickValue;
        saw(counted);
        ASSERT_EQ(loaded_.euros(), kLoaded - (counted ? 2 : 1) * kTickValue) << cut;
        // Whoever cut the power asks for the one after it.
        ASSERT_EQ(c.release_tick(slot.handle, 2).word, counted ? 0x9000 : 0x6985) << cut;
        const Response tick = c.release_tick(slot.handle, 1);
        ASSERT_EQ(tick.word, 0x9000) << cut;
        ASSERT_EQ(protocol::multiply(*Scalar::decode(tick.data), protocol::g1()), P[1]);
        ASSERT_EQ(loaded_.euros(), kLoaded - (counted ? 3 : 2) * kTickValue) << cut;
      });
}

TEST_F(GuardianMoneyPowerCut, AFreedCallIsThereOrLeavesNothing) {
  const KnownSlot slot = loaded_.make_cheque();
  ASSERT_EQ(chip_.draw_ticks(slot.handle, kTicks).word, 0x9000);
  ASSERT_EQ(chip_.answer_ticks(slot.handle, loaded_.call(kTickValue, kTicks)).word, 0x9000);
  ASSERT_EQ(chip_.release_tick(slot.handle, 0).word, 0x9000);
  Slot secret;
  Call call;
  ASSERT_TRUE(Records(chip_.memory()).load(size_t{0}, secret));
  ASSERT_TRUE(Records(chip_.memory()).load(size_t{0}, call));
  cut_everywhere(
      chip_, [&](Chip& c) { c.free_slot(slot.handle); },
      [&](Chip& c, uint64_t cut) {
        const uint16_t word = c.release_tick(slot.handle, 1).word;
        ASSERT_TRUE(word == 0x9000 || word == 0x6A82) << cut;
        saw(word == 0x6A82);
        if (word == 0x9000) {
          ASSERT_EQ(c.free_slot(slot.handle).word, 0x9000) << cut;
        }
        ASSERT_FALSE(loaded_.remembers(secret.secret.o2.bytes())) << cut;
        ASSERT_FALSE(loaded_.remembers(secret.secret.rho)) << cut;
        ASSERT_FALSE(loaded_.remembers(call.seed.view())) << cut;
        // Its place in the table of calls is free with it.
        const KnownSlot next = loaded_.make_cheque();
        ASSERT_EQ(c.release_tick(next.handle, 0).word, 0x6985) << cut;
        ASSERT_EQ(c.draw_ticks(next.handle, kTicks).word, 0x9000) << cut;
      });
}

}  // namespace
}  // namespace cafe::guardian
