#include "services/withdrawal/loss_store.h"

#include "services/withdrawal/withdrawal_store.h"

namespace cafe::withdrawal {

using protocol::AccountId;
using protocol::Bytes;
using storage::Row;
using storage::Rows;

namespace {

AccountId account_at(const Row& row, int column) {
  AccountId account;
  row.copy_bytes(column, account.bytes);
  return account;
}

/// The act's two texts are NULL where a document was signed.
std::optional<std::string> unless_signed(const Word& word, const std::string& text) {
  if (word.document.has_value()) return std::nullopt;
  return text;
}

}  // namespace

absl::Status keep_certificate(Transaction& tx, protocol::ByteView certificate) {
  return tx
      .query("INSERT INTO withdrawal.key_certificate (document) VALUES ($1) ON CONFLICT DO NOTHING",
             certificate)
      .status();
}

absl::StatusOr<std::vector<Bytes>> kept_certificates(Transaction& tx) {
  CAFE_ASSIGN_OR_RETURN(const Rows rows, tx.query("SELECT document FROM withdrawal.key_certificate "
                                                  "ORDER BY registered_at, digest"));
  std::vector<Bytes> certificates;
  for (const Row row : rows) certificates.push_back(row.bytes(0));
  return certificates;
}

absl::StatusOr<LossFacts> lock_loss(Transaction& tx, const AccountId& account) {
  CAFE_ASSIGN_OR_RETURN(const Rows rows,
                        tx.query("SELECT last_order, last_load, statement, key_certificate "
                                 "FROM withdrawal.lock_loss($1)",
                                 account.bytes));
  if (rows.empty()) return unknown_account();
  const Row row = rows.front();
  LossFacts facts{row.get<uint64_t>(0), row.get<uint64_t>(1), {}};
  if (!row.is_null(2)) facts.recorded = Statement{row.bytes(2), row.bytes(3)};
  return facts;
}

absl::Status record_loss(Transaction& tx, const protocol::LossRecorded& recorded, const Word& word,
                         const Statement& statement) {
  return tx
      .query("SELECT withdrawal.record_loss($1, $2, $3, $4, $5, $6, $7, $8)",
             recorded.account.bytes, word.document, recorded.last_order, recorded.last_load,
             statement.document, statement.key_certificate, unless_signed(word, word.identified_by),
             unless_signed(word, word.asked_by))
      .status();
}

absl::StatusOr<ReplacementFacts> lock_replacement(Transaction& tx, const AccountId& lost,
                                                  const AccountId& successor) {
  CAFE_ASSIGN_OR_RETURN(
      const Rows rows,
      tx.query("SELECT lost, convicted, successor_closed, successor, statement, key_certificate "
               "FROM withdrawal.lock_replacement($1, $2)",
               lost.bytes, successor.bytes));
  if (rows.empty()) return unknown_account();
  const Row row = rows.front();
  ReplacementFacts facts{row.boolean(0), row.boolean(1), row.boolean(2), {}};
  if (!row.is_null(3)) {
    facts.recorded = {account_at(row, 3), Statement{row.bytes(4), row.bytes(5)}};
  }
  return facts;
}

absl::Status record_replacement(Transaction& tx, const protocol::Replaced& replaced,
                                const Word& word, const Statement& statement) {
  return tx
      .query("SELECT withdrawal.record_replacement($1, $2, $3, $4, $5, $6, $7, $8)",
             replaced.lost.bytes, replaced.successor.bytes, word.document, word.consent,
             statement.document, statement.key_certificate, unless_signed(word, word.identified_by),
             unless_signed(word, word.asked_by))
      .status();
}

absl::StatusOr<std::vector<Move>> record_moves(Transaction& tx, const AccountId& lost) {
  CAFE_ASSIGN_OR_RETURN(const Rows rows, tx.query("SELECT successor, currency, number, amount "
                                                  "FROM withdrawal.record_moves($1)",
                                                  lost.bytes));
  std::vector<Move> moves;
  for (const Row row : rows) {
    moves.push_back({lost, account_at(row, 0), row.get<std::string>(1), row.get<uint64_t>(2),
                     row.get<uint64_t>(3)});
  }
  return moves;
}

absl::StatusOr<std::vector<AccountId>> replaced_with_funds(Transaction& tx,
                                                           const std::optional<AccountId>& after,
                                                           uint32_t limit) {
  const Bytes last = after.has_value() ? protocol::to_bytes(*after) : Bytes{};
  CAFE_ASSIGN_OR_RETURN(
      const Rows rows,
      tx.query("SELECT lost FROM withdrawal.replaced_with_funds($1, $2)", last, limit));
  std::vector<AccountId> accounts;
  for (const Row row : rows) accounts.push_back(account_at(row, 0));
  return accounts;
}

}  // namespace cafe::withdrawal
