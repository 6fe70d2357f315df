#include "services/recovery/backup_store.h"

namespace cafe::recovery::store {

using protocol::Bytes;
using protocol::make_error;
using storage::Row;
using storage::Rows;
using storage::Transaction;

absl::StatusOr<std::optional<KeptBackup>> find_kept(Transaction& tx,
                                                    const protocol::Bytes32& digest) {
  CAFE_ASSIGN_OR_RETURN(
      const Rows rows,
      tx.query("SELECT kept, key_certificate FROM recovery.backup WHERE backup_digest = $1",
               digest));
  if (rows.empty()) return std::nullopt;
  return KeptBackup{rows.front().get<Bytes>(0), rows.front().get<Bytes>(1)};
}

absl::Status insert_backup(Transaction& tx, const NewBackup& backup) {
  const protocol::Backup& document = backup.backup;
  CAFE_RETURN_IF_ERROR(tx.query("INSERT INTO recovery.backup_holder (holder, account_id)"
                                " VALUES ($1, $2) ON CONFLICT DO NOTHING",
                                document.holder.bytes(), document.account.bytes)
                           .status());
  CAFE_ASSIGN_OR_RETURN(
      const Rows mine,
      tx.query("SELECT FROM recovery.backup_holder WHERE holder = $1 AND account_id = $2",
               document.holder.bytes(), document.account.bytes));
  if (mine.empty()) {
    return make_error(absl::StatusCode::kAlreadyExists, "HOLDER_TAKEN",
                      "These words keep another account's seed: draw new ones.");
  }
  return tx
      .query(
          "INSERT INTO recovery.backup (account_id, number, backup_digest, holder, document,"
          " kept, key_certificate, kept_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
          document.account.bytes, document.number, backup.digest, document.holder.bytes(),
          backup.document, backup.answer.kept, backup.answer.key_certificate, backup.kept_ms)
      .status();
}

absl::StatusOr<Bytes> newest_backup(Transaction& tx, const protocol::Point& holder) {
  CAFE_ASSIGN_OR_RETURN(const Rows rows,
                        tx.query("SELECT document FROM recovery.backup WHERE holder = $1"
                                 " ORDER BY number DESC LIMIT 1",
                                 holder.bytes()));
  if (rows.empty()) {
    return make_error(absl::StatusCode::kNotFound, "NO_BACKUP",
                      "No seed is kept under these words: check them, and the issuer.");
  }
  return rows.front().get<Bytes>(0);
}

}  // namespace cafe::recovery::store
