// From libpqxx's exceptions to statuses. For the .cc files of this folder only.
#pragma once

#include <exception>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace cafe::storage {

/// What a failed statement, connect or commit means.
struct SqlError {
  absl::Status status;     ///< for the caller; see the list in postgres.h
  bool retryable = false;  ///< serialization failure or deadlock: nothing was changed
  bool broken = false;     ///< the connection is gone
  bool in_doubt = false;   ///< it went during COMMIT
};

/// What the server said, in the parts of a message of verbosity "verbose".
struct ServerMessage {
  std::string sqlstate;    ///< five characters, or "" when it was not the server that spoke
  std::string primary;     ///< the message's first line
  std::string constraint;  ///< or ""
};
ServerMessage parse_server_message(std::string_view what);

SqlError classify(const std::exception& error);

/// UNAVAILABLE DATABASE_DOWN.
absl::Status database_down(std::string_view message);

}  // namespace cafe::storage
