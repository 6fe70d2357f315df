#include "device-sim/firmware/testing/caller.h"

namespace cafe::testing {

using namespace cafe::protocol;  // NOLINT: it speaks of little else

Caller::Caller(Market& market, const WorldWallet& wallet, const WithdrawnCoin& cheque,
               const SignedDocument& terms, const CallPlan& plan)
    : y_seed_(market.rng.array<32>()), payment_{terms, {cheque.coin}, {}} {
  const uint32_t leaves = plan.leaves == 0 ? plan.tick_count : plan.leaves;
  for (uint32_t i = 0; i < leaves; ++i) t_.push_back(market.rng.scalar());
  const auto points = multiples(t_, g1()).value();
  tree_.emplace(point_leaves(blind_tick_points(points, y_seed_).value()));

  const Bytes root = to_bytes(tree_->root());
  const Bytes salt = to_bytes(market.rng.array<32>());
  const Scalar d = spend_challenge(cheque.denomination, plan.value,
                                   spend_digest(cheque.coin.id(), 0, terms.digest()),
                                   plan.tick_value, plan.tick_count, root, salt);
  const Scalar answer = guardian_answer(wallet.guardian.o_cheque, cheque.slots[0].o2, d);
  const SpendResponse response =
      wallet_respond(answer, d, cheque.secrets.slots[0], wallet.identity.u1, cheque.secrets.s,
                     wallet.guardian_point(Kind::kCheque), cheque.B_O[0])
          .value();
  payment_.spends.push_back({.coin = 0,
                             .slot = 0,
                             .value = plan.value,
                             .tick_value = plan.tick_value,
                             .tick_count = plan.tick_count,
                             .tick_root = root,
                             .salt = salt,
                             .B = cheque.secrets.B[0],
                             .path = {},
                             .r1 = response.r1,
                             .r2 = response.r2,
                             .tick = std::nullopt});
}

TickReveal Caller::reveal(uint32_t i) const {
  return {i, t_.at(i) + tick_blind(y_seed_, i), tree_->path(i)};
}

Bytes Caller::tick(uint32_t i) const { return tick_message(payment_.terms.digest(), reveal(i)); }

Bytes tick_message(const Bytes32& terms_digest, const TickReveal& reveal) {
  return firmware::Tick{terms_digest, reveal}.encode();
}

}  // namespace cafe::testing
