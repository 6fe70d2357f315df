#include "libs/protocol/withdrawal_wallet.h"

#include "libs/protocol/hash.h"
#include "libs/protocol/merkle.h"

namespace cafe::protocol {

namespace {

absl::Status answer_mismatch() {
  return invalid("ANSWER_MISMATCH", "The issuer's answer is not to this order: do not go on.");
}

}  // namespace

Bytes32 coin_context(const OpenAnswer& opened, const CoinPlace& place) {
  const OpenedLine& line = opened.lines[place.line];
  Bytes pairs;
  for (const Clause& clause : line.coins[place.i]) {
    append(pairs, clause.a.bytes());
    append(pairs, clause.b.bytes());
  }
  Bytes slots;
  for (const Point& point : place.B_O) append(slots, point.bytes());
  return digest(Frame("cafe/v1/withdrawal")
                    .add(opened.issuer_id)
                    .add(opened.account)
                    .add_u64(opened.order)
                    .add_u64(opened.time_slot)
                    .add(line.denom_id)
                    .add_u32(place.i)
                    .add(line.z)
                    .add(pairs)
                    .add_u32(static_cast<uint32_t>(place.B_O.size()))
                    .add(slots));
}

Scalar derive(const Seed& coin_seed, std::string_view label, const Bytes32& context, uint32_t n) {
  return prf_scalar(coin_seed.view(),
                    Frame("cafe/v1/derive/" + std::string(label)).add(context).add_u32(n));
}

SlotSecrets slot_secrets(const Seed& coin_seed, const Bytes32& context, Kind kind, size_t j) {
  const auto n = static_cast<uint32_t>(j);
  return {derive(coin_seed, "x1", context, n), derive(coin_seed, "x2", context, n),
          kind == Kind::kCoin ? derive(coin_seed, "e", context, n) : Scalar()};
}

absl::StatusOr<const OpenedLine*> check_place(const OpenAnswer& opened, const CoinPlace& place,
                                              const Denomination& denomination) {
  if (place.line >= opened.lines.size()) return answer_mismatch();
  const OpenedLine& line = opened.lines[place.line];
  if (place.i >= line.coins.size() || line.denom_id != denomination.id()) return answer_mismatch();
  if (place.B_O.size() != denomination.slot_values.size()) {
    return invalid("SLOT_COUNT", "The guardian must give one point for each slot of a coin.");
  }
  return &line;
}

std::vector<Term> slot_point_terms(Kind kind, const SlotSecrets& slot, const Scalar& s,
                                   const Scalar& es, const Point& A_G, const Point& B_O) {
  std::vector<Term> sum = {{slot.x1, g1()}, {slot.x2, g2()}, {s, B_O}};
  // The kind is public; a cheque's e is 0.
  if (kind == Kind::kCoin) sum.push_back({es, A_G});
  return sum;
}

absl::StatusOr<BlindedCoin> wallet_blind(const Seed& coin_seed, const OpenAnswer& opened,
                                         const CoinPlace& place, const Denomination& denomination,
                                         const Point& m, const Point& A_G) {
  CAFE_ASSIGN_OR_RETURN(const OpenedLine* line, check_place(opened, place, denomination));
  const size_t k = denomination.slot_values.size();
  const Bytes32 context = coin_context(opened, place);
  const auto secret = [&](std::string_view label, size_t n) {
    return derive(coin_seed, label, context, static_cast<uint32_t>(n));
  };

  const Scalar s = secret("s", 0);
  std::vector<SlotSecrets> slots;
  std::vector<Scalar> es;  // e·s of each slot
  for (size_t j = 0; j < k; ++j) {
    slots.push_back(slot_secrets(coin_seed, context, denomination.kind, j));
    es.push_back(slots.back().e * s);
  }
  const std::array<Scalar, 2> u = {secret("u", 0), secret("u", 1)};
  const std::array<Scalar, 2> v = {secret("v", 0), secret("v", 1)};
  const ClausePair& pair = line->coins[place.i];

  // A first: b' is made of it.
  CAFE_ASSIGN_OR_RETURN(Point A, not_identity(multiply(s, m)));
  const std::array<Scalar, 2> su = {s * u[0], s * u[1]};
  std::vector<std::vector<Term>> sums = {{{s, line->z}}};
  for (size_t beta = 0; beta < 2; ++beta) {
    sums.push_back({{u[beta], pair[beta].a}, {v[beta], g()}});
    sums.push_back({{su[beta], pair[beta].b}, {v[beta], A}});
  }
  for (size_t j = 0; j < k; ++j) {
    sums.push_back(slot_point_terms(denomination.kind, slots[j], s, es[j], A_G, place.B_O[j]));
  }
  CAFE_ASSIGN_OR_RETURN(std::vector<Point> points, linear_combinations(sums));

  const Point& Z = points[0];
  std::vector<Point> B(points.begin() + 5, points.end());
  const Bytes32 root = merkle_root(point_leaves(B));
  // One inversion for both clauses: 1/u_0 = u_1 / (u_0·u_1).
  const Scalar inverse = (u[0] * u[1]).inverse();
  const auto clause = [&](size_t beta) {
    const Point& a = points[1 + 2 * beta];
    const Point& b = points[2 + 2 * beta];
    const Scalar c_ = coin_challenge(line->denom_id, A, root, Z, a, b);
    return BlindedClause{u[beta], v[beta], a, b, c_, c_ * (inverse * u[1 - beta])};
  };
  return BlindedCoin{
      context, s, A, Z, std::move(slots), std::move(B), root, {clause(0), clause(1)}};
}

absl::StatusOr<Coin> wallet_unblind(const BlindedCoin& blinded, const Denomination& denomination,
                                    const Point& m, const OpenedLine& line, uint32_t i,
                                    const CoinResponse& response) {
  if (line.denom_id != denomination.id() || i >= line.coins.size()) return answer_mismatch();
  const auto wrong = [] {
    return invalid("WRONG_ANSWER",
                   "The issuer's answer to an order is wrong: keep it, it is evidence.");
  };
  if (response.beta > 1) return wrong();
  const BlindedClause& mine = blinded.clauses[response.beta];
  const Clause& theirs = line.coins[i][response.beta];
  const Scalar minus_c = -mine.c;
  if (!combination_equals({{response.r, g()}, {minus_c, denomination.H}}, theirs.a) ||
      !combination_equals({{response.r, m}, {minus_c, line.z}}, theirs.b)) {
    return wrong();
  }
  return Coin{line.denom_id,
              blinded.A,
              blinded.root,
              blinded.Z,
              mine.a,
              mine.b,
              response.r * mine.u + mine.v};
}

absl::Status check_open_answer(const OpenRequest& request, const OpenAnswer& answer) {
  if (answer.issuer_id != request.issuer_id || answer.account != request.account ||
      answer.order != request.order || answer.lines.size() != request.lines.size()) {
    return answer_mismatch();
  }
  for (size_t i = 0; i < request.lines.size(); ++i) {
    if (answer.lines[i].denom_id != request.lines[i].denom_id ||
        answer.lines[i].coins.size() != request.lines[i].count) {
      return answer_mismatch();
    }
  }
  return absl::OkStatus();
}

}  // namespace cafe::protocol
