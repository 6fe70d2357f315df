// The SQL of lost accounts (migrations/0014_lost_accounts.sql), one function a statement, each
// within the caller's transaction. Besides the errors named here they return those of
// libs/storage/postgres.h.
#pragma once

#include <optional>
#include <vector>

#include "libs/storage/postgres.h"
#include "services/withdrawal/loss_rules.h"

namespace cafe::withdrawal {

// Keys ------------------------------------------------------------------------------------------

// Keeps a certificate for good; one that is kept already changes nothing.
absl::Status keep_certificate(storage::Transaction& tx, protocol::ByteView certificate);
// All that were kept, the oldest first.
absl::StatusOr<std::vector<protocol::Bytes>> kept_certificates(storage::Transaction& tx);

// Losses ----------------------------------------------------------------------------------------

// On whose word something is recorded: a document that the account's key signed, or the operator's.
struct Word {
  std::optional<protocol::Bytes> document;  // encoded signed document; else the act:
  std::string identified_by{};
  std::string asked_by{};
  std::optional<protocol::Bytes> consent{};  // with a replacement's document: the successor's
};

// Where a locked account stands.
struct LossFacts {
  uint64_t last_order, last_load;
  std::optional<Statement> recorded;
};
// Locks the account until the transaction ends. NOT_FOUND UNKNOWN_ACCOUNT.
absl::StatusOr<LossFacts> lock_loss(storage::Transaction& tx, const protocol::AccountId& account);
// Closes a locked account as lost. LOSS_MISSTATED where it is not at the numbers that `recorded`
// states.
absl::Status record_loss(storage::Transaction& tx, const protocol::LossRecorded& recorded,
                         const Word& word, const Statement& statement);

// Locks both accounts. NOT_FOUND UNKNOWN_ACCOUNT.
absl::StatusOr<ReplacementFacts> lock_replacement(storage::Transaction& tx,
                                                  const protocol::AccountId& lost,
                                                  const protocol::AccountId& successor);
absl::Status record_replacement(storage::Transaction& tx, const protocol::Replaced& replaced,
                                const Word& word, const Statement& statement);

// Money -----------------------------------------------------------------------------------------

// Locks a replaced account and records that all it holds goes to its successor, which the caller
// posts. Nothing where it holds nothing, or a case convicts it.
absl::StatusOr<std::vector<Move>> record_moves(storage::Transaction& tx,
                                               const protocol::AccountId& lost);
// Replaced accounts that hold something, at most `limit` of those after `after`, in order.
absl::StatusOr<std::vector<protocol::AccountId>> replaced_with_funds(
    storage::Transaction& tx, const std::optional<protocol::AccountId>& after, uint32_t limit);

}  // namespace cafe::withdrawal
