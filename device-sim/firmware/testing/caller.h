// Whoever pays a call by the tick, with everything in her hands, the guardian's secrets included:
// made with the library's functions, for tests and benchmarks of the terminal alone. What is to be
// altered against the rules is altered in her plan.
//
//   Caller caller(market, wallet, cheque, terms, {.tick_value = 10, .tick_count = 100});
//   terminal.on_payment(caller.payment().encode(), now_ms);
//   terminal.on_tick(caller.tick(0), now_ms);
#pragma once

#include "device-sim/firmware/common/messages.h"
#include "libs/protocol/testing/market.h"

namespace cafe::testing {

struct CallPlan {
  uint64_t tick_value;
  uint32_t tick_count;
  uint32_t leaves = 0;  // of the tree of ticks; 0: as many as tick_count
  uint64_t value = 0;   // of the spend itself
};

class Caller {
 public:
  // Opens with slot 0 of `cheque`, whatever it paid before; everything outlives the caller.
  Caller(Market& market, const WorldWallet& wallet, const WithdrawnCoin& cheque,
         const protocol::SignedDocument& terms, const CallPlan& plan);

  // The opening payment.
  const protocol::Payment& payment() const { return payment_; }
  // Tick i: its reveal, and the encoded message.
  protocol::TickReveal reveal(uint32_t i) const;
  protocol::Bytes tick(uint32_t i) const;
  // The guardian's own t_i, without the wallet's part.
  const protocol::Scalar& unblinded(uint32_t i) const { return t_.at(i); }

 private:
  std::vector<protocol::Scalar> t_;
  protocol::Bytes32 y_seed_;
  std::optional<protocol::MerkleTree> tree_;
  protocol::Payment payment_;
};

// A "cafe/v1/tick" of any reveal.
protocol::Bytes tick_message(const protocol::Bytes32& terms_digest,
                             const protocol::TickReveal& reveal);

}  // namespace cafe::testing
