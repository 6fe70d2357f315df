#include "libs/storage/migrate.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>

#include <openssl/sha.h>

#include "libs/protocol/bytes.h"
#include "libs/protocol/status.h"

namespace cafe::storage {
namespace {

using protocol::make_error;
using State = MigrationStep::State;

// Any number will do, as long as nothing else in the database locks it.
constexpr int64_t kLock = 0x43414645'4d494752;

struct MigrationFile {
  MigrationStep step;
  std::string sql;
};

absl::Status bad_folder(const std::string& why) {
  return make_error(absl::StatusCode::kInvalidArgument, "BAD_MIGRATION_FOLDER", why);
}

absl::Status gap(const std::string& why) {
  return make_error(absl::StatusCode::kFailedPrecondition, "MIGRATION_GAP", why);
}

absl::Status changed(const std::string& why) {
  return make_error(absl::StatusCode::kFailedPrecondition, "MIGRATION_CHANGED", why);
}

std::string sha256_hex(const std::string& data) {
  std::array<uint8_t, SHA256_DIGEST_LENGTH> digest;
  SHA256(reinterpret_cast<const unsigned char*>(data.data()), data.size(), digest.data());
  return protocol::to_hex(digest);
}

/// NNNN_name.sql
bool is_migration_name(const std::string& name) {
  return name.size() > 9 && name[4] == '_' && name.ends_with(".sql") &&
         std::all_of(name.begin(), name.begin() + 4, [](char c) { return c >= '0' && c <= '9'; });
}

/// The files in order, without gaps.
absl::StatusOr<std::vector<MigrationFile>> read_folder(const std::filesystem::path& folder) {
  std::vector<MigrationFile> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (!name.ends_with(".sql")) continue;
    if (!is_migration_name(name))
      return bad_folder(name + " is not named as a migration: NNNN_name.sql");
    std::ifstream in(entry.path(), std::ios::binary);
    std::stringstream content;
    content << in.rdbuf();
    if (!in) return bad_folder(entry.path().string() + " cannot be read, or is empty");
    MigrationFile file{.step = {}, .sql = content.str()};
    file.step.number = std::stoi(name.substr(0, 4));
    file.step.name = name;
    file.step.sha256 = sha256_hex(file.sql);
    files.push_back(std::move(file));
  }
  if (error) return bad_folder(folder.string() + " cannot be read: " + error.message());
  if (files.empty()) return bad_folder(folder.string() + " holds no migrations");
  std::sort(files.begin(), files.end(), [](const MigrationFile& a, const MigrationFile& b) {
    return a.step.name < b.step.name;
  });
  for (size_t i = 0; i < files.size(); ++i) {
    if (files[i].step.number != static_cast<int>(i) + 1)
      return gap("The migrations are numbered from 0001 without gaps or repetitions: look at " +
                 files[i].step.name);
  }
  return files;
}

/// Marks what the database already has, and compares it. Runs where public.cafe_migration may not
/// exist yet.
absl::Status mark_applied(Transaction& tx, std::vector<MigrationFile>& files) {
  for (MigrationFile& file : files) file.step.state = State::kPending;
  CAFE_ASSIGN_OR_RETURN(Rows exists, tx.query("SELECT to_regclass('public.cafe_migration')::text"));
  if (exists.front().is_null(0)) return absl::OkStatus();
  CAFE_ASSIGN_OR_RETURN(
      Rows applied, tx.query("SELECT number, name, sha256 FROM public.cafe_migration ORDER BY 1"));
  for (const Row row : applied) {
    const size_t number = row.get<uint32_t>(0);
    const std::string name = row.get<std::string>(1);
    if (number < 1 || number > files.size())
      return changed(name + " was applied but is gone: use the migrations of the newer release");
    MigrationFile& file = files[number - 1];
    if (file.step.name != name || file.step.sha256 != row.get<std::string_view>(2))
      return changed(name + " was applied and differs now: put it back and add a new file");
    file.step.state = State::kApplied;
  }
  const auto first_pending = std::find_if(files.begin(), files.end(), [](const MigrationFile& f) {
    return f.step.state == State::kPending;
  });
  if (std::any_of(first_pending, files.end(),
                  [](const MigrationFile& f) { return f.step.state == State::kApplied; })) {
    return gap(first_pending->step.name + " comes before one that is already applied");
  }
  return absl::OkStatus();
}

/// Applies one file as its owner and writes that down.
absl::Status apply(Transaction& tx, const MigrationFile& file) {
  // What later migrations create belongs to cafe_owner, whoever runs them; the first one creates
  // that role.
  if (file.step.number > 1) CAFE_RETURN_IF_ERROR(tx.run_script("SET LOCAL ROLE cafe_owner"));
  CAFE_RETURN_IF_ERROR(tx.run_script(file.sql));
  CAFE_RETURN_IF_ERROR(tx.run_script("RESET ROLE"));
  return tx
      .query("INSERT INTO public.cafe_migration (number, name, sha256) VALUES ($1, $2, $3)",
             file.step.number, file.step.name, file.step.sha256)
      .status();
}

/// In one transaction under the lock: looks what is missing, applies the first of it. True:
/// something was.
absl::StatusOr<bool> apply_next(Database& db, std::vector<MigrationFile>& files) {
  const TransactionOptions options{.statement_timeout = std::chrono::milliseconds(0)};
  std::string running;
  absl::StatusOr<bool> done = db.transaction(options, [&](Transaction& tx) -> absl::StatusOr<bool> {
    running.clear();
    CAFE_RETURN_IF_ERROR(tx.query("SELECT pg_advisory_xact_lock($1)", kLock).status());
    CAFE_RETURN_IF_ERROR(tx.run_script(
        "CREATE TABLE IF NOT EXISTS public.cafe_migration ("
        "  number integer PRIMARY KEY, name text NOT NULL UNIQUE, sha256 text NOT NULL,"
        "  applied_at timestamptz NOT NULL DEFAULT now(), applied_by name DEFAULT session_user)"));
    CAFE_RETURN_IF_ERROR(mark_applied(tx, files));
    for (MigrationFile& file : files) {
      if (file.step.state != State::kPending) continue;
      running = file.step.name;
      CAFE_RETURN_IF_ERROR(apply(tx, file));
      return true;
    }
    return false;
  });
  if (done.ok() || running.empty()) return done;
  return make_error(done.status().code(), protocol::reason_of(done.status()),
                    running + ": " + std::string(done.status().message()));
}

std::vector<MigrationStep> steps_of(const std::vector<MigrationFile>& files) {
  std::vector<MigrationStep> steps;
  for (const MigrationFile& file : files) steps.push_back(file.step);
  return steps;
}

}  // namespace

absl::StatusOr<std::vector<MigrationStep>> migrate(Database& db,
                                                   const std::filesystem::path& folder) {
  CAFE_ASSIGN_OR_RETURN(std::vector<MigrationFile> files, read_folder(folder));
  std::vector<int> applied_now;
  for (;;) {
    CAFE_ASSIGN_OR_RETURN(const bool applied, apply_next(db, files));
    if (!applied) break;
    const auto next = std::find_if(files.begin(), files.end(), [](const MigrationFile& f) {
      return f.step.state == State::kPending;
    });
    applied_now.push_back(next->step.number);
  }
  for (const int number : applied_now) files[number - 1].step.state = State::kAppliedNow;
  return steps_of(files);
}

absl::StatusOr<std::vector<MigrationStep>> list_migrations(Database& db,
                                                           const std::filesystem::path& folder) {
  CAFE_ASSIGN_OR_RETURN(std::vector<MigrationFile> files, read_folder(folder));
  CAFE_RETURN_IF_ERROR(db.transaction({.read_only = true},
                                      [&](Transaction& tx) { return mark_applied(tx, files); }));
  return steps_of(files);
}

}  // namespace cafe::storage
