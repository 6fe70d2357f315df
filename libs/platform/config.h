// Options: one name is flag, environment variable and configuration-file key: --drain-timeout-ms,
// CAFE_DRAIN_TIMEOUT_MS, drain-timeout-ms. A flag wins over the environment, which wins over the
// file (--config FILE or CAFE_CONFIG, TOML or INI). A wrong or missing value, or an unknown key in
// the file, stops the start.
//
//   ServiceOptions options{.service = "deposit", .listen = "127.0.0.1:7102"};
//   std::string receipt_key;
//   CLI::App app("Takes payments in.");
//   register_service_options(app, options);
//   add_option(app, "--receipt-key", receipt_key, "PEM file of the key that signs
//   receipts")->required(); if (auto exit_code = parse_command_line(app, options, argc, argv))
//   return *exit_code;
//
// Heavy (it includes CLI11): for main.cc only. Everything else includes service_options.h.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "libs/platform/service_options.h"

namespace cafe::platform {

// "--listen" → "CAFE_LISTEN".
std::string environment_name(const std::string& flag);

// Registers a flag with its environment variable and file key. `value` holds the default, which
// --help shows. The result can be refined: ->required(), ->check(...).
template <class T>
CLI::Option* add_option(CLI::App& app, const std::string& flag, T& value, const std::string& help) {
  return app.add_option(flag, value, help)->capture_default_str()->envname(environment_name(flag));
}

// The same for a bool: --production, CAFE_PRODUCTION=true, production=true.
CLI::Option* add_flag(CLI::App& app, const std::string& flag, bool& value, const std::string& help);

// Registers every member of `options` (whose values are the defaults) and --config. `app` and
// `options` must live until parsing is done.
void register_service_options(CLI::App& app, ServiceOptions& options);

// Registers only --config, strictly, on a program that is no service (cafectl, the simulator).
void register_config_file(CLI::App& app);

// Parses argv. Returns nothing when the program shall go on, else its exit code: 0 after --help,
// which is printed to stdout; 2 after an error, which is printed to stderr in one line that names
// the option and what is wrong with it.
std::optional<int> parse_command_line(CLI::App& app, int argc, const char* const* argv);

// The same, and validate(options).
std::optional<int> parse_command_line(CLI::App& app, const ServiceOptions& options, int argc,
                                      const char* const* argv);

}  // namespace cafe::platform
