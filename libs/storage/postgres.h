// PostgreSQL, the only truth: a pool of connections, transactions that end in a Status, prepared
// statements.
//
//   CAFE_ASSIGN_OR_RETURN(auto db, Database::open({.url =
//   "postgresql://cafe_deposit@/cafe?host=/run/pg"})); absl::StatusOr<int64_t> n =
//   db->transaction({.idempotent = true}, [&](Transaction& tx) -> absl::StatusOr<int64_t> {
//     CAFE_ASSIGN_OR_RETURN(Rows rows, tx.query("INSERT INTO t (id) VALUES ($1) RETURNING n", id));
//     return rows.front().get<int64_t>(0);
//   });
//
// Errors (reason_of(status) in libs/protocol/status.h):
//   UNAVAILABLE         DATABASE_DOWN     not connected, or the connection broke before COMMIT was
//   sent: nothing
//                                         happened, try again
//   UNAVAILABLE         COMMIT_IN_DOUBT   the connection broke during COMMIT: look the work up by
//   its idempotency key RESOURCE_EXHAUSTED  POOL_EXHAUSTED    every connection was busy for
//   `acquire_timeout` DEADLINE_EXCEEDED   STATEMENT_TIMEOUT a statement (or its wait for a lock)
//   took longer than allowed ABORTED             CONTENTION        serialization failures or
//   deadlocks, `max_attempts` times ALREADY_EXISTS      UNIQUE_VIOLATION  constraint_of(status)
//   names the constraint of these five FAILED_PRECONDITION CHECK_VIOLATION, FOREIGN_KEY_VIOLATION,
//   NOT_NULL_VIOLATION, EXCLUSION_VIOLATION PERMISSION_DENIED   ROLE_FORBIDDEN    this role may not
//   do that INTERNAL            SQL_ERROR, COLUMN_MISMATCH, EXCEPTION and whatever our own SQL
//   functions raise:
//
//     RAISE EXCEPTION 'INSUFFICIENT_FUNDS: the account holds less than the order costs' USING
//     ERRCODE = 'CF001';
//
//   The message is "REASON: sentence"; the SQLSTATE gives the code: CF001 FAILED_PRECONDITION,
//   CF002 ALREADY_EXISTS, CF003 INVALID_ARGUMENT, CF004 NOT_FOUND, CF005 RESOURCE_EXHAUSTED, CF006
//   PERMISSION_DENIED, CF007 ABORTED, CF008 DATA_LOSS, CF009 OUT_OF_RANGE; any other CF...
//   INTERNAL.
//
// A status carries the server's primary message only, never its DETAIL, which may quote rows.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/storage/values.h"

namespace cafe::storage {

struct DatabaseOptions {
  /// A libpq URL or conninfo string. A password may stand in it, in PGPASSFILE or in PGPASSWORD.
  std::string url{};
  int pool_size = 8;
  std::string application_name = "cafe";
  std::chrono::milliseconds connect_timeout{5000};
  /// For each statement, waiting for locks included; 0 = none.
  std::chrono::milliseconds statement_timeout{15000};
  /// How long to wait for a free connection.
  std::chrono::milliseconds acquire_timeout{5000};
  /// After a failed connect nobody tries again before this time, doubled each time up to the
  /// second.
  std::chrono::milliseconds reconnect_backoff{50};
  std::chrono::milliseconds max_reconnect_backoff{2000};
  /// Parameters of each session, e.g. {"enable_seqscan", "off"}.
  std::map<std::string, std::string> settings{};
};

enum class Isolation { kReadCommitted, kRepeatableRead, kSerializable };

struct TransactionOptions {
  Isolation isolation = Isolation::kReadCommitted;
  bool read_only = false;
  /// The function may also run again after the connection broke before COMMIT was sent.
  /// Serialization failures and deadlocks are always retried: they are known to have changed
  /// nothing.
  bool idempotent = false;
  /// The function runs one statement at most, which commits by itself: one round trip to the server
  /// instead of three. A second one fails (INTERNAL TWO_STATEMENTS), and that it only reads is not
  /// enforced. A connection that breaks in a statement that may write leaves it in doubt.
  bool single_statement = false;
  int max_attempts = 6;
  /// Replaces the database's for this transaction; 0 = none.
  std::optional<std::chrono::milliseconds> statement_timeout{};
};

/// A transaction that is under way. One thread at a time. Abstract so that unit tests of services
/// can do without a server (FakeTransaction in fake_ledger.h).
class Transaction {
 public:
  virtual ~Transaction() = default;

  /// Runs one statement with $1, $2, ... The statement is prepared at its first use on a connection
  /// and found again by its text, so the text must be constant: values go in as parameters.
  ///
  /// After a failed statement the transaction can only be rolled back: every further call returns
  /// the same error, and so does the transaction, whatever its function returns.
  template <typename... Args>
  absl::StatusOr<Rows> query(std::string_view sql, const Args&... args) {
    if constexpr (sizeof...(args) == 0) {
      return execute(sql, {});
    } else {
      const Param params[] = {Param(args)...};
      return execute(sql, params);
    }
  }

  /// As query, with parameters counted at run time.
  virtual absl::StatusOr<Rows> execute(std::string_view sql, std::span<const Param> params) = 0;

  /// Runs a script of any number of statements, unprepared and without parameters (migrations).
  virtual absl::Status run_script(std::string_view sql) = 0;
};

/// Counters since start, for metrics.
struct DatabaseStats {
  uint64_t committed = 0;
  uint64_t rolled_back = 0;
  uint64_t retried = 0;
  uint64_t in_doubt = 0;
  uint64_t connected = 0;
  uint64_t connect_failed = 0;
};

/// A pool of connections. Thread-safe.
class Database {
 public:
  /// Connects once, to check the address and the server's durability. Errors: UNAVAILABLE
  /// DATABASE_DOWN; INVALID_ARGUMENT BAD_DATABASE_OPTIONS; FAILED_PRECONDITION DURABILITY_OFF when
  /// fsync, full_page_writes or synchronous_commit is off (every later connection is checked too).
  static absl::StatusOr<std::unique_ptr<Database>> open(DatabaseOptions options);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  /// Runs fn(Transaction&), which returns absl::Status or absl::StatusOr<T>; commits when it is OK,
  /// rolls back otherwise, and returns what fn returned, or why the transaction failed. fn may run
  /// several times: it must do nothing that a rollback does not undo. It must not wait for anything
  /// but the database.
  template <typename F>
  auto transaction(const TransactionOptions& options, F&& fn)
      -> std::invoke_result_t<F&, Transaction&> {
    using Result = std::invoke_result_t<F&, Transaction&>;
    if constexpr (std::is_same_v<Result, absl::Status>) {
      return run(options, fn);
    } else {
      Result result = absl::InternalError("the transaction did not run");
      absl::Status status = run(options, [&](Transaction& tx) -> absl::Status {
        result = fn(tx);
        return result.status();
      });
      if (!status.ok()) return status;
      return result;
    }
  }

  /// A round trip, for readiness probes.
  absl::Status ping();

  DatabaseStats stats() const;

 private:
  class Impl;
  explicit Database(std::unique_ptr<Impl> impl);
  absl::Status run(const TransactionOptions& options,
                   absl::FunctionRef<absl::Status(Transaction&)> fn);

  std::unique_ptr<Impl> impl_;
};

/// The name of the constraint that a status is about, or "".
std::string constraint_of(const absl::Status& status);

/// Which run of which copy of the database this is. Two reads that differ in any field may lie on
/// both sides of a restore, a promotion or a restart (protocol.md section 4: the lineage that
/// withdrawal nonces depend on).
struct DatabaseIncarnation {
  uint64_t system_identifier = 0;   ///< drawn by initdb; a copy keeps it
  uint32_t timeline = 0;            ///< counts promotions and point-in-time recoveries
  int64_t postmaster_start_us = 0;  ///< unix time in microseconds
  auto operator<=>(const DatabaseIncarnation&) const = default;
};

/// Reads it in one query. Fails on a standby, which has no timeline to write to.
absl::StatusOr<DatabaseIncarnation> read_incarnation(Transaction& tx);

}  // namespace cafe::storage
