// Whether a claim is good, from facts that others fetch: who may claim now, which coins exist and
// are hers, whether all cheques are there. Payments: check_void_payments.h.
#pragma once

#include <map>

#include "libs/protocol/claim_documents.h"
#include "libs/protocol/order_history.h"
#include "services/recovery/account.h"
#include "services/recovery/claim_fault.h"

namespace cafe::recovery {

// How far a claimant's clock may be off.
inline constexpr uint64_t kClaimClock_ms = 600'000;

// A completed order with its documents.
struct OpenedOrder {
  protocol::Order order;
  protocol::Completion completion;
  protocol::OrderRecord record;

  static absl::StatusOr<OpenedOrder> open(protocol::OrderRecord record);
};
// By N.
using OpenedOrders = std::map<uint64_t, OpenedOrder>;

// CLAIM_STALE, ACCOUNT_CONVICTED, NOT_REPORTED_LOST (coins and cheques are claimed of lost wallets
// only).
std::optional<ClaimFault> check_standing(const protocol::Claim& claim, Standing standing,
                                         uint64_t now_ms);

struct CoinFacts {
  const protocol::IdentityPoints& points;  // the account's
  const OpenedOrders& orders;              // those that the claim names, where they exist
  const protocol::DenominationTable& denominations;
  uint64_t now_s;
};

// Every claimed coin is the unblinding of a session of the account's (UNKNOWN_DENOMINATION,
// WRONG_KIND, CLAIM_EXPIRED but for cheques that are claimed all together, SLOT_OUTSIDE_COIN,
// NO_SUCH_COIN, CLAIM_INVALID). Each item is a coin.
std::optional<ClaimFault> check_coins(const protocol::Claim& claim, const CoinFacts& facts);

// The claim names every cheque of `orders`, which are all of the account's (CHEQUES_MISSING).
std::optional<ClaimFault> check_all_cheques(const protocol::Claim& claim,
                                            const OpenedOrders& orders,
                                            const protocol::DenominationTable& denominations);

}  // namespace cafe::recovery
