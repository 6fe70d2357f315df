#include "libs/platform/log.h"
#include "services/withdrawal/order_rules.h"
#include "services/withdrawal/orders.h"
#include "services/withdrawal/withdrawal_store.h"

namespace cafe::withdrawal {
namespace {

using protocol::refused;

struct Seen {
  AccountRow account;
  bool slot_void;  // whether N is void for the present time slot
  protocol::Bytes32 lineage;
  DenomSet stopped;
};

absl::StatusOr<Seen> look(Issuer& issuer, const protocol::OpenRequest& request,
                          uint64_t time_slot) {
  return issuer.db.transaction({.idempotent = true}, [&](Transaction& tx) -> absl::StatusOr<Seen> {
    CAFE_ASSIGN_OR_RETURN(const auto account, find_account(tx, request.account));
    if (!account.has_value()) {
      return protocol::make_error(absl::StatusCode::kNotFound, "UNKNOWN_ACCOUNT",
                                  "This issuer has no such account: register first.");
    }
    CAFE_ASSIGN_OR_RETURN(const auto voided,
                          find_void(tx, request.account, request.order, time_slot));
    CAFE_ASSIGN_OR_RETURN(auto lineage, read_lineage(tx));
    if (!lineage.has_value()) {
      CAFE_ASSIGN_OR_RETURN(lineage, draw_lineage(tx, issuer.rng));
    }
    CAFE_ASSIGN_OR_RETURN(auto stopped, stopped_denominations(tx));
    return Seen{*account, voided.has_value(), *lineage, std::move(stopped)};
  });
}

/// The offer whose list the wallet names; looks for a newer one when the wallet is ahead of us.
absl::StatusOr<std::shared_ptr<const Offer>> offer_for(Issuer& issuer,
                                                       const protocol::OpenRequest& request) {
  const auto same = [&request](const Offer& offer) {
    return offer.book->list().number == request.list_number &&
           offer.book->digest() == request.list_digest;
  };
  CAFE_ASSIGN_OR_RETURN(auto offer, issuer.lists.offer());
  if (same(*offer)) return offer;
  if (request.list_number > offer->book->list().number) {
    CAFE_RETURN_IF_ERROR(issuer.lists.refresh(issuer.db));
    CAFE_ASSIGN_OR_RETURN(offer, issuer.lists.offer());
    if (same(*offer)) return offer;
  }
  return refused("LIST_OUTDATED", "The newest list of denominations has number " +
                                      std::to_string(offer->book->list().number) +
                                      ": fetch it and open the order from it.");
}

/// A courtesy: funds count when the order completes.
absl::Status check_funds(Issuer& issuer, const protocol::AccountId& account,
                         const std::vector<protocol::Completion::Debit>& debits) {
  return issuer.db.transaction(
      {.read_only = true, .idempotent = true}, [&](Transaction& tx) -> absl::Status {
        for (const auto& debit : debits) {
          CAFE_ASSIGN_OR_RETURN(
              const int64_t balance,
              issuer.ledger->balance(tx, {std::string(storage::account_kind::kCustomer),
                                          protocol::to_bytes(account), debit.currency}));
          if (balance < 0 || static_cast<uint64_t>(balance) < debit.amount) {
            return refused("INSUFFICIENT_FUNDS",
                           "The account holds less " + debit.currency +
                               " than the order costs: pay in first, or order less.");
          }
        }
        return absl::OkStatus();
      });
}

}  // namespace

absl::StatusOr<protocol::Bytes> open_order(Issuer& issuer, protocol::ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(const auto document, protocol::SignedDocument::decode(bytes));
  CAFE_ASSIGN_OR_RETURN(const auto request, protocol::OpenRequest::decode(document.frame));
  CAFE_RETURN_IF_ERROR(issuer.check_own(request.issuer_id));

  const uint64_t now_s = issuer.now_s();
  const uint64_t time_slot = protocol::time_slot_of(now_s);
  CAFE_ASSIGN_OR_RETURN(const Seen seen, look(issuer, request, time_slot));
  CAFE_RETURN_IF_ERROR(document.check(seen.account.K));
  CAFE_RETURN_IF_ERROR(issuer.admit_account(request.account));

  if (seen.account.closed) {
    return refused("ACCOUNT_CLOSED", "The account is closed; nothing is withdrawn from it.");
  }
  CAFE_RETURN_IF_ERROR(check_chain(seen.account.last_order, request.order));
  if (seen.slot_void) {
    return refused("ORDER_VOID",
                   "The order is void for this minute: open it again when the next one begins.");
  }
  CAFE_ASSIGN_OR_RETURN(const auto offer, offer_for(issuer, request));
  CAFE_ASSIGN_OR_RETURN(const auto entries,
                        select_lines(*offer->book, seen.stopped, request.lines, now_s, 0));
  CAFE_ASSIGN_OR_RETURN(const auto debits, price(entries, request.lines));
  CAFE_RETURN_IF_ERROR(check_funds(issuer, request.account, debits));

  CAFE_ASSIGN_OR_RETURN(const auto points, protocol::IdentityPoints::compute(
                                               seen.account.A_O, seen.account.A_Q, seen.account.U));
  std::vector<const protocol::DenominationKey*> keys;
  for (const auto* entry : entries) keys.push_back(&*entry->key);
  const protocol::NonceScope scope{request.account, request.order, time_slot, seen.lineage};
  CAFE_ASSIGN_OR_RETURN(const auto answer, protocol::issuer_open(issuer.secret, issuer.id(), scope,
                                                                 points, request.lines, keys));
  issuer.metrics.opened.Increment();
  platform::log_info(
      "order opened",
      {{"account", request.account.hex()}, {"n", request.order}, {"lines", request.lines.size()}});
  return answer.encode();
}

}  // namespace cafe::withdrawal
