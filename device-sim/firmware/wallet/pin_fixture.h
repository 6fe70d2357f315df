// A wallet with money and its owner's PINs, for tests.
#pragma once

#include <set>

#include "device-sim/firmware/wallet/call_fixture.h"

namespace cafe::testing {

inline constexpr uint64_t kLimit = 1000;

class PinTest : public CallTest {
 protected:
  void SetUp() override {
    CallTest::SetUp();
    for (int n = 0; n < 2; ++n) device_.withdraw(issuer_, {{world_.cheque.id, 7}});
  }
  TestOwner& owner() { return device_.owner; }
  void set_payment_pin(uint64_t limit = kLimit) {
    ASSERT_TRUE(wallet().change_pin(wallet::PinKind::kPayment).ok());
    if (limit == 0) return;
    ASSERT_TRUE(wallet().set_limit("EUR", limit).ok());
  }
  uint64_t left() { return device_.chip.allowances()["EUR"].second; }
  std::string pay_reason(uint64_t amount) {
    return protocol::reason_of(pay(offer(amount)).status());
  }
  // How often `act` asks for a PIN of this kind.
  template <typename Act>
  int asked(wallet::PinKind kind, Act act) {
    owner().questions.clear();
    act();
    return static_cast<int>(
        std::count_if(owner().questions.begin(), owner().questions.end(),
                      [&](const wallet::PinQuestion& question) { return question.kind == kind; }));
  }
  // The chip takes nothing that needs the withdrawal PIN.
  void expect_closed() {
    EXPECT_EQ(device_.chip.make_slot().word, 0x9804);
    EXPECT_EQ(device_.chip.send(guardian::Ins::kWalletKey, 0, {}, 32).word, 0x9804);
  }
  // The chip has forgotten every PIN that was entered.
  void expect_forgotten() {
    const protocol::Bytes states =
        device_.chip.send(guardian::Ins::kPinStatus, 0, {}, guardian::kPinStatusSize).data;
    ASSERT_EQ(states.size(), guardian::kPinStatusSize);
    EXPECT_EQ(states[2], 0) << "withdrawal";
    EXPECT_EQ(states[5], 0) << "payment";
  }
  // The power failed when `act` had the guardian do one of `what` for the first time: before, or
  // after it was done.
  enum class Cut { kBefore, kAfter };
  template <typename Act>
  void interrupt(const std::set<guardian::Ins>& what, Cut cut, Act act) {
    const protocol::Bytes chip_before = device_.chip.memory().snapshot();
    std::vector<Command> log;
    listen(log, true);
    act();
    device_.chip.tamper = nullptr;
    const auto done = std::find_if(log.begin(), log.end(),
                                   [&](const Command& c) { return what.contains(c.ins); });
    ASSERT_NE(done, log.end());
    if (cut == Cut::kBefore) {
      done->chip_memory = done == log.begin() ? chip_before : std::prev(done)->chip_memory;
    }
    go_back_to(*done);
  }
  // It has promised its slots, and the guardian was never asked for them.
  template <typename Act>
  void promise_only(Act act) {
    using guardian::Ins;
    interrupt({Ins::kAnswerCoin, Ins::kAnswerCheque, Ins::kAnswerTicks}, Cut::kBefore, act);
  }
  static bool remembers(const firmware::MemoryImage& memory, protocol::ByteView content) {
    const protocol::Bytes image = memory.snapshot();
    return std::search(image.begin(), image.end(), content.begin(), content.end()) != image.end();
  }
};

}  // namespace cafe::testing
