#include "libs/protocol/rebuild.h"

#include "libs/protocol/merkle.h"
#include "libs/protocol/withdrawal_issuer.h"

namespace cafe::protocol {

namespace {

absl::Status check_same_order(const Order& order, const Completion& completion) {
  const OpenAnswer& opened = order.opened;
  if (completion.issuer_id != opened.issuer_id || completion.account != opened.account ||
      completion.order != opened.order || completion.time_slot != opened.time_slot) {
    return invalid("BAD_ORDER", "An order came with the completion of another one.");
  }
  size_t coins = 0;
  for (const OpenedLine& line : opened.lines) coins += line.coins.size();
  if (order.challenges.size() != coins || completion.responses.size() != coins) {
    return invalid("COUNT_MISMATCH", "A completion needs one response for each coin of its order.");
  }
  return absl::OkStatus();
}

absl::Status wrong_answer() {
  return invalid("WRONG_ANSWER",
                 "The issuer's answer to an order is wrong: keep it, it is evidence.");
}

// Why a coin did not come out: its challenge is not the order's, or the answer is wrong. Only here
// a' and b' are made of what the issuer sent, as they were in the wallet.
absl::Status explain_mismatch(const RebuiltCoin& rebuilt, const Clause& clause, const Scalar& c) {
  const auto& [s, u, v] = rebuilt.opening;
  const Coin& coin = rebuilt.coin;
  const Scalar su = s * u;
  const std::vector<Term> sums[] = {{{u, clause.a}, {v, g()}}, {{su, clause.b}, {v, coin.A}}};
  CAFE_ASSIGN_OR_RETURN(const std::vector<Point> points, linear_combinations(sums));
  const Scalar mine =
      coin_challenge(coin.denom_id, coin.A, coin.root, coin.Z, points[0], points[1]);
  if (mine != c * u) {
    return invalid(
        "REBUILD_MISMATCH",
        "This coin was not made with this seed and this order: look for the right ones.");
  }
  return wrong_answer();
}

}  // namespace

absl::StatusOr<RebuiltCoin> rebuild_coin(const Seed& coin_seed, const Order& order, size_t index,
                                         const CoinPlace& place, const CoinResponse& response,
                                         const Denomination& denomination, const Point& m,
                                         const Point& A_G) {
  CAFE_ASSIGN_OR_RETURN(const OpenedLine* line, check_place(order.opened, place, denomination));
  if (index >= order.challenges.size()) {
    return invalid("ANSWER_MISMATCH",
                   "The order has no such challenge: it cannot yield this coin.");
  }
  if (response.beta > 1) return wrong_answer();
  const Scalar& c = order.challenges[index][response.beta];
  const Bytes32 context = coin_context(order.opened, place);
  const Scalar s = derive(coin_seed, "s", context, 0);
  const Scalar u = derive(coin_seed, "u", context, response.beta);
  const Scalar v = derive(coin_seed, "v", context, response.beta);
  const size_t k = place.B_O.size();
  std::vector<SlotSecrets> slots;
  std::vector<Scalar> es;  // e·s of each slot
  for (size_t j = 0; j < k; ++j) {
    slots.push_back(slot_secrets(coin_seed, context, denomination.kind, j));
    es.push_back(slots.back().e * s);
  }

  // c' and r' are known beforehand, so a' and b' are taken from the coin's own equations. If the
  // challenge then is the hash of all of it, the coin is valid and the one that the wallet made,
  // for one evaluation of what otherwise is computed once and checked once more.
  const Scalar c_ = c * u;
  const Scalar r_ = response.r * u + v;
  const Scalar minus_c_ = -c_;
  const Scalar r_s = r_ * s;
  const Scalar minus_c_s = minus_c_ * s;
  std::vector<std::vector<Term>> sums = {{{s, m}},
                                         {{s, line->z}},
                                         {{r_, g()}, {minus_c_, denomination.H}},
                                         {{r_s, m}, {minus_c_s, line->z}}};
  for (size_t j = 0; j < k; ++j) {
    sums.push_back(slot_point_terms(denomination.kind, slots[j], s, es[j], A_G, place.B_O[j]));
  }
  CAFE_ASSIGN_OR_RETURN(const std::vector<Point> points, linear_combinations(sums));
  const Bytes32 root = merkle_root(point_leaves(std::span(points).subspan(4)));
  RebuiltCoin rebuilt{place.line,
                      place.i,
                      {line->denom_id, points[0], root, points[1], points[2], points[3], r_},
                      {s, u, v}};
  if (rebuilt.coin.challenge() != c_) {
    return explain_mismatch(rebuilt, line->coins[place.i][response.beta], c);
  }
  return rebuilt;
}

absl::StatusOr<std::vector<RebuiltCoin>> rebuild_order(
    const Seed& coin_seed, const Order& order, const Completion& completion,
    std::span<const Point> B_O, const std::function<const Denomination*(const DenomId&)>& find,
    const IdentityPoints& points, const Point& A_O, const Point& A_Q) {
  CAFE_RETURN_IF_ERROR(check_same_order(order, completion));
  std::vector<RebuiltCoin> coins;
  coins.reserve(order.challenges.size());
  size_t used = 0;  // of B_O
  const auto attachment_mismatch = [] {
    return invalid("ATTACHMENT_MISMATCH",
                   "The attachment of an order has not one point for each slot of its coins.");
  };
  for (uint32_t n = 0; n < order.opened.lines.size(); ++n) {
    const OpenedLine& line = order.opened.lines[n];
    const Denomination* denomination = find(line.denom_id);
    if (denomination == nullptr) {
      return invalid("UNKNOWN_DENOMINATION", "An order names a denomination that is not listed.");
    }
    const size_t k = denomination->slot_values.size();
    const bool is_coin = denomination->kind == Kind::kCoin;
    for (uint32_t i = 0; i < line.coins.size(); ++i, used += k) {
      if (B_O.size() - used < k) return attachment_mismatch();
      const auto mine = B_O.subspan(used, k);
      CAFE_ASSIGN_OR_RETURN(
          RebuiltCoin coin,
          rebuild_coin(coin_seed, order, coins.size(), {n, i, {mine.begin(), mine.end()}},
                       completion.responses[coins.size()], *denomination,
                       m_for(denomination->kind, points), is_coin ? A_O : A_Q));
      coins.push_back(std::move(coin));
    }
  }
  if (used != B_O.size()) return attachment_mismatch();
  return coins;
}

absl::StatusOr<Session> session_of(const Order& order, const Completion& completion,
                                   const DenomId& denom_id, uint32_t i, const Point& m) {
  CAFE_RETURN_IF_ERROR(check_same_order(order, completion));
  size_t index = i;
  for (const OpenedLine& line : order.opened.lines) {
    if (line.denom_id != denom_id) {
      index += line.coins.size();
      continue;
    }
    if (i >= line.coins.size()) break;
    const CoinResponse& response = completion.responses[index];
    if (response.beta > 1) break;  // no decoder lets it through
    return Session{
        denom_id,  m, line.z, line.coins[i][response.beta], order.challenges[index][response.beta],
        response.r};
  }
  return refused("NO_SUCH_COIN", "The account's order made no such coin.");
}

}  // namespace cafe::protocol
