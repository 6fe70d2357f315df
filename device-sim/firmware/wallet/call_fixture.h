// A wallet that talks by the tick at the till, for tests.
#pragma once

#include "device-sim/firmware/wallet/money_fixture.h"

namespace cafe::testing {

inline constexpr uint64_t kTick = 20;  // minor units
inline constexpr uint32_t kMost = 40;  // ticks of a call

class CallTest : public MoneyTest {
 protected:
  protocol::Bytes call_offer(uint64_t tick_value = kTick, uint32_t count = kMost) {
    return *till_.terminal->make_call_offer("EUR", tick_value, count, "10 s", kWorldNow_ms);
  }
  static protocol::Bytes32 terms_of(const protocol::Bytes& offer) {
    return firmware::CallOffer::decode(offer)->terms.digest();
  }
  absl::StatusOr<protocol::Bytes> open(const protocol::Bytes& offer) {
    auto outgoing = wallet().on_call_offer(offer, kWorldNow_ms);
    if (!outgoing.ok()) return outgoing.status();
    return std::move(outgoing->payment);
  }
  // Opened and accepted.
  protocol::Bytes32 talk(const protocol::Bytes& offer) {
    const auto payment = open(offer);
    EXPECT_TRUE(payment.ok()) << payment.status();
    EXPECT_EQ(till_refuses(*payment), "");
    return terms_of(offer);
  }
  static protocol::Bytes demand(const protocol::Bytes32& terms, uint32_t index) {
    return firmware::TickDemand{terms, index}.encode();
  }
  absl::StatusOr<protocol::Bytes> tick(const protocol::Bytes32& terms, uint32_t index) {
    auto outgoing = wallet().on_tick_demand(demand(terms, index), kWorldNow_ms);
    if (!outgoing.ok()) return outgoing.status();
    return std::move(outgoing->tick);
  }
  std::string tick_refused(const protocol::Bytes32& terms, uint32_t index) {
    return protocol::reason_of(tick(terms, index).status());
  }
  // Pays the ticks that the terminal asks for.
  void pay_ticks(const protocol::Bytes32& terms, uint32_t count) {
    for (uint32_t n = 0; n < count; ++n) {
      const protocol::Bytes asked = *till_.terminal->next_tick_demand(terms, kWorldNow_ms);
      const auto paid = wallet().on_tick_demand(asked, kWorldNow_ms);
      ASSERT_TRUE(paid.ok()) << paid.status();
      ASSERT_TRUE(till_.terminal->on_tick(paid->tick, kWorldNow_ms).ok());
    }
  }
  wallet::PastPayment past() { return wallet().payments().back(); }
};

}  // namespace cafe::testing
