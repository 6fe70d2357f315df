// What all commands share: options, the database, printing, and how an error ends the program.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>

#include "libs/protocol/rng.h"
#include "libs/storage/postgres.h"
#include "tools/cafectl/output.h"

namespace cafe::cafectl {

// Filled from the command line before any command runs.
struct Context {
  std::string database_url;
  bool json = false;
  uint64_t now_s = 0;
  protocol::SystemRng rng;
  // The command that was chosen; its result is printed, its error ends the program with exit
  // code 1.
  std::function<absl::StatusOr<Json>()> run;

  // The operator's connections. UNAVAILABLE with a hint where they cannot be had.
  absl::StatusOr<std::unique_ptr<storage::Database>> database(int pool_size = 2) const;
};

// Adds `name` below `parent`; `body` runs when it is chosen. The returned App takes the command's
// options.
template <typename Body>
CLI::App* add_command(CLI::App& parent, Context& context, const std::string& name,
                      const std::string& help, Body body) {
  CLI::App* command = parent.add_subcommand(name, help);
  command->callback([&context, body] { context.run = body; });
  return command;
}

// A group of commands: `cafectl issuer ...`.
CLI::App* add_group(CLI::App& parent, const std::string& name, const std::string& help);

void register_issuer(CLI::App& app, Context& context);         // issuer, manufacturer
void register_denominations(CLI::App& app, Context& context);  // denominations
void register_tls(CLI::App& app, Context& context);            // tls
void register_database(CLI::App& app, Context& context);       // migrate, lineage
void register_accounts(CLI::App& app, Context& context);       // account
void register_payees(CLI::App& app, Context& context);         // payee, terminal
void register_cases(CLI::App& app, Context& context);          // case, evidence
void register_claims(CLI::App& app, Context& context);         // claim
void register_audit(CLI::App& app, Context& context);          // audit
void register_loadtest(CLI::App& app, Context& context);       // loadtest

// Hexadecimal text of an option, with the option's name in the error.
template <typename T>
absl::StatusOr<T> parse_id(const std::string& option, const std::string& hex) {
  const auto bytes = protocol::from_hex(hex);
  if (bytes.ok()) {
    if (auto id = T::decode(*bytes); id.ok()) return *id;
  }
  return protocol::invalid(
      "BAD_OPTION", option + " takes " + std::to_string(T::kSize * 2) + " hexadecimal digits.");
}

// A signed document in a file of hexadecimal digits.
absl::StatusOr<protocol::Bytes> read_hex_file(const std::string& path);
absl::Status write_hex_file(const std::string& path, protocol::ByteView bytes);

}  // namespace cafe::cafectl
