// A PostgreSQL server of a test's own: a fresh cluster in a temporary folder, reached through a
// unix socket, with everything that makes it durable left on, so that killing it is an honest test.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/support/process.h"

namespace cafe::testing {

struct PrivatePostgresOptions {
  /// Added to postgresql.conf, e.g. {"fsync", "off"}.
  std::map<std::string, std::string> settings{};
  /// Also listen on a free port of 127.0.0.1.
  bool tcp = false;
  /// Run initdb instead of copying a cached template, so that system_identifier is this cluster's
  /// alone.
  bool own_system_identifier = false;
};

class PrivatePostgres {
 public:
  /// Starts the newest PostgreSQL installed and creates the database "cafe". Everybody on this
  /// machine is trusted.
  static absl::StatusOr<std::unique_ptr<PrivatePostgres>> start(
      PrivatePostgresOptions options = {});
  ~PrivatePostgres();

  /// A URL for a role and a database.
  std::string url(const std::string& role = "postgres", const std::string& database = "cafe") const;
  absl::Status create_database(const std::string& name);
  /// Applies this tree's migrations/ to a database.
  absl::Status migrate(const std::string& database = "cafe");

  /// Ends it (SIGINT, "fast"), or kills it and all its processes (SIGKILL). Does nothing when it is
  /// not running.
  absl::Status stop();
  void kill();
  /// Starts it again on the same data, and waits until it answers.
  absl::Status start_again();
  absl::Status restart();
  bool running();
  pid_t pid() const;

  /// Copies the data folder of the stopped server to a new folder, or replaces it by such a copy.
  absl::Status copy_cold(const std::filesystem::path& to);
  absl::Status restore_cold(const std::filesystem::path& from);

  const std::filesystem::path& data_folder() const { return data_; }
  /// The server's log so far.
  std::string log() const;

 private:
  PrivatePostgres();
  absl::Status initialise(const PrivatePostgresOptions& options);

  TemporaryFolder folder_;
  std::filesystem::path data_;
  int port_ = 5432;
  bool tcp_ = false;
  std::unique_ptr<Subprocess> server_;
};

/// The folder of the newest PostgreSQL's programs, e.g. /usr/lib/postgresql/15/bin.
/// CAFE_POSTGRES_BIN overrides it.
absl::StatusOr<std::filesystem::path> postgres_programs();

}  // namespace cafe::testing
