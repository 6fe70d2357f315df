// Brings a database to the newest schema: migrations/NNNN_name.sql in the order of their numbers,
// 0001 first, each once, each in a transaction of its own, under a lock, so that several may call
// it at once. What was done stands in public.cafe_migration with the file's SHA-256: a file that
// was applied is never edited, the next one is added.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/storage/postgres.h"

namespace cafe::storage {

struct MigrationStep {
  enum class State { kApplied, kAppliedNow, kPending };
  int number = 0;
  std::string name;    ///< the file's name, "0001_roles.sql"
  std::string sha256;  ///< of the file, 64 hex digits
  State state = State::kPending;
};

/// Applies what is missing in `folder` and returns all steps in order. `db` is connected as a
/// superuser or, once the roles exist, as a member of cafe_owner.
///
/// Errors: FAILED_PRECONDITION MIGRATION_CHANGED (an applied file differs or is gone),
/// MIGRATION_GAP (a number is missing or there twice); INVALID_ARGUMENT BAD_MIGRATION_FOLDER; or
/// the error of the statement that failed, with the file's name; what was applied before that
/// stays.
absl::StatusOr<std::vector<MigrationStep>> migrate(Database& db,
                                                   const std::filesystem::path& folder);

/// What migrate would do, without doing it (--dry-run).
absl::StatusOr<std::vector<MigrationStep>> list_migrations(Database& db,
                                                           const std::filesystem::path& folder);

}  // namespace cafe::storage
