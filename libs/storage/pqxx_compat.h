// What differs between libpqxx 6.4 (Debian 12), 7.8 (Ubuntu 24.04) and 7.10 (Debian 13), in one
// place. For the .cc files of this folder only.
#pragma once

#include <memory>
#include <pqxx/pqxx>
#include <string>
#include <string_view>

#include "libs/storage/postgres.h"

namespace cafe::storage::compat {

#if PQXX_VERSION_MAJOR >= 7
inline constexpr auto kReadWrite = pqxx::write_policy::read_write;
inline constexpr auto kReadOnly = pqxx::write_policy::read_only;
#else
inline constexpr auto kReadWrite = pqxx::read_write;
inline constexpr auto kReadOnly = pqxx::read_only;
#endif

/// Opens a connection that never reconnects by itself: in libpqxx 6 it would, losing the session's
/// settings.
std::unique_ptr<pqxx::connection> connect(const std::string& conninfo);

/// For a single statement nothing is sent: it is a transaction by itself.
std::unique_ptr<pqxx::transaction_base> begin(pqxx::connection& connection,
                                              const TransactionOptions& options);

/// Runs a prepared statement; bytea parameters go in binary format.
pqxx::result execute_prepared(pqxx::transaction_base& transaction, const std::string& name,
                              std::span<const Param> params);

}  // namespace cafe::storage::compat
