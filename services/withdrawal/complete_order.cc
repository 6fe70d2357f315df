#include "libs/platform/failpoint.h"
#include "libs/platform/log.h"
#include "services/withdrawal/order_rules.h"
#include "services/withdrawal/orders.h"
#include "services/withdrawal/withdrawal_store.h"

namespace cafe::withdrawal {
namespace {

using protocol::Bytes;
using protocol::refused;

/// An order as it came.
struct Presented {
  protocol::SignedDocument document;
  protocol::Order order;
  protocol::Bytes32 digest;
  std::vector<protocol::OrderLine> lines;

  const protocol::AccountId& account() const { return order.opened.account; }
  uint64_t n() const { return order.opened.order; }
};

/// What a recorded completion leaves for the metrics.
struct Recorded {
  Bytes completion;
  bool fresh;  // recorded by this call
};

absl::StatusOr<Presented> read_order(Issuer& issuer, protocol::ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(auto document, protocol::SignedDocument::decode(bytes));
  CAFE_ASSIGN_OR_RETURN(auto order, protocol::Order::decode(document.frame));
  CAFE_RETURN_IF_ERROR(issuer.check_own(order.opened.issuer_id));
  const protocol::Bytes32 digest = document.digest();
  std::vector<protocol::OrderLine> lines = lines_of(order.opened);
  return Presented{std::move(document), std::move(order), digest, std::move(lines)};
}

/// [guard] A completed N has one answer, for one order.
absl::StatusOr<Bytes> answer_again(const Presented& presented, const CompletedOrder& completed) {
  if (completed.order_digest == presented.digest) return completed.completion;
  return refused("ORDER_COMPLETED_DIFFERENTLY",
                 "Order " + std::to_string(presented.n()) +
                     " completed with other challenges: send the order that was signed first.");
}

/// The state of the account, under its lock, lets this order complete.
absl::Status check_state(const Presented& presented, const OrderFacts& facts) {
  if (facts.slot_void) {
    return refused("ORDER_VOID",
                   "The issuer stated that this order is void: open its number again.");
  }
  if (facts.state.closed) {
    return refused("ACCOUNT_CLOSED", "The account is closed; no order of it completes any more.");
  }
  return check_chain(facts.state.last_order, presented.n());
}

/// [guard] The issuer's own answer, of this very database, is what was signed.
absl::Status check_lineage(Issuer& issuer, const Presented& presented,
                           const std::optional<protocol::Bytes32>& lineage) {
  if (lineage.has_value() &&
      protocol::check_own_answer(issuer.secret, presented.order.opened, *lineage).ok()) {
    return absl::OkStatus();
  }
  return refused("ORDER_DEAD",
                 "The order was not opened with this issuer since its database was last "
                 "started: ask for a void, then open its number again.");
}

absl::StatusOr<protocol::SignedDocument> answer(
    Issuer& issuer, const Presented& presented, const protocol::Bytes32& lineage,
    std::span<const DenominationBook::Entry* const> entries) {
  std::vector<const protocol::DenominationKey*> keys;
  for (const auto* entry : entries) keys.push_back(&*entry->key);
  CAFE_ASSIGN_OR_RETURN(auto responses, protocol::issuer_respond(issuer.secret, presented.order,
                                                                 presented.digest, lineage, keys));
  CAFE_ASSIGN_OR_RETURN(auto debits, price(entries, presented.lines));
  return issuer.sign(protocol::Completion{issuer.id(), presented.account(), presented.n(),
                                          presented.order.opened.time_slot, presented.digest,
                                          std::move(debits), std::move(responses)}
                         .encode());
}

/// Everything that the completion changes. The ledger comes last: its rows are those that other
/// accounts' orders may wait for.
absl::Status record(Issuer& issuer, Transaction& tx, const Presented& presented,
                    const protocol::Bytes32& lineage, const Bytes& completion,
                    std::span<const DenominationBook::Entry* const> entries) {
  NewCompletion row{.account = presented.account(),
                    .n = presented.n(),
                    .time_slot = presented.order.opened.time_slot,
                    .order_digest = presented.digest,
                    .lineage = lineage,
                    .signed_order = presented.document.encode(),
                    .completion = completion,
                    .lines = {}};
  for (size_t i = 0; i < entries.size(); ++i) {
    const protocol::OrderLine& line = presented.lines[i];
    CAFE_ASSIGN_OR_RETURN(const uint64_t value, line_value(*entries[i], line.count));
    row.lines.push_back({line.denom_id, line.count, value});
  }
  CAFE_RETURN_IF_ERROR(insert_completion(tx, row));
  CAFE_ASSIGN_OR_RETURN(const auto postings,
                        postings_of(presented.account(), presented.n(), entries, presented.lines));
  for (const storage::Posting& posting : postings) {
    CAFE_RETURN_IF_ERROR(issuer.ledger->post(tx, posting).status());
  }
  return absl::OkStatus();
}

/// The whole decision in one transaction, under the account's lock, so that of two orders of one
/// number the second sees what the first did. The answer exists before the commit, but only here.
absl::StatusOr<Recorded> complete_in(Issuer& issuer, Transaction& tx, const Presented& presented,
                                     const absl::Status& admitted,
                                     const absl::StatusOr<std::shared_ptr<const Offer>>& offer) {
  CAFE_ASSIGN_OR_RETURN(const OrderFacts facts, lock_order(tx, presented.account(), presented.n(),
                                                           presented.order.opened.time_slot));
  if (facts.completed.has_value()) {
    CAFE_ASSIGN_OR_RETURN(auto again, answer_again(presented, *facts.completed));
    return Recorded{std::move(again), false};
  }
  // Neither the account's rate nor the state of the lists keeps a completed order from its holder.
  CAFE_RETURN_IF_ERROR(admitted);
  CAFE_RETURN_IF_ERROR(offer.status());
  CAFE_RETURN_IF_ERROR(check_state(presented, facts));
  CAFE_RETURN_IF_ERROR(check_lineage(issuer, presented, facts.lineage));
  // The time is taken under the lock: an order that had to wait for it has aged meanwhile.
  const uint64_t now_s = issuer.now_s();
  CAFE_RETURN_IF_ERROR(
      protocol::check_age(presented.order.opened.time_slot, protocol::time_slot_of(now_s)));
  CAFE_ASSIGN_OR_RETURN(
      const auto entries,
      select_lines(*(*offer)->book, facts.stopped, presented.lines, now_s, kCompletionSlack_s));
  CAFE_ASSIGN_OR_RETURN(const auto completion, answer(issuer, presented, *facts.lineage, entries));
  Bytes encoded = completion.encode();
  CAFE_RETURN_IF_ERROR(record(issuer, tx, presented, *facts.lineage, encoded, entries));
  CAFE_RETURN_IF_ERROR(platform::failpoint("withdrawal/complete-before-commit"));
  return Recorded{std::move(encoded), true};
}

void count(Issuer& issuer, const Presented& presented, const DenominationBook& book) {
  issuer.metrics.completed.Increment();
  for (const protocol::OrderLine& line : presented.lines) {
    const DenominationBook::Entry* entry = book.find(line.denom_id);
    const auto value = line_value(*entry, line.count);
    issuer.metrics.issued(entry->denomination, entry->id, line.count, value.value_or(0));
  }
  platform::log_debug("order completed", {{"account", presented.account().hex()},
                                          {"n", presented.n()},
                                          {"coins", presented.order.challenges.size()}});
}

/// The commit may or may not have happened; only what stands in the database counts.
absl::StatusOr<Bytes> resolve_doubt(Issuer& issuer, const Presented& presented) {
  const auto completed = issuer.db.transaction(
      {.read_only = true, .idempotent = true},
      [&](Transaction& tx) { return find_completed(tx, presented.account(), presented.n()); });
  if (completed.ok() && completed->has_value()) return answer_again(presented, **completed);
  // Not there yet is not the same as never: the server may still be committing.
  return protocol::make_error(absl::StatusCode::kUnavailable, "COMMIT_IN_DOUBT",
                              "Whether the order completed is not known yet: send the same order "
                              "again.");
}

}  // namespace

absl::StatusOr<Bytes> complete_order(Issuer& issuer, protocol::ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(const Presented presented, read_order(issuer, bytes));
  CAFE_ASSIGN_OR_RETURN(const auto keys, issuer.accounts.keys_of(presented.account()));
  CAFE_RETURN_IF_ERROR(presented.document.check(keys->K));
  const auto offer = issuer.lists.offer();
  // Asked before anything is locked, and judged only for what is new.
  const absl::Status admitted = issuer.admit_account(presented.account());

  const absl::StatusOr<Recorded> recorded = issuer.db.transaction(
      {.idempotent = true},
      [&](Transaction& tx) { return complete_in(issuer, tx, presented, admitted, offer); });
  if (!recorded.ok() && protocol::reason_of(recorded.status()) == "COMMIT_IN_DOUBT") {
    return resolve_doubt(issuer, presented);
  }
  CAFE_RETURN_IF_ERROR(recorded.status());
  CAFE_RETURN_IF_ERROR(platform::failpoint("withdrawal/complete-after-commit"));
  if (recorded->fresh) {
    count(issuer, presented, *(*offer)->book);
  } else {
    issuer.metrics.repeated.Increment();
  }
  return recorded->completion;
}

}  // namespace cafe::withdrawal
