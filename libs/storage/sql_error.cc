#include "libs/storage/sql_error.h"

#include <pqxx/pqxx>

#include "libs/protocol/status.h"
#include "libs/storage/postgres.h"

namespace cafe::storage {
namespace {

using protocol::make_error;

constexpr char kConstraintUrl[] = "cafe.v1/constraint";

bool is_state_character(char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'); }

/// What our own functions raise: "REASON: sentence".
absl::Status raised(const ServerMessage& message) {
  static constexpr absl::StatusCode kCodes[] = {
      absl::StatusCode::kInternal,         absl::StatusCode::kFailedPrecondition,
      absl::StatusCode::kAlreadyExists,    absl::StatusCode::kInvalidArgument,
      absl::StatusCode::kNotFound,         absl::StatusCode::kResourceExhausted,
      absl::StatusCode::kPermissionDenied, absl::StatusCode::kAborted,
      absl::StatusCode::kDataLoss,         absl::StatusCode::kOutOfRange};
  const char last = message.sqlstate[4];
  const bool known = message.sqlstate.starts_with("CF00") && last >= '1' && last <= '9';
  const absl::StatusCode code = kCodes[known ? last - '0' : 0];
  const size_t colon = message.primary.find(": ");
  if (colon == std::string::npos) return make_error(code, "SQL_ERROR", message.primary);
  return make_error(code, std::string_view(message.primary).substr(0, colon),
                    std::string_view(message.primary).substr(colon + 2));
}

struct Violation {
  std::string_view sqlstate;
  absl::StatusCode code;
  std::string_view reason;
};

constexpr Violation kViolations[] = {
    {"23505", absl::StatusCode::kAlreadyExists, "UNIQUE_VIOLATION"},
    {"23514", absl::StatusCode::kFailedPrecondition, "CHECK_VIOLATION"},
    {"23503", absl::StatusCode::kFailedPrecondition, "FOREIGN_KEY_VIOLATION"},
    {"23502", absl::StatusCode::kFailedPrecondition, "NOT_NULL_VIOLATION"},
    {"23P01", absl::StatusCode::kFailedPrecondition, "EXCLUSION_VIOLATION"},
    {"42501", absl::StatusCode::kPermissionDenied, "ROLE_FORBIDDEN"},
    {"57014", absl::StatusCode::kDeadlineExceeded, "STATEMENT_TIMEOUT"},
    {"55P03", absl::StatusCode::kDeadlineExceeded, "STATEMENT_TIMEOUT"},
    {"25P03", absl::StatusCode::kDeadlineExceeded, "STATEMENT_TIMEOUT"},
    {"22003", absl::StatusCode::kOutOfRange, "NUMBER_OUT_OF_RANGE"},
    {"40001", absl::StatusCode::kAborted, "CONTENTION"},
    {"40P01", absl::StatusCode::kAborted, "CONTENTION"},
    {"53300", absl::StatusCode::kUnavailable, "DATABASE_DOWN"},
};

/// Connection failures, shutdown, crash, start-up: the session is over or never was.
bool session_over(std::string_view sqlstate) {
  return sqlstate.starts_with("08") || sqlstate.starts_with("57P0") || sqlstate == "53300" ||
         sqlstate == "25P03";
}

absl::Status status_for(const ServerMessage& message) {
  if (message.sqlstate.starts_with("CF")) return raised(message);
  if (session_over(message.sqlstate) && message.sqlstate != "25P03")
    return database_down(message.primary);
  for (const Violation& violation : kViolations) {
    if (violation.sqlstate != message.sqlstate) continue;
    absl::Status status = make_error(violation.code, violation.reason, message.primary);
    if (!message.constraint.empty())
      status.SetPayload(kConstraintUrl, absl::Cord(message.constraint));
    return status;
  }
  return make_error(
      absl::StatusCode::kInternal, "SQL_ERROR",
      message.sqlstate.empty() ? message.primary : message.sqlstate + ": " + message.primary);
}

}  // namespace

absl::Status database_down(std::string_view message) {
  return make_error(absl::StatusCode::kUnavailable, "DATABASE_DOWN",
                    "The database cannot be reached; try again: " + std::string(message));
}

ServerMessage parse_server_message(std::string_view what) {
  // "ERROR:  23505: duplicate key ...\nDETAIL:  ...\n...\nCONSTRAINT NAME:  t_pkey\nLOCATION: ...";
  // the words may be translated, the signs around them are not.
  ServerMessage message;
  std::string_view rest = what;
  for (size_t at = what.find(":  "); at != std::string_view::npos; at = what.find(":  ", at + 1)) {
    const std::string_view state = what.substr(at + 3, 5);
    if (state.size() == 5 && what.substr(at + 8, 2) == ": " &&
        std::all_of(state.begin(), state.end(), is_state_character)) {
      message.sqlstate = state;
      rest = what.substr(at + 10);
      break;
    }
  }
  message.primary = rest.substr(0, rest.find('\n'));
  // The last one: anything that looks like it before stands in the text of a detail.
  constexpr std::string_view kLabel = "\nCONSTRAINT NAME:  ";
  if (const size_t at = rest.rfind(kLabel); at != std::string_view::npos) {
    const std::string_view name = rest.substr(at + kLabel.size());
    message.constraint = name.substr(0, name.find('\n'));
  }
  return message;
}

SqlError classify(const std::exception& error) {
  SqlError out;
  if (dynamic_cast<const ColumnError*>(&error) != nullptr) {
    out.status = make_error(absl::StatusCode::kInternal, "COLUMN_MISMATCH", error.what());
    return out;
  }
  if (dynamic_cast<const pqxx::in_doubt_error*>(&error) != nullptr) {
    out.broken = out.in_doubt = true;
    out.status = make_error(absl::StatusCode::kUnavailable, "COMMIT_IN_DOUBT",
                            "The connection broke during COMMIT: look up by its key whether the "
                            "work was done before doing it again.");
    return out;
  }
  ServerMessage message = parse_server_message(error.what());
  if (const auto* sql = dynamic_cast<const pqxx::sql_error*>(&error);
      sql != nullptr && sql->sqlstate().size() == 5) {
    message.sqlstate = sql->sqlstate();
  }
  if (dynamic_cast<const pqxx::broken_connection*>(&error) != nullptr) {
    out.broken = true;
    out.status = database_down(message.primary);
    return out;
  }
  if (dynamic_cast<const pqxx::failure*>(&error) == nullptr && message.sqlstate.empty()) {
    // Not the database's: its text may hold anything, so it is not passed on.
    out.status = make_error(absl::StatusCode::kInternal, "EXCEPTION",
                            "An exception ended the transaction; it was rolled back.");
    return out;
  }
  out.broken = session_over(message.sqlstate);
  out.retryable = message.sqlstate == "40001" || message.sqlstate == "40P01";
  out.status = status_for(message);
  return out;
}

std::string constraint_of(const absl::Status& status) {
  const absl::optional<absl::Cord> name = status.GetPayload(kConstraintUrl);
  return name.has_value() ? std::string(*name) : std::string();
}

}  // namespace cafe::storage
