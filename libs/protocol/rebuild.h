// Rebuilding lost coins (section 8): the coin seed, the order with its attachment and the issuer's
// completion yield every coin of it, with what a claim has to show.
//
//   auto order = Order::decode(record.order.frame);
//   auto completion = Completion::decode(record.completion.frame);
//   auto points = open_attachment(coin_seed, order->opened, order->attachment);
//   auto coins = rebuild_order(coin_seed, *order, *completion, *points, table, identity_points,
//                              A_O, A_Q);
#pragma once

#include <functional>

#include "libs/protocol/claim.h"
#include "libs/protocol/withdrawal_wallet.h"

namespace cafe::protocol {

struct RebuiltCoin {
  uint32_t line;  // in the order
  uint32_t i;     // in its line
  Coin coin;
  Unblinding opening;  // what a claim shows
};

// One coin. `index` is its place among all coins of the order; `place`, `denomination`, `m`, `A_G`
// as for wallet_blind. Only the answered clause is computed. The reasons of check_place;
// REBUILD_MISMATCH where the challenge in the order is not this coin's (another seed, or another
// order); WRONG_ANSWER as wallet_unblind.
absl::StatusOr<RebuiltCoin> rebuild_coin(const Seed& coin_seed, const Order& order, size_t index,
                                         const CoinPlace& place, const CoinResponse& response,
                                         const Denomination& denomination, const Point& m,
                                         const Point& A_G);

// All coins of an order, in its order. `B_O` are the opened attachment's points; `find` gives the
// denomination of an id (nullptr: UNKNOWN_DENOMINATION). ATTACHMENT_MISMATCH where the number of
// points does not fit; BAD_ORDER, COUNT_MISMATCH as session_of; rebuild_coin's.
absl::StatusOr<std::vector<RebuiltCoin>> rebuild_order(
    const Seed& coin_seed, const Order& order, const Completion& completion,
    std::span<const Point> B_O, const std::function<const Denomination*(const DenomId&)>& find,
    const IdentityPoints& points, const Point& A_O, const Point& A_Q);

// The issuer's record of the session that made coin (denom_id, i) of an order, on the account's m
// of that kind. NO_SUCH_COIN where the order has none; BAD_ORDER where the completion names another
// issuer, account, N or time slot, COUNT_MISMATCH where its responses are not as many as the coins.
// That it answers this very order (order_digest) is the caller's to check, once for all coins.
absl::StatusOr<Session> session_of(const Order& order, const Completion& completion,
                                   const DenomId& denom_id, uint32_t i, const Point& m);

}  // namespace cafe::protocol
