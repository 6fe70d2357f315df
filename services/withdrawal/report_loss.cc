#include "libs/platform/failpoint.h"
#include "libs/platform/log.h"
#include "services/withdrawal/loss_store.h"
#include "services/withdrawal/lost_accounts.h"
#include "services/withdrawal/withdrawal_store.h"

namespace cafe::withdrawal {
namespace {

using protocol::Authority;
using protocol::LossRecorded;

struct Settled {
  Statement statement;
  bool fresh;
};

/// Under the account's lock, which every order and load takes: each comes before the loss, and is
/// among those that the statement counts, or finds the account closed.
absl::StatusOr<Settled> settle(Issuer& issuer, Transaction& tx, LossRecorded recorded,
                               const Word& word) {
  CAFE_ASSIGN_OR_RETURN(LossFacts facts, lock_loss(tx, recorded.account));
  if (facts.recorded.has_value()) return Settled{*std::move(facts.recorded), false};
  recorded.time_ms = platform::unix_ms(issuer.clock);
  recorded.last_order = facts.last_order;
  recorded.last_load = facts.last_load;
  CAFE_ASSIGN_OR_RETURN(const protocol::SignedDocument document,
                        issuer.sign_dated(recorded.encode(), recorded.time_ms));
  Statement statement{document.encode(), issuer.keys.signing.certificate.encode()};
  CAFE_RETURN_IF_ERROR(record_loss(tx, recorded, word, statement));
  CAFE_RETURN_IF_ERROR(platform::failpoint("withdrawal/loss-before-commit"));
  return Settled{std::move(statement), true};
}

absl::StatusOr<Statement> record(Issuer& issuer, const protocol::AccountId& account,
                                 const protocol::Bytes32& digest, const Word& word) {
  const bool by_key = word.document.has_value();
  const LossRecorded recorded{
      issuer.id(), account, by_key ? Authority::kAccountKey : Authority::kOperator, digest, 0,
      0,           0};
  // A commit in doubt needs no care: the same request again finds what became of it.
  CAFE_ASSIGN_OR_RETURN(Settled settled,
                        issuer.db.transaction({.idempotent = true}, [&](Transaction& tx) {
                          return settle(issuer, tx, recorded, word);
                        }));
  CAFE_RETURN_IF_ERROR(platform::failpoint("withdrawal/loss-after-commit"));
  if (settled.fresh) {
    issuer.loss_metrics.lost(by_key).Increment();
    platform::log_warning("account lost", {{"account", account.hex()},
                                           {"identified_by", word.identified_by},
                                           {"asked_by", by_key ? "its key" : word.asked_by}});
  }
  return std::move(settled.statement);
}

}  // namespace

absl::StatusOr<Statement> report_loss(Issuer& issuer, protocol::ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(const auto document, protocol::SignedDocument::decode(bytes));
  CAFE_ASSIGN_OR_RETURN(const auto report, protocol::LossReport::decode(document.frame));
  CAFE_RETURN_IF_ERROR(issuer.check_own(report.issuer_id));
  CAFE_ASSIGN_OR_RETURN(const auto keys, issuer.accounts.keys_of(report.account));
  CAFE_RETURN_IF_ERROR(document.check(keys->K));
  CAFE_RETURN_IF_ERROR(issuer.admit_account(report.account));
  return record(issuer, report.account, document.digest(), Word{.document = document.encode()});
}

absl::StatusOr<Statement> report_loss(Issuer& issuer, const OperatorWord& word) {
  CAFE_RETURN_IF_ERROR(check_identification(word.identified_by));
  return record(issuer, word.account, protocol::Bytes32{},
                Word{std::nullopt, word.identified_by, word.asked_by});
}

}  // namespace cafe::withdrawal
