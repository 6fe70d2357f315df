#include "libs/storage/postgres.h"

#include <atomic>
#include <random>
#include <thread>

#include "absl/strings/str_cat.h"
#include "libs/platform/failpoint.h"
#include "libs/protocol/status.h"
#include "libs/storage/connection_pool.h"
#include "libs/storage/pqxx_compat.h"
#include "libs/storage/rows_data.h"
#include "libs/storage/sql_error.h"

namespace cafe::storage {
namespace {

using protocol::make_error;

absl::Status check_params(std::span<const Param> params) {
  for (const Param& param : params) {
    if (std::holds_alternative<Param::OutOfRange>(param.value())) {
      return make_error(absl::StatusCode::kOutOfRange, "NUMBER_OUT_OF_RANGE",
                        "A number above 2^63-1 cannot be stored.");
    }
    const auto* text = std::get_if<std::string_view>(&param.value());
    if (text != nullptr && text->find('\0') != std::string_view::npos) {
      return make_error(absl::StatusCode::kInvalidArgument, "BAD_TEXT",
                        "A text holds a zero byte; pass it as bytes.");
    }
  }
  return absl::OkStatus();
}

class PostgresTransaction : public Transaction {
 public:
  PostgresTransaction(Session& session, const TransactionOptions& options)
      : session_(session),
        single_(options.single_statement),
        writes_(!options.read_only),
        transaction_(compat::begin(*session.connection, options)) {}

  absl::StatusOr<Rows> execute(std::string_view sql, std::span<const Param> params) override {
    if (failure_.has_value()) return failure_->status;
    if (absl::Status status = check_params(params); !status.ok()) return fail({status});
    if (single_ && touched_) return fail({two_statements()});
    if (single_ && writes_) {
      if (absl::Status status = before_commit(); !status.ok()) return fail({status});
    }
    try {
      pqxx::result result = compat::execute_prepared(*transaction_, prepare(sql), params);
      touched_ = true;
      return Rows(std::make_shared<const Row::Data>(Row::Data{std::move(result)}));
    } catch (const std::exception& error) {
      SqlError failure = classify(error);
      // The statement's end is its commit.
      if (single_ && writes_ && failure.broken) failure = in_doubt("the session ended");
      return fail(std::move(failure));
    }
  }

  absl::Status run_script(std::string_view sql) override {
    if (failure_.has_value()) return failure_->status;
    if (single_) return fail({two_statements()});
    try {
      transaction_->exec(std::string(sql));
      touched_ = true;
      return absl::OkStatus();
    } catch (const std::exception& error) {
      return fail(classify(error));
    }
  }

  /// The first failure, which decides about the whole transaction.
  const std::optional<SqlError>& failure() const { return failure_; }
  /// Whether any statement reached the server.
  bool touched() const { return touched_; }

  std::optional<SqlError> commit() {
    const bool writes = writes_ && touched_;
    if (writes && !single_) {
      if (absl::Status status = before_commit(); !status.ok()) return SqlError{status};
    }
    try {
      transaction_->commit();
      if (writes && !platform::failpoint("storage/after-commit").ok()) {
        return in_doubt("a failpoint hides that it was committed");
      }
      return std::nullopt;
    } catch (const std::exception& error) {
      SqlError failure = classify(error);
      const bool refused_before_sending =
          dynamic_cast<const pqxx::broken_connection*>(&error) != nullptr;
      if (failure.broken && !failure.in_doubt && !refused_before_sending) {
        // The server ended the session while it was committing: it may have done so before or
        // after.
        failure = in_doubt("the session ended during COMMIT");
      }
      return failure;
    }
  }

  void roll_back() {
    try {
      transaction_->abort();
    } catch (const std::exception& error) {
      // The server rolls back what it loses sight of; the session is not used again.
      failure_ = classify(error);
      failure_->broken = true;
    }
  }

 private:
  static absl::Status two_statements() {
    return make_error(absl::StatusCode::kInternal, "TWO_STATEMENTS",
                      "A transaction of a single statement was given more.");
  }
  // Fault tests kill a service on either side of each of its commits, whatever it is about.
  static absl::Status before_commit() { return platform::failpoint("storage/before-commit"); }
  static SqlError in_doubt(const char* what) { return classify(pqxx::in_doubt_error(what)); }

  absl::Status fail(SqlError error) {
    failure_ = std::move(error);
    return failure_->status;
  }

  const std::string& prepare(std::string_view sql) {
    auto found = session_.statements.find(sql);
    if (found == session_.statements.end()) {
      std::string name = absl::StrCat("s", session_.statements.size());
      session_.connection->prepare(name, std::string(sql));
      found = session_.statements.emplace(std::string(sql), std::move(name)).first;
    }
    return found->second;
  }

  Session& session_;
  const bool single_;
  const bool writes_;
  std::unique_ptr<pqxx::transaction_base> transaction_;
  std::optional<SqlError> failure_;
  bool touched_ = false;
};

/// Waits before another attempt: 1, 2, 4, ... up to 128 ms, each spread by half so that rivals
/// part.
void pause_before_retry(int attempt) {
  static thread_local std::minstd_rand random{std::random_device{}()};
  const int64_t most_us = int64_t{1000} << std::min(attempt, 7);
  std::this_thread::sleep_for(std::chrono::microseconds(
      std::uniform_int_distribution<int64_t>(most_us / 2, most_us)(random)));
}

}  // namespace

class Database::Impl {
 public:
  explicit Impl(DatabaseOptions options) : pool(std::move(options)) {}

  /// One attempt. `error` tells why it failed; `touched` whether a statement was run before.
  absl::Status attempt(const TransactionOptions& options,
                       absl::FunctionRef<absl::Status(Transaction&)> fn, SqlError& error,
                       bool& touched) {
    error = {};
    touched = false;
    absl::StatusOr<std::unique_ptr<Session>> session = pool.acquire();
    if (!session.ok()) return session.status();
    absl::Status status;
    {
      std::optional<PostgresTransaction> tx;
      try {
        tx.emplace(**session, options);
        status = run(*tx, options, fn);
      } catch (const std::exception& thrown) {
        error = classify(thrown);
        status = error.status;
      }
      if (tx.has_value()) {
        touched = tx->touched();
        if (tx->failure().has_value()) error = *tx->failure();
        // A function that overlooks a failed statement must not look as if it had succeeded.
        if (status.ok() && tx->failure().has_value()) status = tx->failure()->status;
        if (status.ok()) {
          if (std::optional<SqlError> failure = tx->commit(); failure.has_value()) {
            error = *failure;
            status = error.status;
          }
        } else {
          tx->roll_back();
          if (tx->failure().has_value() && tx->failure()->broken) error.broken = true;
        }
      }
    }
    const bool broken = error.broken || !(*session)->connection->is_open();
    if (broken || error.in_doubt) {
      error.broken = true;
      pool.discard(*std::move(session), /*broken=*/true);
    } else {
      pool.release(*std::move(session));
    }
    return status;
  }

  absl::Status run(PostgresTransaction& tx, const TransactionOptions& options,
                   absl::FunctionRef<absl::Status(Transaction&)> fn) {
    if (options.statement_timeout.has_value()) {
      CAFE_RETURN_IF_ERROR(tx.run_script(
          absl::StrCat("SET LOCAL statement_timeout = ", options.statement_timeout->count())));
    }
    return fn(tx);
  }

  ConnectionPool pool;
  std::atomic<uint64_t> committed{0}, rolled_back{0}, retried{0}, in_doubt{0};
};

Database::Database(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Database::~Database() = default;

absl::StatusOr<std::unique_ptr<Database>> Database::open(DatabaseOptions options) {
  if (options.url.empty() || options.pool_size < 1) {
    return make_error(absl::StatusCode::kInvalidArgument, "BAD_DATABASE_OPTIONS",
                      "Give the database's URL and a pool of at least one connection.");
  }
  auto database =
      std::unique_ptr<Database>(new Database(std::make_unique<Impl>(std::move(options))));
  CAFE_RETURN_IF_ERROR(database->ping());
  return database;
}

absl::Status Database::run(const TransactionOptions& options,
                           absl::FunctionRef<absl::Status(Transaction&)> fn) {
  for (int attempt = 1;; ++attempt) {
    SqlError error;
    bool touched = false;
    absl::Status status = impl_->attempt(options, fn, error, touched);
    if (status.ok()) {
      ++impl_->committed;
      return status;
    }
    ++(error.in_doubt ? impl_->in_doubt : impl_->rolled_back);
    // A session that was idle while the server restarted fails at its first statement: that is no
    // reason to bother the caller.
    const bool again =
        error.retryable || (error.broken && !error.in_doubt && (options.idempotent || !touched));
    if (!again || attempt >= options.max_attempts) return status;
    ++impl_->retried;
    pause_before_retry(attempt);
  }
}

absl::Status Database::ping() {
  return transaction({.read_only = true},
                     [](Transaction& tx) -> absl::Status { return tx.query("SELECT 1").status(); });
}

DatabaseStats Database::stats() const {
  return {.committed = impl_->committed,
          .rolled_back = impl_->rolled_back,
          .retried = impl_->retried,
          .in_doubt = impl_->in_doubt,
          .connected = impl_->pool.connected(),
          .connect_failed = impl_->pool.connect_failed()};
}

absl::StatusOr<DatabaseIncarnation> read_incarnation(Transaction& tx) {
  // The timeline that is written to now stands in the name of the current WAL file;
  // pg_control_checkpoint() would give that of the last checkpoint, which lags behind a promotion.
  CAFE_ASSIGN_OR_RETURN(
      Rows rows,
      tx.query("SELECT system_identifier, "
               "('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint, "
               "(extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint "
               "FROM pg_control_system()"));
  const Row row = rows.front();
  return DatabaseIncarnation{.system_identifier = static_cast<uint64_t>(row.get<int64_t>(0)),
                             .timeline = row.get<uint32_t>(1),
                             .postmaster_start_us = row.get<int64_t>(2)};
}

}  // namespace cafe::storage
