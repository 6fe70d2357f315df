// Coin seeds that their owners keep here, each under a key that only she has.
#pragma once

#include "libs/protocol/backup.h"
#include "services/recovery/parts.h"

namespace cafe::recovery {

struct KeptBackup {
  protocol::Bytes kept;             // signed document
  protocol::Bytes key_certificate;  // signed document
};

// Keeps a signed Backup of an open account. The same again gets the same answer. WRONG_ISSUER,
// NOT_THE_HOLDER, BAD_SIGNATURE, ACCOUNT_CLOSED, BACKUP_OUTDATED (a backup of this number or a
// higher one is kept), HOLDER_TAKEN (these words are another account's).
absl::StatusOr<KeptBackup> put_backup(const RecoveryParts& parts, protocol::ByteView document,
                                      absl::Time deadline);

// The newest backup under the holder key that signed the BackupQuery, encoded. WRONG_ISSUER,
// BAD_SIGNATURE, QUERY_STALE, NOT_FOUND NO_BACKUP.
absl::StatusOr<protocol::Bytes> get_backup(const RecoveryParts& parts, protocol::ByteView document);

}  // namespace cafe::recovery
