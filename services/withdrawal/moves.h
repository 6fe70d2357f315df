// What a replaced account holds goes to its successor: at the replacement, and what is credited to
// it later (a pay-back that was under way) by the sweeper.
#pragma once

#include <stop_token>

#include "services/withdrawal/issuer.h"
#include "services/withdrawal/loss_rules.h"
#include "services/withdrawal/withdrawal_store.h"

namespace cafe::withdrawal {

// Moves every currency, within the caller's transaction; records each move with its posting.
absl::StatusOr<std::vector<Move>> move_balances(Issuer& issuer, Transaction& tx,
                                                const protocol::AccountId& lost);

// For the metrics, once the moves are committed.
void count_moves(Issuer& issuer, const std::vector<Move>& moves);

// Moves what was credited to replaced accounts, each in a transaction of its own, until nothing is
// left to move: through a chain of successors to its last. Convicted accounts keep what they hold.
// One that cannot be moved does not stand before others. The first error, if any.
absl::Status sweep_replaced(Issuer& issuer, const std::stop_token& stop);

}  // namespace cafe::withdrawal
