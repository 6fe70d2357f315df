#include "libs/protocol/withdrawal_issuer.h"

#include "libs/protocol/hash.h"

namespace cafe::protocol {

namespace {

constexpr size_t kMacField = 4 + 32;  // the last field of an answer to Open, with its length

Frame scoped_frame(std::string_view label, const NonceScope& scope, const DenomId& denom_id,
                   uint32_t i) {
  Frame frame(label);
  frame.add(scope.account)
      .add_u64(scope.order)
      .add_u64(scope.time_slot)
      .add(scope.lineage)
      .add(denom_id)
      .add_u32(i);
  return frame;
}

absl::Status check_keys(std::span<const OrderLine> lines,
                        std::span<const DenominationKey* const> keys) {
  CAFE_RETURN_IF_ERROR(check_lines(lines));
  if (lines.size() != keys.size()) {
    return invalid("BAD_ORDER", "Each line of an order needs its denomination's key.");
  }
  for (size_t i = 0; i < lines.size(); ++i) {
    if (keys[i] == nullptr || keys[i]->id != lines[i].denom_id) {
      return invalid("BAD_ORDER", "A line of an order came with another denomination's key.");
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<DenominationKey> DenominationKey::create(const Denomination& denomination,
                                                        const Scalar& x) {
  const auto H = multiply(x, g());
  if (!H || *H != denomination.H) {
    return invalid("KEY_MISMATCH", "A secret key does not belong to its denomination.");
  }
  return DenominationKey{denomination, denomination.id(), x};
}

Bytes32 lineage_digest(uint64_t system_identifier, uint32_t timeline, const Bytes16& epoch) {
  return digest(Frame("cafe/v1/lineage").add_u64(system_identifier).add_u32(timeline).add(epoch));
}

Scalar IssuerSecret::nonce(const NonceScope& scope, const DenomId& denom_id, uint32_t i,
                           uint8_t beta) const {
  return prf_scalar(seed_.view(), scoped_frame("cafe/v1/nonce", scope, denom_id, i).add_u8(beta));
}

uint8_t IssuerSecret::clause(const NonceScope& scope, const DenomId& denom_id, uint32_t i,
                             const Bytes32& order_digest) const {
  return mac(seed_.view(),
             scoped_frame("cafe/v1/clause", scope, denom_id, i).add(order_digest))[0] &
         1;
}

Bytes32 IssuerSecret::answer_mac(const OpenAnswer& answer, const Bytes32& lineage) const {
  const Bytes encoded = answer.encode();
  const ByteView body = ByteView(encoded).first(encoded.size() - kMacField);
  return mac(seed_.view(), Frame("cafe/v1/answer-mac").add(lineage).add(body));
}

const Point& m_for(Kind kind, const IdentityPoints& points) {
  return kind == Kind::kCoin ? points.m_coin : points.m_cheque;
}

absl::StatusOr<OpenAnswer> issuer_open(const IssuerSecret& secret, std::string_view issuer_id,
                                       const NonceScope& scope, const IdentityPoints& points,
                                       std::span<const OrderLine> lines,
                                       std::span<const DenominationKey* const> keys,
                                       std::span<const std::optional<Point>> known_z) {
  CAFE_RETURN_IF_ERROR(check_keys(lines, keys));
  if (!known_z.empty() && known_z.size() != lines.size()) {
    return invalid("BAD_ORDER", "Either all lines of an order come with their z or none.");
  }
  OpenAnswer answer{std::string(issuer_id), scope.account, scope.order, scope.time_slot, {}, {}};
  for (size_t n = 0; n < lines.size(); ++n) {
    const DenominationKey& key = *keys[n];
    std::vector<Scalar> scalars;  // w of all coins and clauses, then x unless z is kept
    scalars.reserve(2 * lines[n].count + 1);
    for (uint32_t i = 0; i < lines[n].count; ++i) {
      for (const uint8_t beta : {0, 1}) scalars.push_back(secret.nonce(scope, key.id, i, beta));
    }
    CAFE_ASSIGN_OR_RETURN(std::vector<Point> a, multiples(scalars, g()));
    const std::optional<Point> kept = known_z.empty() ? std::nullopt : known_z[n];
    if (!kept) scalars.push_back(key.x);
    CAFE_ASSIGN_OR_RETURN(std::vector<Point> b,
                          multiples(scalars, m_for(key.denomination.kind, points)));
    OpenedLine& line = answer.lines.emplace_back(OpenedLine{key.id, kept ? *kept : b.back(), {}});
    line.coins.reserve(lines[n].count);
    for (size_t i = 0; i < a.size(); i += 2) {
      line.coins.push_back({Clause{a[i], b[i]}, Clause{a[i + 1], b[i + 1]}});
    }
  }
  answer.mac = secret.answer_mac(answer, scope.lineage);
  return answer;
}

absl::Status check_own_answer(const IssuerSecret& secret, const OpenAnswer& answer,
                              const Bytes32& lineage) {
  if (!equal_ct(secret.answer_mac(answer, lineage), answer.mac)) {
    return refused("NOT_OUR_ANSWER",
                   "This order completes an answer that was not given by this issuer's present "
                   "database: ask for the order to be voided, then open it anew.");
  }
  return absl::OkStatus();
}

absl::Status check_age(uint64_t open_slot, uint64_t now_slot) {
  if (now_slot < open_slot || now_slot - open_slot > 1) {
    return refused("ORDER_TOO_OLD",
                   "An order must be completed in the minute in which it was opened or the next: "
                   "ask for it to be voided, then open it anew.");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<CoinResponse>> issuer_respond(
    const IssuerSecret& secret, const Order& order, const Bytes32& order_digest,
    const Bytes32& lineage, std::span<const DenominationKey* const> keys) {
  const OpenAnswer& opened = order.opened;
  std::vector<OrderLine> lines;
  size_t coins = 0;
  for (const OpenedLine& line : opened.lines) {
    lines.push_back({line.denom_id, static_cast<uint32_t>(line.coins.size())});
    coins += line.coins.size();
  }
  CAFE_RETURN_IF_ERROR(check_keys(lines, keys));
  if (order.challenges.size() != coins) {
    return invalid("COUNT_MISMATCH", "An order needs two challenges for each coin it opened.");
  }
  const NonceScope scope{opened.account, opened.order, opened.time_slot, lineage};
  std::vector<CoinResponse> responses;
  responses.reserve(coins);
  for (size_t n = 0; n < lines.size(); ++n) {
    for (uint32_t i = 0; i < lines[n].count; ++i) {
      const uint8_t beta = secret.clause(scope, lines[n].denom_id, i, order_digest);
      const Scalar w = secret.nonce(scope, lines[n].denom_id, i, beta);
      responses.push_back({beta, order.challenges[responses.size()][beta] * keys[n]->x + w});
    }
  }
  return responses;
}

}  // namespace cafe::protocol
