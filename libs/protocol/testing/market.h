// Payments in a World: honest wallets that pay at its terminal, wallets whose guardian forgets, and
// the cases that follow.
//
//   Market market("seed");
//   WorldWallet alice = market.make_wallet();
//   WithdrawnCoin coin = market.take(alice, market.coin);
//   Payment payment = market.pay(alice, {{&coin, 0, 500}});
//   EXPECT_TRUE(check_payment(payment, market.context()).ok());
#pragma once

#include "libs/protocol/case_file.h"
#include "libs/protocol/spending.h"
#include "libs/protocol/testing/world.h"

namespace cafe::testing {

// A slot that pays: value in minor units.
struct Paying {
  WithdrawnCoin* coin;
  uint32_t slot;
  uint64_t value;
};

// Whether the guardian remembers what its slots answered.
enum class Guardian { kWorking, kForgetful };

// A call that a cheque pays by the tick, with every tick that its guardian would release.
struct TickCall {
  protocol::Payment opening;            // shows no tick yet
  std::vector<protocol::Scalar> ticks;  // t'_i
  std::vector<protocol::Bytes> leaves;  // of the tick root

  // The payment once `count` > 0 ticks are shown.
  protocol::Payment shown(uint32_t count) const;
};

class Market : public World {
 public:
  explicit Market(std::string_view seed) : World(seed) {}

  // One coin of `denomination`, one of the world's three.
  WithdrawnCoin take(WorldWallet& wallet, const protocol::DenominationKey& denomination);
  // A coin of (A, root) signed with the denomination's key directly, as only its holder can.
  protocol::Coin sign_coin(const protocol::DenominationKey& denomination, const protocol::Point& A,
                           const protocol::Bytes32& root);

  // Terms of the world's terminal, at `now_s`.
  protocol::Terms make_terms(uint64_t amount);
  uint64_t now_s = kWorldNow_s;
  protocol::SignedDocument sign_terms(const protocol::Terms& terms) const;

  // The payment for the sum of `slots`, or for `terms`. Marks the slots used; a forgetful guardian
  // answers used ones again.
  protocol::Payment pay(const WorldWallet& wallet, const std::vector<Paying>& slots,
                        Guardian guardian = Guardian::kWorking);
  protocol::Payment pay(const WorldWallet& wallet, const std::vector<Paying>& slots,
                        const protocol::Terms& terms, Guardian guardian = Guardian::kWorking);
  // A call of the world's terminal. A forgetful guardian opens one more with the same cheque.
  TickCall open_call(const WorldWallet& wallet, WithdrawnCoin& cheque, uint64_t tick_value,
                     uint32_t tick_count, Guardian guardian = Guardian::kWorking);
  // One slot's spend, through guardian and wallet.
  protocol::Spend spend(const WorldWallet& wallet, const Paying& paying,
                        const protocol::Bytes32& terms_digest, uint32_t coin_index = 0,
                        Guardian guardian = Guardian::kWorking);

  // What the world's terminal, and its acquirer, check payments with.
  protocol::PaymentContext context() const;
  protocol::SpendCheck check(const protocol::Payment& payment, size_t spend = 0) const;
  protocol::SpendTrace trace(const protocol::Payment& payment, size_t spend = 0) const;

  // The case of two payments with one slot, as the issuer opens and signs it.
  protocol::CaseFile open_case(const WorldWallet& wallet, const protocol::Payment& first,
                               uint32_t first_spend, const protocol::Payment& second,
                               uint32_t second_spend) const;
  protocol::SignedCase sign_case(const protocol::CaseFile& file) const;
};

}  // namespace cafe::testing
