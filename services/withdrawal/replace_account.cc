#include "libs/platform/failpoint.h"
#include "libs/platform/log.h"
#include "libs/protocol/successor_consent.h"
#include "services/withdrawal/loss_store.h"
#include "services/withdrawal/lost_accounts.h"
#include "services/withdrawal/moves.h"

namespace cafe::withdrawal {
namespace {

using protocol::Authority;
using protocol::Replaced;

struct Settled {
  Statement statement;
  bool fresh;
  std::vector<Move> moves;
};

/// Under both accounts' locks, so that neither is closed, and the lost one is replaced, meanwhile.
absl::StatusOr<Settled> settle(Issuer& issuer, Transaction& tx, Replaced replaced,
                               const Word& word) {
  CAFE_ASSIGN_OR_RETURN(const ReplacementFacts facts,
                        lock_replacement(tx, replaced.lost, replaced.successor));
  CAFE_ASSIGN_OR_RETURN(auto before, decide_replacement(facts, replaced.successor));
  if (before.has_value()) return Settled{*std::move(before), false, {}};
  replaced.time_ms = platform::unix_ms(issuer.clock);
  CAFE_ASSIGN_OR_RETURN(const protocol::SignedDocument document,
                        issuer.sign_dated(replaced.encode(), replaced.time_ms));
  Statement statement{document.encode(), issuer.keys.signing.certificate.encode()};
  CAFE_RETURN_IF_ERROR(record_replacement(tx, replaced, word, statement));
  CAFE_ASSIGN_OR_RETURN(std::vector<Move> moves, move_balances(issuer, tx, replaced.lost));
  CAFE_RETURN_IF_ERROR(platform::failpoint("withdrawal/replace-before-commit"));
  return Settled{std::move(statement), true, std::move(moves)};
}

absl::StatusOr<Statement> record(Issuer& issuer, const Replaced& replaced, const Word& word) {
  // A commit in doubt needs no care: the same request again finds what became of it.
  CAFE_ASSIGN_OR_RETURN(Settled settled,
                        issuer.db.transaction({.idempotent = true}, [&](Transaction& tx) {
                          return settle(issuer, tx, replaced, word);
                        }));
  CAFE_RETURN_IF_ERROR(platform::failpoint("withdrawal/replace-after-commit"));
  if (settled.fresh) {
    const bool by_key = word.document.has_value();
    issuer.loss_metrics.replaced(by_key).Increment();
    count_moves(issuer, settled.moves);
    platform::log_warning("account replaced", {{"account", replaced.lost.hex()},
                                               {"successor", replaced.successor.hex()},
                                               {"identified_by", word.identified_by},
                                               {"asked_by", by_key ? "its key" : word.asked_by}});
  }
  return std::move(settled.statement);
}

}  // namespace

absl::StatusOr<Statement> replace_account(Issuer& issuer, protocol::ByteView bytes,
                                          protocol::ByteView consent) {
  CAFE_ASSIGN_OR_RETURN(const auto document, protocol::SignedDocument::decode(bytes));
  CAFE_ASSIGN_OR_RETURN(const auto request, protocol::Replacement::decode(document.frame));
  CAFE_RETURN_IF_ERROR(issuer.check_own(request.issuer_id));
  CAFE_ASSIGN_OR_RETURN(const auto keys, issuer.accounts.keys_of(request.lost));
  CAFE_RETURN_IF_ERROR(document.check(keys->K));
  // Repeats bring it, too. What only one of the two has signed counts against nobody's rate.
  CAFE_ASSIGN_OR_RETURN(const auto successor, issuer.accounts.keys_of(request.successor));
  CAFE_RETURN_IF_ERROR(protocol::check_consent(document, consent, successor->K));
  CAFE_RETURN_IF_ERROR(issuer.admit_account(request.lost));
  return record(issuer,
                Replaced{issuer.id(), request.lost, request.successor, Authority::kAccountKey,
                         document.digest(), 0},
                Word{.document = document.encode(), .consent = protocol::to_bytes(consent)});
}

absl::StatusOr<Statement> replace_account(Issuer& issuer, const OperatorWord& word,
                                          const protocol::AccountId& successor) {
  CAFE_RETURN_IF_ERROR(check_identification(word.identified_by));
  if (word.account == successor) {
    return protocol::invalid("SAME_ACCOUNT",
                             "An account is replaced by another one, not by itself.");
  }
  return record(
      issuer,
      Replaced{issuer.id(), word.account, successor, Authority::kOperator, protocol::Bytes32{}, 0},
      Word{std::nullopt, word.identified_by, word.asked_by});
}

}  // namespace cafe::withdrawal
