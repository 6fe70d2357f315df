#include "libs/platform/config.h"

#include <cstdlib>
#include <iostream>
#include <memory>
#include <set>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace cafe::platform {
namespace {

// Reads the file as CLI11 does, and adds what it leaves out: it would let the file win over the
// environment, take the first of two values silently, and not say which key it does not know.
class StrictConfig final : public CLI::ConfigTOML {
 public:
  explicit StrictConfig(const CLI::App& app) : app_(app) {}

  std::vector<CLI::ConfigItem> from_config(std::istream& input) const override {
    std::vector<CLI::ConfigItem> kept;
    std::set<std::string> seen;
    for (CLI::ConfigItem& item : CLI::ConfigTOML::from_config(input)) {
      const std::string key = item.fullname();
      const CLI::Option* option =
          item.parents.empty() ? app_.get_option_no_throw("--" + item.name) : nullptr;
      if (option == nullptr) {
        throw CLI::ConfigError(
            absl::StrCat("unknown key '", key, "' in the configuration file; --help lists them"),
            CLI::ExitCodes::ConfigError);
      }
      if (!seen.insert(key).second) {
        throw CLI::ConfigError(
            absl::StrCat("key '", key, "' stands twice in the configuration file"),
            CLI::ExitCodes::ConfigError);
      }
      const char* environment =
          option->get_envname().empty() ? nullptr : std::getenv(option->get_envname().c_str());
      if (environment == nullptr || *environment == '\0') {
        kept.push_back(std::move(item));
      }
    }
    return kept;
  }

 private:
  const CLI::App& app_;
};

std::string check_address(const std::string& address) {
  return std::string(check_listen_address(address).message());
}

int complain(const CLI::App& app, const std::string& what) {
  std::cerr << (app.get_name().empty() ? "error" : app.get_name()) << ": " << what
            << " (--help tells all options)\n";
  return 2;
}

}  // namespace

std::string environment_name(const std::string& flag) {
  const std::string name =
      absl::StrReplaceAll(flag.substr(flag.find_first_not_of('-')), {{"-", "_"}});
  return absl::StrCat("CAFE_", absl::AsciiStrToUpper(name));
}

CLI::Option* add_flag(CLI::App& app, const std::string& flag, bool& value,
                      const std::string& help) {
  return app.add_flag(flag, value, help)->envname(environment_name(flag));
}

void register_config_file(CLI::App& app) {
  // CLI11 reads the file before the environment, so that CAFE_CONFIG has to be its default; but a
  // default file may be missing, and this one may not.
  const char* from_environment = std::getenv("CAFE_CONFIG");
  const bool given = from_environment != nullptr && *from_environment != '\0';
  app.set_config("--config", given ? from_environment : "",
                 "File with any of these options as `name = \"value\"` lines (CAFE_CONFIG)", given);
  app.config_formatter(std::make_shared<StrictConfig>(app));
  app.allow_config_extras(CLI::config_extras_mode::error);
  app.footer(
      "Each option can also be set by the environment variable shown with it, or by its name "
      "without dashes in the\n"
      "file. A flag wins over the environment, which wins over the file.");
}

void register_service_options(CLI::App& app, ServiceOptions& options) {
  if (app.get_name().empty()) {
    app.name(options.service);
  }
  register_config_file(app);
  add_option(app, "--listen", options.listen, "host:port to serve gRPC on; port 0 takes a free one")
      ->check(check_address, "HOST:PORT");
  add_option(app, "--metrics-listen", options.metrics_listen,
             "host:port to serve /metrics on; port 0 takes a free one; none if not set")
      ->check(check_address, "HOST:PORT");
  add_option(app, "--port-file", options.port_file,
             "File that gets {\"grpc\":port,\"metrics\":port} once the service serves");
  add_option(app, "--log-level", options.log_level, "Least level that is logged")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}));
  add_option(app, "--log-format", options.log_format, "Format of the log on stderr")
      ->check(CLI::IsMember({"text", "json"}));
  add_option(app, "--tls-cert", options.tls.cert,
             "PEM file: this service's certificate chain, for <service>.cafe.internal");
  add_option(app, "--tls-key", options.tls.key, "PEM file: its private key");
  add_option(app, "--tls-ca", options.tls.ca, "PEM file: the CAs that certify services");
  add_flag(app, "--insecure", options.tls.insecure,
           "Plaintext, and every caller believed. For tests; refused with --production");
  add_option(app, "--workers", options.workers, "Threads that run requests")
      ->check(CLI::Range(1, 4096));
  add_option(app, "--queue-capacity", options.queue_capacity,
             "Requests that may wait for a worker before RESOURCE_EXHAUSTED is answered")
      ->check(CLI::Range(1, 1'000'000));
  add_option(app, "--queue-mebibytes", options.queue_mebibytes,
             "MiB that waiting requests may hold before RESOURCE_EXHAUSTED is answered")
      ->check(CLI::Range(1, 65'536));
  add_option(app, "--queue-wait-ms", options.queue_wait_ms,
             "Refuse a request, RESOURCE_EXHAUSTED, that would wait longer for a worker")
      ->check(CLI::Range(1, 600'000));
  add_option(app, "--database-url", options.database_url, "PostgreSQL connection string or URL");
  add_option(app, "--redis-url", options.redis_url, "redis://host:port/db; without it: no cache");
  add_option(app, "--issuer-id", options.issuer_id,
             "Id of the issuer that this service belongs to");
  add_option(app, "--drain-timeout-ms", options.drain_timeout_ms,
             "At SIGTERM: how long calls in flight may take before they are cancelled")
      ->check(CLI::Range(0, 600'000));
  add_flag(app, "--production", options.production, "Refuse what only tests need");
  add_option(app, "--failpoints", options.failpoints,
             "name=crash@K;name=error@K: faults for tests; refused with --production");
}

std::optional<int> parse_command_line(CLI::App& app, int argc, const char* const* argv) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help_or_version) {
    return app.exit(help_or_version);
  } catch (const CLI::ParseError& error) {
    return complain(app, error.what());
  }
  return std::nullopt;
}

std::optional<int> parse_command_line(CLI::App& app, const ServiceOptions& options, int argc,
                                      const char* const* argv) {
  if (const auto exit_code = parse_command_line(app, argc, argv)) {
    return exit_code;
  }
  if (const absl::Status status = validate(options); !status.ok()) {
    return complain(app, std::string(status.message()));
  }
  return std::nullopt;
}

}  // namespace cafe::platform
