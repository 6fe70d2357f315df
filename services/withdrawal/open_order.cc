#include "libs/platform/log.h"
#include "services/withdrawal/asked_order.h"
#include "services/withdrawal/cheque_cap.h"
#include "services/withdrawal/order_rules.h"
#include "services/withdrawal/order_store.h"

namespace cafe::withdrawal {
namespace {

using protocol::Bytes;
using protocol::refused;

struct AskedOpen : AskedOrder {
  using AskedOrder::AskedOrder;

  protocol::OpenRequest request{};
  // By the list that is in use; nothing where that is not the one that the wallet means, or does
  // not hold what it asks for: then what is wrong is said later.
  std::vector<protocol::Completion::Debit> likely{};
};

absl::Status read_request(Issuer& issuer, AskedOpen& asked) {
  CAFE_ASSIGN_OR_RETURN(const auto document,
                        protocol::SignedDocument::decode(asked.question.document));
  CAFE_ASSIGN_OR_RETURN(asked.request, protocol::OpenRequest::decode(document.frame));
  CAFE_RETURN_IF_ERROR(issuer.check_own(asked.request.issuer_id));
  asked.account = asked.request.account;
  asked.digest = document.digest();
  asked.signature = document.signature;
  return absl::OkStatus();
}

bool same_list(const protocol::OpenRequest& request, const DenominationBook& book) {
  return book.list().number == request.list_number && book.digest() == request.list_digest;
}

/// The first order since the database was started draws its lineage.
absl::StatusOr<protocol::Bytes32> lineage_of(Issuer& issuer, const GroupFacts& facts) {
  if (facts.lineage.has_value()) return *facts.lineage;
  return issuer.db.transaction({.idempotent = true},
                               [&](Transaction& tx) { return draw_lineage(tx, issuer.rng); });
}

/// The offer whose list the wallet names; looks for a newer one when the wallet is ahead of us.
absl::StatusOr<std::shared_ptr<const Offer>> offer_for(Issuer& issuer,
                                                       const protocol::OpenRequest& request) {
  CAFE_ASSIGN_OR_RETURN(auto offer, issuer.lists.offer());
  if (same_list(request, *offer->book)) return offer;
  if (request.list_number > offer->book->list().number) {
    CAFE_RETURN_IF_ERROR(issuer.lists.refresh(issuer.db));
    CAFE_ASSIGN_OR_RETURN(offer, issuer.lists.offer());
    if (same_list(request, *offer->book)) return offer;
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
            return insufficient_funds(debit.currency);
          }
        }
        return absl::OkStatus();
      });
}

/// A courtesy, too, and asked only of orders that name cheques.
absl::Status check_cheques(Issuer& issuer, const protocol::OpenRequest& request,
                           std::span<const DenominationBook::Entry* const> entries,
                           uint64_t now_s) {
  CAFE_ASSIGN_OR_RETURN(const auto cheques,
                        blank_cheques_of(request.account, request.order, entries, request.lines));
  if (cheques.empty()) return absl::OkStatus();
  CAFE_ASSIGN_OR_RETURN(
      const HeldCheques held,
      issuer.db.transaction({.read_only = true, .idempotent = true}, [&](Transaction& tx) {
        return held_cheques(tx, {{request.account}}, now_s);
      }));
  return check_cheque_cap(held, cheques, issuer.blank_cheque_cap);
}

/// Commitments for all coins. What is z was computed for this account before is not again.
absl::StatusOr<Bytes> commit_to(Issuer& issuer, const AskedOpen& asked, uint64_t time_slot,
                                const protocol::Bytes32& lineage,
                                std::span<const DenominationBook::Entry* const> entries) {
  const protocol::IdentityPoints& points = asked.keys->points;
  std::vector<const protocol::DenominationKey*> keys;
  std::vector<std::optional<protocol::Point>> known_z;
  for (const auto* entry : entries) {
    keys.push_back(&*entry->key);
    known_z.push_back(
        issuer.known_z.find(entry->id, protocol::m_for(entry->denomination.kind, points)));
  }
  const protocol::NonceScope scope{asked.account, asked.request.order, time_slot, lineage};
  CAFE_ASSIGN_OR_RETURN(const auto answer,
                        protocol::issuer_open(issuer.secret, issuer.id(), scope, points,
                                              asked.request.lines, keys, known_z));
  for (size_t i = 0; i < entries.size(); ++i) {
    if (known_z[i].has_value()) continue;
    issuer.known_z.insert(entries[i]->id, protocol::m_for(entries[i]->denomination.kind, points),
                          answer.lines[i].z);
  }
  return answer.encode();
}

/// One order, by what is known of it and of the database.
absl::StatusOr<Bytes> open_one(Issuer& issuer, const AskedOpen& asked, const OrderFacts& seen,
                               const GroupFacts& facts, uint64_t now_s) {
  const protocol::OpenRequest& request = asked.request;
  if (seen.state.closed) {
    return refused("ACCOUNT_CLOSED", "The account is closed; nothing is withdrawn from it.");
  }
  CAFE_RETURN_IF_ERROR(check_chain(seen.state.last_order, request.order));
  if (seen.slot_void) {
    return refused("ORDER_VOID",
                   "The order is void for this minute: open it again when the next one begins.");
  }
  CAFE_ASSIGN_OR_RETURN(const auto offer, offer_for(issuer, request));
  CAFE_ASSIGN_OR_RETURN(const auto entries,
                        select_lines(*offer->book, facts.stopped, request.lines, now_s, 0));
  CAFE_ASSIGN_OR_RETURN(const auto debits, price(entries, request.lines));
  if (debits != asked.likely) {
    CAFE_RETURN_IF_ERROR(check_funds(issuer, request.account, debits));
  } else if (seen.short_of.has_value()) {
    return insufficient_funds(*seen.short_of);
  }
  CAFE_RETURN_IF_ERROR(check_cheques(issuer, request, entries, now_s));
  CAFE_ASSIGN_OR_RETURN(const auto lineage, lineage_of(issuer, facts));
  CAFE_ASSIGN_OR_RETURN(auto answer,
                        commit_to(issuer, asked, protocol::time_slot_of(now_s), lineage, entries));
  issuer.metrics.opened.Increment();
  platform::log_debug(
      "order opened",
      {{"account", request.account.hex()}, {"n", request.order}, {"lines", request.lines.size()}});
  return answer;
}

/// One look at the database for all.
absl::StatusOr<GroupFacts> look(Issuer& issuer, std::span<AskedOpen* const> group, uint64_t now_s) {
  const auto offer = issuer.lists.offer();
  std::vector<OrderPlace> places;
  for (AskedOpen* asked : group) {
    if (offer.ok() && same_list(asked->request, *(*offer)->book)) {
      asked->likely = likely_debits((*offer)->book.get(), (*offer)->stopped, asked->request.lines,
                                    now_s, /*slack_s=*/0);
    }
    places.push_back(
        {asked->account, asked->request.order, protocol::time_slot_of(now_s), asked->likely});
  }
  return issuer.db.transaction({.read_only = true, .idempotent = true, .single_statement = true},
                               [&](Transaction& tx) { return read_orders(tx, places); });
}

}  // namespace

void open_orders(Issuer& issuer, std::vector<OrderQuestion> questions) {
  std::vector<AskedOpen> orders;
  orders.reserve(questions.size());
  std::vector<AskedOrder*> all;
  for (OrderQuestion& question : questions) {
    AskedOpen& asked = orders.emplace_back(std::move(question));
    all.push_back(&asked);
    if (absl::Status read = read_request(issuer, asked); !read.ok()) asked.finish(read);
  }
  authenticate(issuer, all);
  std::vector<AskedOpen*> group;
  for (AskedOpen& asked : orders) {
    if (asked.done) continue;
    if (absl::Status admitted = issuer.admit_account(asked.account); !admitted.ok()) {
      asked.finish(admitted);
    } else {
      group.push_back(&asked);
    }
  }
  if (group.empty()) return;
  const uint64_t now_s = issuer.now_s();
  const absl::StatusOr<GroupFacts> facts = look(issuer, group, now_s);
  for (size_t i = 0; i < group.size(); ++i) {
    if (!facts.ok()) {
      group[i]->finish(facts.status());
    } else if (!facts->orders[i].has_value()) {
      group[i]->finish(unknown_account());
    } else {
      group[i]->finish(open_one(issuer, *group[i], *facts->orders[i], *facts, now_s));
    }
  }
}

}  // namespace cafe::withdrawal
