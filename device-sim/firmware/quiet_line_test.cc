// [guard] The wallet's end of the link, as someone hears it who has an agreement with the guardian:
// when frames come must not depend on how long the guardian takes, whatever it answers.
#include <algorithm>

#include "device-sim/firmware/pos/contact.h"
#include "device-sim/firmware/wallet/contact.h"
#include "device-sim/firmware/wallet/money_fixture.h"
#include "device-sim/link/lossy_medium.h"

namespace cafe {
namespace {

using guardian::Ins;
using protocol::Bytes;
using protocol::ByteView;
using testing::kWorldNow_ms;
using wallet::ContactResult;

constexpr uint32_t kTicks = 3;  // then the owner hangs up
constexpr uint64_t kSlow_ms = 15;
constexpr uint64_t kLate_ms = 500;

// One command that the guardian answers in its own way.
struct Signal {
  Ins ins;
  int nth;
  bool refuses = false;
};

// A medium that notes when something is put on it.
class Recorder : public link::Medium {
 public:
  Recorder(link::Medium& medium, const uint64_t& clock_ms) : medium_(medium), clock_ms_(clock_ms) {}
  void transmit(ByteView bytes) override {
    times.push_back(clock_ms_ - kWorldNow_ms);
    medium_.transmit(bytes);
  }
  std::optional<Bytes> poll() override { return medium_.poll(); }
  std::vector<uint64_t> times;

 private:
  link::Medium& medium_;
  const uint64_t& clock_ms_;
};

struct Heard {
  std::vector<uint64_t> times;  // of all frames from the wallet, ms
  ContactResult result;
};

class QuietLineTest : public testing::MoneyTest {
 protected:
  void SetUp() override {
    testing::MoneyTest::SetUp();
    wallet_memory_ = device_.memory.snapshot();
    chip_memory_ = device_.chip.memory().snapshot();
    till_memory_ = till_.memory.snapshot();
  }
  void start_again() {
    device_.chip.tamper = nullptr;
    device_.memory.restore(wallet_memory_);
    device_.chip.memory().restore(chip_memory_);
    till_.memory.restore(till_memory_);
    ASSERT_TRUE(device_.restart().ok());
    ASSERT_TRUE(till_.restart().ok());
  }
  // A bill or a call from the same beginning, where the guardian takes `takes_ms` for the command.
  Heard listen_to(bool call, const Signal& signal, uint64_t takes_ms) {
    start_again();
    const Bytes opening =
        call ? *till_.terminal->make_call_offer("EUR", 20, 40, "10 s", kWorldNow_ms) : offer(321);
    uint64_t clock_ms = kWorldNow_ms;
    int seen = 0;
    device_.chip.tamper = [&](ByteView command, protocol::MutableByteView response) {
      if (command[1] != static_cast<uint8_t>(signal.ins) || ++seen != signal.nth) return;
      clock_ms += takes_ms;
      if (signal.refuses) response.back() ^= 1;  // the status word
    };
    link::LossyMedium medium("quiet", {});
    Recorder line(medium.b(), clock_ms);
    pos::Contact at_till(*till_.terminal, medium.a(), 1, opening);
    wallet::Contact at_wallet(wallet(), line);
    for (uint64_t now_ms = kWorldNow_ms; now_ms < kWorldNow_ms + 1500; ++now_ms) {
      at_till.tick(now_ms);
      if (now_ms < clock_ms) continue;  // the wallet waits for its guardian
      clock_ms = now_ms;
      at_wallet.tick(now_ms);
      if (at_wallet.ticks() == kTicks) at_wallet.hang_up();
    }
    device_.chip.tamper = nullptr;
    EXPECT_GE(seen, signal.nth) << "the guardian was not asked";
    return {std::move(line.times), at_wallet.result()};
  }
  // Hears the same whether it is fast or slow, and nothing any more from when it is late.
  void expect_quiet(bool call, const Signal& signal, ContactResult on_time, ContactResult late) {
    const Heard fast = listen_to(call, signal, 0);
    const Heard slow = listen_to(call, signal, kSlow_ms);
    const Heard silent = listen_to(call, signal, kLate_ms);
    EXPECT_EQ(fast.result, on_time);
    EXPECT_EQ(slow.result, on_time);
    EXPECT_EQ(silent.result, late);
    EXPECT_EQ(slow.times, fast.times);
    ASSERT_LT(silent.times.size(), fast.times.size());
    EXPECT_TRUE(std::equal(silent.times.begin(), silent.times.end(), fast.times.begin()));
  }

 private:
  Bytes wallet_memory_, chip_memory_, till_memory_;
};

TEST_F(QuietLineTest, OfAPayment) {
  expect_quiet(false, {Ins::kAnswerCheque, 1}, ContactResult::kAccepted, ContactResult::kCut);
}

TEST_F(QuietLineTest, OfAPaymentThatFails) {
  expect_quiet(false, {Ins::kAnswerCheque, 1, true}, ContactResult::kDeclined,
               ContactResult::kDeclined);
}

TEST_F(QuietLineTest, OfAnOpening) {
  expect_quiet(true, {Ins::kDrawTicks, 1}, ContactResult::kEnded, ContactResult::kCut);
  expect_quiet(true, {Ins::kAnswerTicks, 1}, ContactResult::kEnded, ContactResult::kCut);
}

TEST_F(QuietLineTest, OfAnOpeningThatFails) {
  expect_quiet(true, {Ins::kAnswerTicks, 1, true}, ContactResult::kDeclined,
               ContactResult::kDeclined);
  // Before anything of the call is stored.
  expect_quiet(true, {Ins::kTickPoints, 1, true}, ContactResult::kDeclined,
               ContactResult::kDeclined);
}

TEST_F(QuietLineTest, OfATick) {
  expect_quiet(true, {Ins::kReleaseTick, 2}, ContactResult::kEnded, ContactResult::kCut);
}

// The wallet hangs up then, at the time of the tick.
TEST_F(QuietLineTest, OfATickThatFails) {
  expect_quiet(true, {Ins::kReleaseTick, 2, true}, ContactResult::kEnded, ContactResult::kCut);
}

// The guardian's slot is freed before the wallet has said that it hangs up.
TEST_F(QuietLineTest, OfHangingUp) {
  expect_quiet(true, {Ins::kFreeSlot, 1}, ContactResult::kEnded, ContactResult::kCut);
}

}  // namespace
}  // namespace cafe
