#include "services/recovery/backups.h"

#include "libs/platform/failpoint.h"
#include "services/recovery/account.h"
#include "services/recovery/backup_store.h"
#include "services/recovery/fresh.h"

namespace cafe::recovery {

using protocol::Backup;
using protocol::Bytes;
using protocol::ByteView;
using protocol::SignedDocument;
using storage::Transaction;

namespace {

absl::Status check_owner(const RecoveryParts& parts, const Backup& backup,
                         const SignedDocument& document, absl::Time deadline) {
  CAFE_ASSIGN_OR_RETURN(const AccountAnswer answer,
                        parts.withdrawal.account(backup.account, deadline));
  CAFE_ASSIGN_OR_RETURN(const Account account,
                        open_account(answer, backup.account, parts.issuer_id, parts.anchors));
  CAFE_RETURN_IF_ERROR(document.check(account.holder.key));
  // Whoever has a lost wallet must not put a backup of his own in front of its owner's.
  if (account.standing != Standing::kOpen) {
    return protocol::refused("ACCOUNT_CLOSED",
                             "The account is closed: keep the new device's seed under its own.");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<KeptBackup> put_backup(const RecoveryParts& parts, ByteView encoded,
                                      absl::Time deadline) {
  CAFE_ASSIGN_OR_RETURN(const SignedDocument document, SignedDocument::decode(encoded));
  CAFE_ASSIGN_OR_RETURN(const Backup backup, Backup::decode(document.frame));
  CAFE_RETURN_IF_ERROR(check_issuer(backup.issuer_id, parts.issuer_id));
  const protocol::Bytes32 digest = document.digest();
  CAFE_ASSIGN_OR_RETURN(std::optional<KeptBackup> known, look(parts.database, [&](Transaction& tx) {
                          return store::find_kept(tx, digest);
                        }));
  if (known) return *std::move(known);
  CAFE_RETURN_IF_ERROR(check_owner(parts, backup, document, deadline));

  const uint64_t now_ms = unix_ms(parts.clock);
  const protocol::BackupKept kept{parts.issuer_id, backup.account, digest, now_ms};
  CAFE_ASSIGN_OR_RETURN(const SignedDocument statement, parts.sign(kept.encode(), now_ms));
  const KeptBackup answer{statement.encode(), parts.key.certificate.encode()};
  auto stored = transact(parts.database, [&](Transaction& tx) -> absl::StatusOr<KeptBackup> {
    // Somebody may have sent the same at the same time.
    CAFE_ASSIGN_OR_RETURN(std::optional<KeptBackup> same, store::find_kept(tx, digest));
    if (same) return *std::move(same);
    CAFE_RETURN_IF_ERROR(store::insert_backup(tx, {.backup = backup,
                                                   .digest = digest,
                                                   .document = protocol::to_bytes(encoded),
                                                   .answer = answer,
                                                   .kept_ms = now_ms}));
    return answer;
  });
  if (stored.ok()) CAFE_RETURN_IF_ERROR(platform::failpoint("recovery/after-backup"));
  return stored;
}

absl::StatusOr<Bytes> get_backup(const RecoveryParts& parts, ByteView encoded) {
  CAFE_ASSIGN_OR_RETURN(const SignedDocument document, SignedDocument::decode(encoded));
  CAFE_ASSIGN_OR_RETURN(const auto query, protocol::BackupQuery::decode(document.frame));
  CAFE_RETURN_IF_ERROR(check_issuer(query.issuer_id, parts.issuer_id));
  CAFE_RETURN_IF_ERROR(document.check(query.holder));
  CAFE_RETURN_IF_ERROR(check_fresh(query.time_ms, parts.callers_now_ms(query.time_ms)));
  return look(parts.database,
              [&](Transaction& tx) { return store::newest_backup(tx, query.holder); });
}

}  // namespace cafe::recovery
