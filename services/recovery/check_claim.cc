#include "services/recovery/check_claim.h"

#include "absl/container/flat_hash_set.h"
#include "libs/protocol/rebuild.h"

namespace cafe::recovery {
namespace {

using protocol::Claim;
using protocol::ClaimedCoin;
using protocol::ClaimKind;
using protocol::Denomination;
using protocol::Kind;

bool fits_kind(ClaimKind claim, Kind kind) {
  switch (claim) {
    case ClaimKind::kCoins:
      return kind == Kind::kCoin;
    case ClaimKind::kCheques:
      return kind == Kind::kCheque;
    case ClaimKind::kPayments:
      return true;
  }
  return false;
}

// The session that made the coin, where it may be claimed.
absl::StatusOr<protocol::Session> session_for(ClaimKind kind, const ClaimedCoin& coin,
                                              const CoinFacts& facts) {
  const Denomination* const denomination = facts.denominations.find(coin.denom_id);
  if (denomination == nullptr) {
    return protocol::refused("UNKNOWN_DENOMINATION", "No list of the issuer names it.");
  }
  if (!fits_kind(kind, denomination->kind)) {
    return protocol::refused("WRONG_KIND", "Coins and cheques are claimed apart.");
  }
  // What cheques spent is kept for good.
  if (kind != ClaimKind::kCheques && facts.now_s >= denomination->claim_until) {
    return protocol::refused("CLAIM_EXPIRED", "What was spent of it is kept no longer.");
  }
  const size_t slots = denomination->slot_values.size();
  if (slots < protocol::kMaxSlots && (coin.slots >> slots) != 0) {
    return protocol::invalid("SLOT_OUTSIDE_COIN", "The coin has fewer slots than that.");
  }
  const auto order = facts.orders.find(coin.order);
  if (order == facts.orders.end()) {
    return protocol::refused("NO_SUCH_COIN", "The account has no completed order of this number.");
  }
  const protocol::Point& m =
      denomination->kind == Kind::kCoin ? facts.points.m_coin : facts.points.m_cheque;
  return session_of(order->second.order, order->second.completion, coin.denom_id, coin.i, m);
}

}  // namespace

absl::StatusOr<OpenedOrder> OpenedOrder::open(protocol::OrderRecord record) {
  CAFE_ASSIGN_OR_RETURN(auto order, protocol::Order::decode(record.order.frame));
  CAFE_ASSIGN_OR_RETURN(auto completion, protocol::Completion::decode(record.completion.frame));
  return OpenedOrder{std::move(order), std::move(completion), std::move(record)};
}

std::optional<ClaimFault> check_standing(const Claim& claim, Standing standing, uint64_t now_ms) {
  if (standing == Standing::kConvicted) return ClaimFault{"ACCOUNT_CONVICTED"};
  if (standing != Standing::kLost && claim.kind != ClaimKind::kPayments) {
    return ClaimFault{"NOT_REPORTED_LOST"};
  }
  const uint64_t apart = claim.time_ms > now_ms ? claim.time_ms - now_ms : now_ms - claim.time_ms;
  if (apart > kClaimClock_ms) return ClaimFault{"CLAIM_STALE"};
  return std::nullopt;
}

std::optional<ClaimFault> check_coins(const Claim& claim, const CoinFacts& facts) {
  std::vector<protocol::Session> sessions;
  absl::Status first_without;  // why the first coin that may not be claimed may not
  for (const ClaimedCoin& coin : claim.coins) {
    absl::StatusOr<protocol::Session> session = session_for(claim.kind, coin, facts);
    if (!session.ok()) {
      first_without = session.status();
      break;
    }
    sessions.push_back(*std::move(session));
  }
  // All at once, which costs a fraction of one by one.
  const auto opened =
      open_claimed_coins_var(std::span(claim.coins).first(sessions.size()), sessions);
  for (size_t i = 0; i < opened.size(); ++i) {
    if (!opened[i].ok()) return fault_of(opened[i].status(), i);
  }
  if (!first_without.ok()) return fault_of(first_without, sessions.size());
  return std::nullopt;
}

std::optional<ClaimFault> check_all_cheques(const Claim& claim, const OpenedOrders& orders,
                                            const protocol::DenominationTable& denominations) {
  using Place = std::tuple<uint64_t, protocol::DenomId, uint32_t>;
  absl::flat_hash_set<Place> claimed;
  for (const ClaimedCoin& coin : claim.coins) claimed.emplace(coin.order, coin.denom_id, coin.i);
  for (const auto& [n, opened] : orders) {
    for (const protocol::OpenedLine& line : opened.order.opened.lines) {
      const Denomination* const denomination = denominations.find(line.denom_id);
      // What an unknown one was is not known either, so it may have been a cheque.
      if (denomination != nullptr && denomination->kind != Kind::kCheque) continue;
      for (uint32_t i = 0; i < line.coins.size(); ++i) {
        if (!claimed.contains({n, line.denom_id, i})) return ClaimFault{"CHEQUES_MISSING"};
      }
    }
  }
  return std::nullopt;
}

}  // namespace cafe::recovery
