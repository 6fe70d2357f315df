// Backups in PostgreSQL. Errors are those of libs/storage/postgres.h.
#pragma once

#include "libs/storage/postgres.h"
#include "services/recovery/backups.h"

namespace cafe::recovery {

struct NewBackup {
  const protocol::Backup& backup;
  protocol::Bytes32 digest;  // of the signed backup's frame
  protocol::Bytes document;
  const KeptBackup& answer;
  uint64_t kept_ms;
};

namespace store {

// The answer that this very backup got.
absl::StatusOr<std::optional<KeptBackup>> find_kept(storage::Transaction& tx,
                                                    const protocol::Bytes32& digest);
// FAILED_PRECONDITION BACKUP_OUTDATED, ALREADY_EXISTS HOLDER_TAKEN.
absl::Status insert_backup(storage::Transaction& tx, const NewBackup& backup);
// NOT_FOUND NO_BACKUP.
absl::StatusOr<protocol::Bytes> newest_backup(storage::Transaction& tx,
                                              const protocol::Point& holder);

}  // namespace store
}  // namespace cafe::recovery
