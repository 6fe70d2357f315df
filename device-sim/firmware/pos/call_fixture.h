// A terminal and callers who pay it by the tick, for the tests of calls.
#pragma once

#include "device-sim/firmware/pos/terminal_fixture.h"
#include "device-sim/firmware/testing/caller.h"

namespace cafe::pos {

inline constexpr uint64_t kTickValue = 3;
inline constexpr uint32_t kTicks = 20;

class TerminalCallTest : public TerminalTest {
 protected:
  protocol::SignedDocument offer_call() {
    offer_ =
        *till_.terminal->make_call_offer("EUR", kTickValue, kTicks, "10 s", testing::kWorldNow_ms);
    return testing::terms_of(offer_);
  }
  testing::Caller caller(const protocol::SignedDocument& terms,
                         const testing::CallPlan& plan = {kTickValue, kTicks}) {
    return testing::Caller(market_, alice_, take(market_.cheque), terms, plan);
  }
  // A call that was accepted.
  testing::Caller open() {
    const testing::Caller calling = caller(offer_call());
    EXPECT_EQ(decide(calling.payment().encode()).decision, Decision::kAccepted);
    return calling;
  }
  static protocol::Bytes32 digest_of(const testing::Caller& calling) {
    return calling.payment().terms.digest();
  }
  absl::StatusOr<uint32_t> demanded(const testing::Caller& calling,
                                    uint64_t now_ms = testing::kWorldNow_ms) {
    CAFE_ASSIGN_OR_RETURN(const protocol::Bytes demand,
                          till_.terminal->next_tick_demand(digest_of(calling), now_ms));
    CAFE_ASSIGN_OR_RETURN(const auto decoded, firmware::TickDemand::decode(demand));
    EXPECT_EQ(decoded.terms_digest, digest_of(calling));
    return decoded.index;
  }
  std::string take_tick(const protocol::Bytes& tick, uint64_t now_ms = testing::kWorldNow_ms) {
    return protocol::reason_of(till_.terminal->on_tick(tick, now_ms));
  }
  void talk(const testing::Caller& calling, uint32_t ticks) {
    for (uint32_t i = 0; i < ticks; ++i) {
      const auto index = demanded(calling);
      ASSERT_TRUE(index.ok()) << index.status();
      ASSERT_EQ(take_tick(calling.tick(*index)), "");
    }
  }
  uint32_t held(const testing::Caller& calling) {
    return till_.terminal->call(digest_of(calling))->ticks;
  }
  firmware::CallEnd end_of(const protocol::Bytes& message) {
    const auto document = *protocol::SignedDocument::decode(message);
    EXPECT_TRUE(document.check(market_.terminal_key.public_key()).ok());
    return *firmware::CallEnd::decode(document.frame);
  }
  protocol::Bytes hang_up(const testing::Caller& calling) {
    return firmware::HangUp{digest_of(calling)}.encode();
  }
  // Why a payment for a new call of the tariff is refused; "" where it opens it.
  std::string refused_for(const protocol::Payment& payment) {
    const PaymentResult result = decide(payment.encode());
    EXPECT_TRUE(result.decision == Decision::kAccepted || !result.reason.empty());
    return result.reason;
  }
  std::string refused_for(const testing::CallPlan& plan) {
    return refused_for(caller(offer_call(), plan).payment());
  }

  protocol::Bytes offer_;
};

}  // namespace cafe::pos
