#include "libs/platform/log.h"
#include "services/withdrawal/order_rules.h"
#include "services/withdrawal/orders.h"
#include "services/withdrawal/withdrawal_store.h"

namespace cafe::withdrawal {
namespace {

using protocol::refused;

/// What the order will cost by the list that is in use, to look at the account's funds in the same
/// statement as at the rest; nothing where that list is not the one that the wallet means, or does
/// not hold what it asks for: then what is wrong is said later, to who has signed.
std::vector<protocol::Completion::Debit> likely_debits(Issuer& issuer,
                                                       const protocol::OpenRequest& request) {
  const auto offer = issuer.lists.offer();
  if (!offer.ok() || (*offer)->book->digest() != request.list_digest) return {};
  const auto entries =
      select_lines(*(*offer)->book, (*offer)->stopped, request.lines, issuer.now_s(), 0);
  if (!entries.ok()) return {};
  auto debits = price(*entries, request.lines);
  return debits.ok() ? *std::move(debits) : std::vector<protocol::Completion::Debit>{};
}

absl::StatusOr<OpenFacts> look(Issuer& issuer, const protocol::OpenRequest& request,
                               uint64_t time_slot,
                               std::span<const protocol::Completion::Debit> debits) {
  CAFE_ASSIGN_OR_RETURN(
      auto facts,
      issuer.db.transaction({.read_only = true, .idempotent = true}, [&](Transaction& tx) {
        return read_open_facts(tx, request.account, request.order, time_slot, debits);
      }));
  if (!facts.has_value()) {
    return protocol::make_error(absl::StatusCode::kNotFound, "UNKNOWN_ACCOUNT",
                                "This issuer has no such account: register first.");
  }
  return *std::move(facts);
}

/// The first order since the database was started draws its lineage.
absl::StatusOr<protocol::Bytes32> lineage_of(Issuer& issuer, const OpenFacts& facts) {
  if (facts.lineage.has_value()) return *facts.lineage;
  return issuer.db.transaction({.idempotent = true},
                               [&](Transaction& tx) { return draw_lineage(tx, issuer.rng); });
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

absl::Status insufficient_funds(const std::string& currency) {
  return refused("INSUFFICIENT_FUNDS", "The account holds less " + currency +
                                           " than the order costs: pay in first, or order less.");
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
            return insufficient_funds(debit.currency);
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
  const auto likely = likely_debits(issuer, request);
  CAFE_ASSIGN_OR_RETURN(const OpenFacts seen, look(issuer, request, time_slot, likely));
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
  if (debits != likely) {
    CAFE_RETURN_IF_ERROR(check_funds(issuer, request.account, debits));
  } else if (seen.short_of.has_value()) {
    return insufficient_funds(*seen.short_of);
  }

  CAFE_ASSIGN_OR_RETURN(const auto account_keys, issuer.accounts.keys_of(seen.account));
  CAFE_ASSIGN_OR_RETURN(const auto lineage, lineage_of(issuer, seen));
  std::vector<const protocol::DenominationKey*> keys;
  for (const auto* entry : entries) keys.push_back(&*entry->key);
  const protocol::NonceScope scope{request.account, request.order, time_slot, lineage};
  CAFE_ASSIGN_OR_RETURN(const auto answer,
                        protocol::issuer_open(issuer.secret, issuer.id(), scope,
                                              account_keys->points, request.lines, keys));
  issuer.metrics.opened.Increment();
  platform::log_debug(
      "order opened",
      {{"account", request.account.hex()}, {"n", request.order}, {"lines", request.lines.size()}});
  return answer.encode();
}

}  // namespace cafe::withdrawal
