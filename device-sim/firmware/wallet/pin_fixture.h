// A wallet with money and its owner's PINs, for tests.
#pragma once

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
  static bool remembers(const firmware::MemoryImage& memory, protocol::ByteView content) {
    const protocol::Bytes image = memory.snapshot();
    return std::search(image.begin(), image.end(), content.begin(), content.end()) != image.end();
  }
};

}  // namespace cafe::testing
