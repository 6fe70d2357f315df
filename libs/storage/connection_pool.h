// The connections of a Database. For the .cc files of this folder only.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/storage/postgres.h"

namespace cafe::storage {

/// One session: checked for durability, with its prepared statements.
struct Session {
  std::unique_ptr<pqxx::connection> connection;
  /// Names by text.
  std::map<std::string, std::string, std::less<>> statements;
  uint64_t generation = 0;
};

/// Thread-safe. At most pool_size sessions at a time.
class ConnectionPool {
 public:
  explicit ConnectionPool(DatabaseOptions options);

  /// An idle session, or a new one. Errors: POOL_EXHAUSTED, DATABASE_DOWN, DURABILITY_OFF.
  absl::StatusOr<std::unique_ptr<Session>> acquire();
  /// Gives it back for others to use.
  void release(std::unique_ptr<Session> session);
  /// Throws it away. When it broke, the idle ones did as well: the next calls connect anew.
  void discard(std::unique_ptr<Session> session, bool broken);

  uint64_t connected() const;
  uint64_t connect_failed() const;

 private:
  absl::StatusOr<std::unique_ptr<Session>> connect();

  const DatabaseOptions options_;
  const std::string conninfo_;
  mutable std::mutex mutex_;
  std::condition_variable freed_;
  std::vector<std::unique_ptr<Session>> idle_;
  int in_use_ = 0;
  uint64_t generation_ = 0;
  std::chrono::steady_clock::time_point next_connect_{};
  std::chrono::milliseconds backoff_;
  uint64_t connected_ = 0;
  uint64_t connect_failed_ = 0;
};

}  // namespace cafe::storage
