#include <algorithm>
#include <map>

#include "absl/container/flat_hash_set.h"
#include "libs/platform/failpoint.h"
#include "libs/platform/log.h"
#include "services/withdrawal/asked_order.h"
#include "services/withdrawal/cheque_cap.h"
#include "services/withdrawal/order_rules.h"
#include "services/withdrawal/order_store.h"

namespace cafe::withdrawal {
namespace {

using protocol::Bytes;
using protocol::refused;

// What a transaction writes at most: lines of orders, each of which may be a posting.
constexpr size_t kMostLines = 500;
// How long a thread waits for the lock of one account while other orders wait for the thread.
constexpr std::chrono::seconds kLockPatience{5};

struct AskedCompletion : AskedOrder {
  using AskedOrder::AskedOrder;

  uint64_t n() const { return order->opened.order; }
  uint64_t time_slot() const { return order->opened.time_slot; }

  std::optional<protocol::Order> order{};
  std::vector<protocol::OrderLine> lines{};
  std::vector<protocol::Completion::Debit> likely{};  // by the list that is in use
  absl::Status admitted{};
};

/// What was decided about one order, under its account's lock.
struct Decision {
  // The completion, or why there is none; nothing: the account was locked by somebody else.
  std::optional<absl::StatusOr<Bytes>> answer;
  // Of an order that completes now; empty where it completed before.
  std::vector<const DenominationBook::Entry*> entries;
  std::vector<BlankCheques> cheques{};

  bool fresh() const { return answer.has_value() && answer->ok() && !entries.empty(); }
};

absl::Status read_order(Issuer& issuer, AskedCompletion& asked) {
  CAFE_ASSIGN_OR_RETURN(const auto document,
                        protocol::SignedDocument::decode(asked.question.document));
  CAFE_ASSIGN_OR_RETURN(asked.order, protocol::Order::decode(document.frame));
  CAFE_RETURN_IF_ERROR(issuer.check_own(asked.order->opened.issuer_id));
  asked.account = asked.order->opened.account;
  asked.digest = document.digest();
  asked.signature = document.signature;
  asked.lines = lines_of(asked.order->opened);
  return absl::OkStatus();
}

/// [guard] A completed N has one answer, for one order.
absl::StatusOr<Bytes> answer_again(const AskedCompletion& asked, const CompletedOrder& completed) {
  if (completed.order_digest == asked.digest) return completed.completion;
  return refused("ORDER_COMPLETED_DIFFERENTLY",
                 "Order " + std::to_string(asked.n()) +
                     " completed with other challenges: send the order that was signed first.");
}

/// The state of the account, under its lock, lets this order complete.
absl::Status check_state(const AskedCompletion& asked, const OrderFacts& facts) {
  if (facts.slot_void) {
    return refused("ORDER_VOID",
                   "The issuer stated that this order is void: open its number again.");
  }
  if (facts.state.closed) {
    return refused("ACCOUNT_CLOSED", "The account is closed; no order of it completes any more.");
  }
  return check_chain(facts.state.last_order, asked.n());
}

/// [guard] The issuer's own answer, of this very database, is what was signed.
absl::Status check_lineage(Issuer& issuer, const AskedCompletion& asked,
                           const std::optional<protocol::Bytes32>& lineage) {
  if (lineage.has_value() &&
      protocol::check_own_answer(issuer.secret, asked.order->opened, *lineage).ok()) {
    return absl::OkStatus();
  }
  return refused("ORDER_DEAD",
                 "The order was not opened with this issuer since its database was last "
                 "started: ask for a void, then open its number again.");
}

absl::StatusOr<Bytes> answer(Issuer& issuer, const AskedCompletion& asked,
                             const protocol::Bytes32& lineage,
                             std::span<const DenominationBook::Entry* const> entries,
                             std::vector<protocol::Completion::Debit> debits) {
  std::vector<const protocol::DenominationKey*> keys;
  for (const auto* entry : entries) keys.push_back(&*entry->key);
  CAFE_ASSIGN_OR_RETURN(auto responses, protocol::issuer_respond(issuer.secret, *asked.order,
                                                                 asked.digest, lineage, keys));
  return issuer
      .sign(protocol::Completion{issuer.id(), asked.account, asked.n(), asked.time_slot(),
                                 asked.digest, std::move(debits), std::move(responses)}
                .encode())
      .encode();
}

/// Decides about one order by itself, from what was read under its account's lock at `now_s`.
absl::StatusOr<Bytes> decide(Issuer& issuer, const AskedCompletion& asked, const OrderFacts& facts,
                             const GroupFacts& group, const HeldCheques& held,
                             const absl::StatusOr<std::shared_ptr<const Offer>>& offer,
                             uint64_t now_s, Decision& decision) {
  if (facts.completed.has_value()) return answer_again(asked, *facts.completed);
  // Neither the account's rate nor the state of the lists keeps a completed order from its holder.
  CAFE_RETURN_IF_ERROR(asked.admitted);
  CAFE_RETURN_IF_ERROR(offer.status());
  CAFE_RETURN_IF_ERROR(check_state(asked, facts));
  CAFE_RETURN_IF_ERROR(check_lineage(issuer, asked, group.lineage));
  CAFE_RETURN_IF_ERROR(protocol::check_age(asked.time_slot(), protocol::time_slot_of(now_s)));
  CAFE_ASSIGN_OR_RETURN(auto selected, select_lines(*(*offer)->book, group.stopped, asked.lines,
                                                    now_s, kCompletionSlack_s));
  CAFE_ASSIGN_OR_RETURN(auto debits, price(selected, asked.lines));
  // Where the list has changed meanwhile the ledger decides alone.
  if (facts.short_of.has_value() && debits == asked.likely) {
    return insufficient_funds(*facts.short_of);
  }
  CAFE_ASSIGN_OR_RETURN(auto cheques,
                        blank_cheques_of(asked.account, asked.n(), selected, asked.lines));
  CAFE_RETURN_IF_ERROR(check_cheque_cap(held, cheques, issuer.blank_cheque_cap));
  CAFE_ASSIGN_OR_RETURN(auto completion,
                        answer(issuer, asked, *group.lineage, selected, std::move(debits)));
  decision.entries = std::move(selected);
  decision.cheques = std::move(cheques);
  return completion;
}

// Orders on their way to their answers.
class CompletionGroup {
 public:
  CompletionGroup(Issuer& issuer, std::vector<OrderQuestion> questions)
      : issuer_(issuer), offer_(issuer.lists.offer()) {
    orders_.reserve(questions.size());
    for (OrderQuestion& question : questions) orders_.emplace_back(std::move(question));
  }

  void run() {
    std::vector<AskedOrder*> all;
    for (AskedCompletion& asked : orders_) {
      all.push_back(&asked);
      if (absl::Status read = read_order(issuer_, asked); !read.ok()) asked.finish(read);
    }
    authenticate(issuer_, all);
    for (AskedCompletion& asked : orders_) {
      if (!asked.done) prepare(asked);
    }
    for (Turn turn = next_turn(); !turn.empty(); turn = next_turn()) settle(turn);
  }

 private:
  // Orders of accounts that all differ: they share a transaction.
  using Turn = std::vector<AskedCompletion*>;

  void prepare(AskedCompletion& asked) {
    // Asked before anything is locked, and judged only for what is new.
    asked.admitted = issuer_.admit_account(asked.account);
    if (!offer_.ok()) return;
    asked.likely = likely_debits((*offer_)->book.get(), (*offer_)->stopped, asked.lines,
                                 issuer_.now_s(), kCompletionSlack_s);
  }

  Turn next_turn() {
    Turn turn;
    absl::flat_hash_set<protocol::AccountId> accounts;
    size_t lines = 0;
    for (AskedCompletion& asked : orders_) {
      if (asked.done || accounts.contains(asked.account)) continue;
      lines += asked.lines.size();
      if (!turn.empty() && lines > kMostLines) break;
      accounts.insert(asked.account);
      turn.push_back(&asked);
    }
    return turn;
  }

  /// Answers all orders of a turn. Of several, one that could make their transaction wait or fail
  /// gets a turn of its own, so that none suffers for another: accounts that somebody else has
  /// locked are waited for only with `wait`, of one order.
  void settle(const Turn& turn, bool wait = false) {
    std::vector<Decision> decisions;
    bool nothing = false;
    storage::TransactionOptions options{.idempotent = true};
    if (wait) options.statement_timeout = kLockPatience;
    const absl::Status status =
        issuer_.db.transaction(options, [&](Transaction& tx) -> absl::Status {
          CAFE_ASSIGN_OR_RETURN(decisions, decide_all(tx, turn, wait));
          // Rolled back: a commit would be synced to the disk for the sake of the locks alone.
          nothing = std::none_of(decisions.begin(), decisions.end(),
                                 [](const Decision& decision) { return decision.fresh(); });
          if (nothing) return absl::CancelledError("nothing to record");
          CAFE_RETURN_IF_ERROR(record(tx, turn, decisions));
          return platform::failpoint("withdrawal/complete-before-commit");
        });
    if (status.ok() || nothing) {
      answer_all(turn, decisions);
    } else if (protocol::reason_of(status) == "COMMIT_IN_DOUBT") {
      resolve_doubt(turn, decisions);
    } else if (turn.size() == 1 || absl::IsUnavailable(status) ||
               absl::IsResourceExhausted(status)) {
      for (AskedCompletion* asked : turn) asked->finish(status);
    } else {
      platform::log_info("orders complete one by one",
                         {{"orders", turn.size()}, {"status", status}});
      for (AskedCompletion* asked : turn) settle({asked});
    }
  }

  /// Under the locks of the accounts, so that of two orders of one number the second sees what the
  /// first did. Answers exist before the commit, but only here.
  absl::StatusOr<std::vector<Decision>> decide_all(Transaction& tx, const Turn& turn, bool wait) {
    std::vector<OrderPlace> places;
    for (const AskedCompletion* asked : turn) {
      places.push_back({asked->account, asked->n(), asked->time_slot(), asked->likely});
    }
    CAFE_ASSIGN_OR_RETURN(const GroupFacts facts, lock_orders(tx, places, wait));
    // The time is taken under the locks: an order that had to wait for its has aged meanwhile.
    const uint64_t now_s = issuer_.now_s();
    lineage_ = facts.lineage;
    CAFE_ASSIGN_OR_RETURN(const HeldCheques held, held_by(tx, turn, now_s));
    std::vector<Decision> decisions(turn.size());
    for (size_t i = 0; i < turn.size(); ++i) {
      if (facts.orders[i].has_value()) {
        decisions[i].answer =
            decide(issuer_, *turn[i], *facts.orders[i], facts, held, offer_, now_s, decisions[i]);
      } else if (wait) {
        decisions[i].answer = unknown_account();
      }
    }
    return decisions;
  }

  /// What the accounts whose orders name cheques hold of them; others are not asked about.
  absl::StatusOr<HeldCheques> held_by(Transaction& tx, const Turn& turn, uint64_t now_s) {
    std::vector<protocol::AccountId> accounts;
    for (const AskedCompletion* asked : turn) {
      if (offer_.ok() && names_cheques(*(*offer_)->book, asked->lines)) {
        accounts.push_back(asked->account);
      }
    }
    return held_cheques(tx, accounts, now_s);
  }

  /// Everything that completions change. The ledger comes last: its rows are those that other
  /// accounts' orders may wait for.
  absl::Status record(Transaction& tx, const Turn& turn, std::span<const Decision> decisions) {
    std::vector<NewCompletion> completions;
    std::vector<BlankCheques> cheques;
    std::vector<storage::Posting> postings;
    for (size_t i = 0; i < turn.size(); ++i) {
      if (!decisions[i].fresh()) continue;
      const AskedCompletion& asked = *turn[i];
      NewCompletion& row = completions.emplace_back(
          NewCompletion{.account = asked.account,
                        .n = asked.n(),
                        .time_slot = asked.time_slot(),
                        .order_digest = asked.digest,
                        // There is one way to write a document: these are the bytes that were read.
                        .signed_order = asked.question.document,
                        .completion = **decisions[i].answer,
                        .lines = {}});
      for (size_t k = 0; k < asked.lines.size(); ++k) {
        const protocol::OrderLine& line = asked.lines[k];
        CAFE_ASSIGN_OR_RETURN(const uint64_t value,
                              line_value(*decisions[i].entries[k], line.count));
        row.lines.push_back({line.denom_id, line.count, value});
      }
      cheques.insert(cheques.end(), decisions[i].cheques.begin(), decisions[i].cheques.end());
      CAFE_ASSIGN_OR_RETURN(
          auto of_order, postings_of(asked.account, asked.n(), decisions[i].entries, asked.lines));
      std::move(of_order.begin(), of_order.end(), std::back_inserter(postings));
    }
    CAFE_RETURN_IF_ERROR(insert_completions(tx, *lineage_, completions));
    CAFE_RETURN_IF_ERROR(insert_blank_cheques(tx, cheques));
    return issuer_.ledger->post_all(tx, postings);
  }

  /// After the commit, or where there was nothing to commit.
  void answer_all(const Turn& turn, std::span<Decision> decisions) {
    absl::Status passed;
    if (std::any_of(decisions.begin(), decisions.end(), is_ok)) {
      passed = platform::failpoint("withdrawal/complete-after-commit");
    }
    if (passed.ok()) count(turn, decisions);
    for (size_t i = 0; i < turn.size(); ++i) {
      if (!decisions[i].answer.has_value()) continue;
      turn[i]->finish(is_ok(decisions[i]) && !passed.ok() ? passed
                                                          : *std::move(decisions[i].answer));
    }
    settle_left_out(turn);
  }

  static bool is_ok(const Decision& decision) {
    return decision.answer.has_value() && decision.answer->ok();
  }

  /// Those whose accounts somebody else had locked, one by one: each waits for its lock.
  void settle_left_out(const Turn& turn) {
    for (AskedCompletion* asked : turn) {
      if (!asked->done) settle({asked}, /*wait=*/true);
    }
  }

  void count(const Turn& turn, std::span<const Decision> decisions) {
    struct Issued {
      uint32_t coins = 0;
      uint64_t value = 0;
    };
    std::map<const DenominationBook::Entry*, Issued> issued;
    for (size_t i = 0; i < turn.size(); ++i) {
      const Decision& decision = decisions[i];
      if (!is_ok(decision)) continue;
      (decision.fresh() ? issuer_.metrics.completed : issuer_.metrics.repeated).Increment();
      for (size_t k = 0; k < decision.entries.size(); ++k) {
        Issued& sum = issued[decision.entries[k]];
        sum.coins += turn[i]->lines[k].count;
        sum.value += line_value(*decision.entries[k], turn[i]->lines[k].count).value_or(0);
      }
    }
    for (const auto& [entry, sum] : issued) {
      issuer_.metrics.issued(entry->denomination, entry->id, sum.coins, sum.value);
    }
  }

  /// The commit may or may not have happened; only what stands in the database counts.
  void resolve_doubt(const Turn& turn, std::span<Decision> decisions) {
    for (size_t i = 0; i < turn.size(); ++i) {
      if (decisions[i].fresh()) {
        turn[i]->finish(look_for(*turn[i]));
      } else if (decisions[i].answer.has_value()) {
        turn[i]->finish(*std::move(decisions[i].answer));
      }
    }
    settle_left_out(turn);
  }

  absl::StatusOr<Bytes> look_for(const AskedCompletion& asked) {
    const auto completed = issuer_.db.transaction(
        {.read_only = true, .idempotent = true},
        [&](Transaction& tx) { return find_completed(tx, asked.account, asked.n()); });
    if (completed.ok() && completed->has_value()) return answer_again(asked, **completed);
    // Not there yet is not the same as never: the server may still be committing.
    return protocol::make_error(absl::StatusCode::kUnavailable, "COMMIT_IN_DOUBT",
                                "Whether the order completed is not known yet: send the same order "
                                "again.");
  }

  Issuer& issuer_;
  const absl::StatusOr<std::shared_ptr<const Offer>> offer_;
  std::vector<AskedCompletion> orders_;
  std::optional<protocol::Bytes32> lineage_;  // of the transaction under way
};

}  // namespace

void complete_orders(Issuer& issuer, std::vector<OrderQuestion> questions) {
  CompletionGroup(issuer, std::move(questions)).run();
}

}  // namespace cafe::withdrawal
