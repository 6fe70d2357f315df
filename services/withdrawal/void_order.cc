#include "libs/platform/failpoint.h"
#include "libs/platform/log.h"
#include "services/withdrawal/order_rules.h"
#include "services/withdrawal/orders.h"
#include "services/withdrawal/withdrawal_store.h"

namespace cafe::withdrawal {
namespace {

/// Under the account's lock, so that a completion of the same order comes before or after it.
absl::StatusOr<VoidOutcome> settle(Issuer& issuer, Transaction& tx,
                                   const protocol::VoidedOrder& request) {
  CAFE_ASSIGN_OR_RETURN(const AccountState state, lock_account(tx, request.account));
  CAFE_ASSIGN_OR_RETURN(auto completed, find_completed(tx, request.account, request.order));
  if (completed.has_value()) return VoidOutcome{true, std::move(completed->completion)};
  CAFE_ASSIGN_OR_RETURN(auto stated,
                        find_void(tx, request.account, request.order, request.time_slot));
  if (stated.has_value()) return VoidOutcome{false, *std::move(stated)};

  CAFE_RETURN_IF_ERROR(check_chain(state.last_order, request.order));
  if (request.time_slot > protocol::time_slot_of(issuer.now_s())) {
    return protocol::refused("TIME_SLOT_AHEAD",
                             "No order can have been opened in that time slot yet: name the one "
                             "of the answer to Open.");
  }
  protocol::Bytes statement = issuer.sign(request.encode_statement()).encode();
  CAFE_RETURN_IF_ERROR(insert_void(tx, request, statement));
  CAFE_RETURN_IF_ERROR(platform::failpoint("withdrawal/void-before-commit"));
  return VoidOutcome{false, std::move(statement)};
}

}  // namespace

absl::StatusOr<VoidOutcome> void_order(Issuer& issuer, protocol::ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(const auto document, protocol::SignedDocument::decode(bytes));
  CAFE_ASSIGN_OR_RETURN(const auto request, protocol::VoidedOrder::decode_request(document.frame));
  CAFE_RETURN_IF_ERROR(issuer.check_own(request.issuer_id));
  CAFE_ASSIGN_OR_RETURN(const auto keys, issuer.accounts.keys_of(request.account));
  CAFE_RETURN_IF_ERROR(document.check(keys->K));
  CAFE_RETURN_IF_ERROR(issuer.admit_account(request.account));

  // A commit in doubt needs no care: the same request again finds what became of it.
  CAFE_ASSIGN_OR_RETURN(auto outcome,
                        issuer.db.transaction({.idempotent = true}, [&](Transaction& tx) {
                          return settle(issuer, tx, request);
                        }));
  CAFE_RETURN_IF_ERROR(platform::failpoint("withdrawal/void-after-commit"));
  if (!outcome.completed) issuer.metrics.voided.Increment();
  platform::log_info(
      "void asked for",
      {{"account", request.account.hex()}, {"n", request.order}, {"completed", outcome.completed}});
  return outcome;
}

}  // namespace cafe::withdrawal
