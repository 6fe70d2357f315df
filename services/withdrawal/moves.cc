#include "services/withdrawal/moves.h"

#include "libs/platform/failpoint.h"
#include "libs/platform/log.h"
#include "services/withdrawal/loss_store.h"

namespace cafe::withdrawal {
namespace {

/// Tells how many moves there were.
absl::StatusOr<size_t> sweep_account(Issuer& issuer, const protocol::AccountId& lost) {
  CAFE_ASSIGN_OR_RETURN(
      const std::vector<Move> moves,
      issuer.db.transaction(
          {.idempotent = true}, [&](Transaction& tx) -> absl::StatusOr<std::vector<Move>> {
            CAFE_ASSIGN_OR_RETURN(std::vector<Move> moved, move_balances(issuer, tx, lost));
            CAFE_RETURN_IF_ERROR(platform::failpoint("withdrawal/move-before-commit"));
            return moved;
          }));
  count_moves(issuer, moves);
  platform::log_info("moved what was credited to a replaced account",
                     {{"account", lost.hex()}, {"moves", moves.size()}});
  return moves.size();
}

/// One pass over all that hold something. Tells how many moves there were; adds to `first_error`.
absl::StatusOr<size_t> sweep_once(Issuer& issuer, const std::stop_token& stop,
                                  absl::Status& first_error) {
  constexpr uint32_t kAtATime = 100;
  size_t moved = 0;
  std::optional<protocol::AccountId> after;
  while (!stop.stop_requested()) {
    CAFE_ASSIGN_OR_RETURN(
        const std::vector<protocol::AccountId> accounts,
        issuer.db.transaction({.read_only = true, .idempotent = true}, [&](Transaction& tx) {
          return replaced_with_funds(tx, after, kAtATime);
        }));
    if (accounts.empty()) break;
    for (const protocol::AccountId& lost : accounts) {
      if (stop.stop_requested()) break;
      const absl::StatusOr<size_t> count = sweep_account(issuer, lost);
      if (count.ok()) {
        moved += *count;
      } else {
        platform::log_warning("cannot move what a replaced account holds",
                              {{"account", lost.hex()}, {"status", count.status()}});
        first_error.Update(count.status());
      }
    }
    after = accounts.back();
  }
  return moved;
}

}  // namespace

absl::StatusOr<std::vector<Move>> move_balances(Issuer& issuer, Transaction& tx,
                                                const protocol::AccountId& lost) {
  CAFE_ASSIGN_OR_RETURN(std::vector<Move> moves, record_moves(tx, lost));
  std::vector<storage::Posting> postings;
  for (const Move& move : moves) {
    CAFE_ASSIGN_OR_RETURN(postings.emplace_back(), posting_of(move));
  }
  CAFE_RETURN_IF_ERROR(issuer.ledger->post_all(tx, postings));
  return moves;
}

void count_moves(Issuer& issuer, const std::vector<Move>& moves) {
  for (const Move& move : moves) issuer.loss_metrics.moved(move.currency, move.amount);
}

absl::Status sweep_replaced(Issuer& issuer, const std::stop_token& stop) {
  absl::Status first_error;
  for (size_t moved = 1; moved > 0 && !stop.stop_requested();) {
    CAFE_ASSIGN_OR_RETURN(moved, sweep_once(issuer, stop, first_error));
  }
  return first_error;
}

}  // namespace cafe::withdrawal
