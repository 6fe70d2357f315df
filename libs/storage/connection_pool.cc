#include "libs/storage/connection_pool.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "libs/protocol/status.h"
#include "libs/storage/pqxx_compat.h"
#include "libs/storage/sql_error.h"

namespace cafe::storage {
namespace {

using protocol::make_error;

/// The caller's address with what must hold for every connection: a dead server is noticed.
std::string complete_conninfo(const DatabaseOptions& options) {
  const bool is_url =
      options.url.starts_with("postgresql://") || options.url.starts_with("postgres://");
  const int64_t connect_s = std::max<int64_t>(
      1, std::chrono::ceil<std::chrono::seconds>(options.connect_timeout).count());
  const std::pair<std::string, std::string> extras[] = {
      {"connect_timeout", absl::StrCat(connect_s)},
      {"keepalives_idle", "10"},
      {"keepalives_interval", "5"},
      {"keepalives_count", "3"},
      {"tcp_user_timeout", "20000"},
  };
  std::string out = options.url;
  for (const auto& [name, value] : extras) {
    if (out.find(absl::StrCat(name, "=")) != std::string::npos) continue;
    absl::StrAppend(&out, is_url ? (out.find('?') == std::string::npos ? "?" : "&") : " ", name,
                    "=", value);
  }
  return out;
}

/// Sets the session up, and refuses a server that forgets what it has acknowledged.
absl::Status set_up(pqxx::connection& connection, const DatabaseOptions& options) {
  pqxx::nontransaction session(connection);
  const pqxx::result settings = session.exec(
      "SELECT current_setting('fsync') = 'on' AND current_setting('full_page_writes') = 'on' "
      "AND current_setting('synchronous_commit') <> 'off', current_setting('synchronous_commit')");
  if (std::string_view(settings[0][0].c_str()) != "t") {
    return make_error(absl::StatusCode::kFailedPrecondition, "DURABILITY_OFF",
                      "The database server runs with fsync, full_page_writes or "
                      "synchronous_commit off and would lose money in a crash: turn them on.");
  }
  // remote_apply is stronger than on; everything else is raised to it.
  const bool remote_apply = std::string_view(settings[0][1].c_str()) == "remote_apply";
  session.exec(absl::StrCat(
      "SET synchronous_commit = ", remote_apply ? "remote_apply" : "on",
      "; SET bytea_output = 'hex'; SET client_encoding = 'UTF8'; SET client_min_messages = 'error'",
      "; SET statement_timeout = ", options.statement_timeout.count(), "; SET application_name = '",
      session.esc(options.application_name), "'"));
  for (const auto& [name, value] : options.settings) {
    session.exec(absl::StrCat("SET \"", session.esc(name), "\" = '", session.esc(value), "'"));
  }
  return absl::OkStatus();
}

}  // namespace

ConnectionPool::ConnectionPool(DatabaseOptions options)
    : options_(std::move(options)),
      conninfo_(complete_conninfo(options_)),
      backoff_(options_.reconnect_backoff) {}

absl::StatusOr<std::unique_ptr<Session>> ConnectionPool::acquire() {
  {
    std::unique_lock lock(mutex_);
    const bool free = freed_.wait_for(lock, options_.acquire_timeout,
                                      [this] { return in_use_ < options_.pool_size; });
    if (!free) {
      return make_error(absl::StatusCode::kResourceExhausted, "POOL_EXHAUSTED",
                        "All database connections are busy; try again later.");
    }
    ++in_use_;
    if (!idle_.empty()) {
      std::unique_ptr<Session> session = std::move(idle_.back());
      idle_.pop_back();
      return session;
    }
  }
  absl::StatusOr<std::unique_ptr<Session>> session = connect();
  if (!session.ok()) {
    std::lock_guard lock(mutex_);
    --in_use_;
    freed_.notify_one();
  }
  return session;
}

absl::StatusOr<std::unique_ptr<Session>> ConnectionPool::connect() {
  uint64_t generation;
  {
    std::lock_guard lock(mutex_);
    if (std::chrono::steady_clock::now() < next_connect_)
      return database_down("the last attempt to connect failed a moment ago");
    generation = generation_;
  }
  absl::Status status;
  auto session = std::make_unique<Session>();
  try {
    session->connection = compat::connect(conninfo_);
    status = set_up(*session->connection, options_);
  } catch (const std::exception& error) {
    status = classify(error).status;
    // Whatever keeps us from connecting, the caller's work did not begin.
    if (status.code() != absl::StatusCode::kUnavailable)
      status = database_down(std::string(status.message()));
  }
  session->generation = generation;
  std::lock_guard lock(mutex_);
  if (status.ok()) {
    ++connected_;
    backoff_ = options_.reconnect_backoff;
    return session;
  }
  ++connect_failed_;
  next_connect_ = std::chrono::steady_clock::now() + backoff_;
  backoff_ = std::min(2 * backoff_, options_.max_reconnect_backoff);
  return status;
}

void ConnectionPool::release(std::unique_ptr<Session> session) {
  std::lock_guard lock(mutex_);
  --in_use_;
  if (session->generation == generation_) idle_.push_back(std::move(session));
  freed_.notify_one();
}

void ConnectionPool::discard(std::unique_ptr<Session> session, bool broken) {
  std::vector<std::unique_ptr<Session>> doomed;  // closed outside the lock
  {
    std::lock_guard lock(mutex_);
    --in_use_;
    if (broken && session->generation == generation_) {
      ++generation_;
      doomed.swap(idle_);
    }
    freed_.notify_one();
  }
}

uint64_t ConnectionPool::connected() const {
  std::lock_guard lock(mutex_);
  return connected_;
}

uint64_t ConnectionPool::connect_failed() const {
  std::lock_guard lock(mutex_);
  return connect_failed_;
}

}  // namespace cafe::storage
