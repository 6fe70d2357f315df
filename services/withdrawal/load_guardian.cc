#include "services/withdrawal/load_guardian.h"

#include "libs/platform/failpoint.h"
#include "libs/platform/log.h"
#include "services/withdrawal/load_rules.h"
#include "services/withdrawal/load_store.h"
#include "services/withdrawal/order_rules.h"

namespace cafe::withdrawal {
namespace {

using protocol::Bytes;
using protocol::refused;

/// An order as it came.
struct PresentedLoad {
  Bytes encoded;
  protocol::LoadOrder order;
  protocol::Bytes32 digest;
};

absl::StatusOr<LoadFacts> look(Issuer& issuer, const protocol::AccountId& account,
                               uint64_t sequence) {
  return issuer.db.transaction({.read_only = true, .idempotent = true},
                               [&](Transaction& tx) { return read_load(tx, account, sequence); });
}

/// [guard] A sequence has one answer, for one order.
absl::StatusOr<Bytes> answer_again(Issuer& issuer, const PresentedLoad& presented,
                                   const RecordedLoad& recorded) {
  if (recorded.order_digest != presented.digest) {
    return refused("LOAD_CLASH", "Load " + std::to_string(presented.order.sequence) +
                                     " was made by another order: ask for it by its number, then "
                                     "order the next.");
  }
  issuer.load_metrics.repeated.Increment();
  return recorded.loaded;
}

absl::Status check_state(const LoadState& state, uint64_t sequence) {
  if (state.closed) {
    return refused("ACCOUNT_CLOSED", "The account is closed; nothing is loaded from it any more.");
  }
  return check_load_sequence(state.last_load, sequence);
}

/// Both signatures leave their signer no choice, so the same order has one answer, whoever makes it
/// and how often. It is made before the account is locked: RSA takes its time.
absl::StatusOr<Bytes> make_answer(Issuer& issuer, const PresentedLoad& presented,
                                  const protocol::Serial& serial) {
  const protocol::LoadOrder& order = presented.order;
  const protocol::Load load{serial, issuer.id(), order.currency, order.amount, order.sequence};
  CAFE_ASSIGN_OR_RETURN(Bytes signature,
                        protocol::sign_load(load, issuer.keys.load.private_der.view()));
  const protocol::Loaded loaded{issuer.id(), order.account, presented.digest, load.encode(),
                                std::move(signature)};
  return issuer.sign(loaded.encode()).encode();
}

/// Everything that a load changes. The ledger comes last: its rows are those that others may wait
/// for. Tells whether the load was recorded before.
absl::StatusOr<std::optional<RecordedLoad>> record(Issuer& issuer, Transaction& tx,
                                                   const PresentedLoad& presented,
                                                   const Bytes& loaded,
                                                   const storage::Posting& posting) {
  const protocol::LoadOrder& order = presented.order;
  CAFE_ASSIGN_OR_RETURN(LockedLoad locked,
                        lock_load(tx, order.account, order.sequence, order.currency));
  if (locked.state.recorded.has_value()) return std::move(locked.state.recorded);
  CAFE_RETURN_IF_ERROR(check_state(locked.state, order.sequence));
  if (locked.balance < order.amount) return insufficient_funds(order.currency);
  CAFE_RETURN_IF_ERROR(insert_load(tx, order, {presented.digest, loaded}, presented.encoded,
                                   issuer.keys.signing.certificate.encode()));
  CAFE_RETURN_IF_ERROR(issuer.ledger->post(tx, posting).status());
  CAFE_RETURN_IF_ERROR(platform::failpoint("withdrawal/load-before-commit"));
  return std::nullopt;
}

/// The commit may or may not have happened; only what stands in the database counts.
absl::StatusOr<Bytes> resolve_doubt(Issuer& issuer, const PresentedLoad& presented) {
  const auto facts = look(issuer, presented.order.account, presented.order.sequence);
  if (facts.ok() && facts->state.recorded.has_value()) {
    return answer_again(issuer, presented, *facts->state.recorded);
  }
  // Not there yet is not the same as never: the server may still be committing.
  return protocol::make_error(absl::StatusCode::kUnavailable, "COMMIT_IN_DOUBT",
                              "Whether the account was debited is not known yet: send the same "
                              "order again.");
}

}  // namespace

absl::StatusOr<Bytes> load_guardian(Issuer& issuer, protocol::ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(const auto document, protocol::SignedDocument::decode(bytes));
  CAFE_ASSIGN_OR_RETURN(auto order, protocol::LoadOrder::decode(document.frame));
  CAFE_RETURN_IF_ERROR(issuer.check_own(order.issuer_id));
  const PresentedLoad presented{document.encode(), std::move(order), document.digest()};
  const protocol::AccountId& account = presented.order.account;
  CAFE_ASSIGN_OR_RETURN(const LoadFacts facts, look(issuer, account, presented.order.sequence));
  CAFE_RETURN_IF_ERROR(document.check(facts.holder.K));
  // Neither the account's rate nor the state of the lists keeps a recorded load from its holder.
  if (facts.state.recorded.has_value()) {
    return answer_again(issuer, presented, *facts.state.recorded);
  }
  CAFE_RETURN_IF_ERROR(issuer.admit_account(account));
  CAFE_RETURN_IF_ERROR(check_state(facts.state, presented.order.sequence));
  CAFE_ASSIGN_OR_RETURN(const auto offer, issuer.lists.offer());
  CAFE_RETURN_IF_ERROR(
      check_load_currency(offer->book->list(), presented.order.currency, issuer.now_s()));
  CAFE_ASSIGN_OR_RETURN(const auto posting, posting_of(presented.order));
  CAFE_ASSIGN_OR_RETURN(const Bytes loaded, make_answer(issuer, presented, facts.holder.serial));

  const auto before = issuer.db.transaction({.idempotent = true}, [&](Transaction& tx) {
    return record(issuer, tx, presented, loaded, posting);
  });
  if (!before.ok() && protocol::reason_of(before.status()) == "COMMIT_IN_DOUBT") {
    return resolve_doubt(issuer, presented);
  }
  CAFE_RETURN_IF_ERROR(before.status());
  CAFE_RETURN_IF_ERROR(platform::failpoint("withdrawal/load-after-commit"));
  if (before->has_value()) return answer_again(issuer, presented, **before);
  issuer.load_metrics.count(presented.order.currency, presented.order.amount);
  platform::log_debug("guardian loaded",
                      {{"account", account.hex()}, {"sequence", presented.order.sequence}});
  return loaded;
}

absl::StatusOr<Bytes> find_load(Issuer& issuer, protocol::ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(const auto document, protocol::SignedDocument::decode(bytes));
  CAFE_ASSIGN_OR_RETURN(const auto query, protocol::LoadQuery::decode(document.frame));
  CAFE_RETURN_IF_ERROR(issuer.check_own(query.issuer_id));
  CAFE_ASSIGN_OR_RETURN(LoadFacts facts, look(issuer, query.account, query.sequence));
  CAFE_RETURN_IF_ERROR(document.check(facts.holder.K));
  if (!facts.state.recorded.has_value()) {
    // The account's rate does not keep a recorded load from its holder.
    CAFE_RETURN_IF_ERROR(issuer.admit_account(query.account));
    return protocol::make_error(absl::StatusCode::kNotFound, "UNKNOWN_LOAD",
                                "The account has no load of that number; its last one has the "
                                "number " +
                                    std::to_string(facts.state.last_load) + ".");
  }
  return std::move(facts.state.recorded->loaded);
}

}  // namespace cafe::withdrawal
