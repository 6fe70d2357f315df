#include "libs/storage/pqxx_compat.h"

// libpqxx 6 has no other way than its deprecated one to pass binary parameters counted at run time,
// and 7.9 deprecates what 7.8 needs.
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

#if defined(__SANITIZE_ADDRESS__)
// libpqxx 6.4 loses the result at hand (2 kB) when it finds the connection broken.
extern "C" __attribute__((weak)) const char* __lsan_default_suppressions();
extern "C" __attribute__((weak)) const char* __lsan_default_suppressions() {
  return "leak:libpqxx";
}
#endif

namespace cafe::storage::compat {

std::unique_ptr<pqxx::connection> connect(const std::string& conninfo) {
  auto connection = std::make_unique<pqxx::connection>(conninfo);
#if PQXX_VERSION_MAJOR >= 7
  connection->set_verbosity(pqxx::error_verbosity::verbose);
#else
  connection->inhibit_reactivation(true);
  connection->set_verbosity(pqxx::connection_base::verbose);
#endif
  return connection;
}

namespace {

template <pqxx::isolation_level kLevel>
std::unique_ptr<pqxx::transaction_base> begin_at(pqxx::connection& connection, bool read_only) {
  if (read_only) return std::make_unique<pqxx::transaction<kLevel, kReadOnly>>(connection);
  return std::make_unique<pqxx::transaction<kLevel, kReadWrite>>(connection);
}

}  // namespace

std::unique_ptr<pqxx::transaction_base> begin(pqxx::connection& connection,
                                              const TransactionOptions& options) {
  if (options.single_statement) return std::make_unique<pqxx::nontransaction>(connection);
  switch (options.isolation) {
    case Isolation::kSerializable:
      return begin_at<pqxx::isolation_level::serializable>(connection, options.read_only);
    case Isolation::kRepeatableRead:
      return begin_at<pqxx::isolation_level::repeatable_read>(connection, options.read_only);
    case Isolation::kReadCommitted:
      break;
  }
  return begin_at<pqxx::isolation_level::read_committed>(connection, options.read_only);
}

#if PQXX_VERSION_MAJOR >= 7

namespace {

struct Append {
  pqxx::params& to;
  void operator()(std::nullopt_t) const { to.append(); }
  void operator()(bool value) const { to.append(std::string(value ? "t" : "f")); }
  void operator()(int64_t value) const { to.append(std::to_string(value)); }
  void operator()(std::string_view text) const { to.append(std::string(text)); }
  void operator()(std::span<const uint8_t> bytes) const {
    to.append(pqxx::binary_cast(bytes.data(), bytes.size()));
  }
  void operator()(Param::OutOfRange) const { throw pqxx::usage_error("parameter out of range"); }
};

}  // namespace

pqxx::result execute_prepared(pqxx::transaction_base& transaction, const std::string& name,
                              std::span<const Param> params) {
  pqxx::params list;
  list.reserve(params.size());
  for (const Param& param : params) std::visit(Append{list}, param.value());
#if PQXX_VERSION_MAJOR > 7 || PQXX_VERSION_MINOR >= 10
  return transaction.exec(pqxx::prepped{name}, list);
#else
  return transaction.exec_prepared(name, list);
#endif
}

#else

namespace {

struct Append {
  pqxx::prepare::invocation& to;
  void operator()(std::nullopt_t) const { to(); }
  void operator()(bool value) const { to(std::string(value ? "t" : "f")); }
  void operator()(int64_t value) const { to(std::to_string(value)); }
  void operator()(std::string_view text) const { to(std::string(text)); }
  void operator()(std::span<const uint8_t> bytes) const {
    to(pqxx::binarystring(bytes.data(), bytes.size()));
  }
  void operator()(Param::OutOfRange) const { throw pqxx::usage_error("parameter out of range"); }
};

}  // namespace

pqxx::result execute_prepared(pqxx::transaction_base& transaction, const std::string& name,
                              std::span<const Param> params) {
  pqxx::prepare::invocation invocation = transaction.prepared(name);
  for (const Param& param : params) std::visit(Append{invocation}, param.value());
  return invocation.exec();
}

#endif

}  // namespace cafe::storage::compat
