// cafe-wallet: one person's wallet on a terminal, against a running issuer.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>
#include <iostream>

#include "device-sim/cafe-wallet/session.h"
#include "device-sim/host/files.h"

namespace {

using namespace cafe;  // NOLINT: this file wires it up

int fail(const absl::Status& status) {
  const std::string reason = protocol::reason_of(status);
  std::cerr << "cafe-wallet: " << status.message();
  if (!reason.empty()) std::cerr << " (" << reason << ")";
  std::cerr << "\n";
  return 1;
}

struct Options {
  host::BackendOptions backend;
  cafe_wallet::SessionOptions session;
  std::string folder;
  std::string issuer_id;
  std::string trust_file;
  std::string manufacturer_file;
  std::vector<std::string> terminal_files;
  std::string script;
  std::vector<std::string> commands;
};

// Commands of the command line, of a script, or none where a person types them.
absl::StatusOr<std::unique_ptr<cafe_wallet::Console>> make_console(const Options& options) {
  std::deque<std::string> lines(options.commands.begin(), options.commands.end());
  if (lines.empty() && options.script.empty() && isatty(STDIN_FILENO) == 1) {
    return std::make_unique<cafe_wallet::TerminalConsole>();
  }
  if (lines.empty()) {
    std::ifstream file;
    const bool from_file = !options.script.empty() && options.script != "-";
    if (from_file) file.open(options.script);
    if (from_file && !file) {
      return protocol::invalid("NO_FILE", "Cannot read " + options.script + ".");
    }
    std::istream& in = from_file ? static_cast<std::istream&>(file) : std::cin;
    for (std::string line; std::getline(in, line);) lines.push_back(line);
  }
  cafe_wallet::ScriptConsole::Pad pad;
  if (isatty(STDIN_FILENO) == 1) pad = cafe_wallet::type_digits;
  return std::make_unique<cafe_wallet::ScriptConsole>(std::move(lines), std::cout, pad);
}

absl::Status run(const Options& options) {
  host::Latencies latencies;
  host::BackendOptions services = options.backend;
  services.call_timeout_ms = std::min(services.call_timeout_ms, services.patience_ms);
  CAFE_ASSIGN_OR_RETURN(const auto backend, host::Backend::connect(services, latencies));
  CAFE_ASSIGN_OR_RETURN(const auto anchors, host::read_trust(options.trust_file));
  CAFE_ASSIGN_OR_RETURN(const auto load_keys, host::read_load_keys(options.trust_file));
  CAFE_ASSIGN_OR_RETURN(const auto manufacturer, host::read_signing_key(options.manufacturer_file));
  CAFE_ASSIGN_OR_RETURN(const auto console, make_console(options));
  face::Face face(*console);
  CAFE_ASSIGN_OR_RETURN(const auto pocket,
                        cafe_wallet::Pocket::open(
                            options.folder, {.issuer_id = options.issuer_id, .anchors = anchors},
                            {manufacturer, load_keys}, face));
  std::vector<std::unique_ptr<cafe_wallet::Shop>> shops;
  for (const std::string& file : options.terminal_files) {
    CAFE_ASSIGN_OR_RETURN(auto shop, cafe_wallet::Shop::open(options.folder, file, anchors));
    shops.push_back(std::move(shop));
  }
  cafe_wallet::SessionOptions of_session = options.session;
  of_session.issuer_id = options.issuer_id;
  cafe_wallet::Session session(of_session, *pocket, shops, *backend, face, *console);
  session.finish_what_was_begun();
  const bool person = dynamic_cast<cafe_wallet::TerminalConsole*>(console.get()) != nullptr;
  if (person) console->say("help shows what you can do.");
  return session.run(!person);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  options.backend.patience_ms = 5'000;  // a person waits
  CLI::App app("One person's wallet, against a running issuer.", "cafe-wallet");
  app.set_config("--config", "", "Configuration file (TOML or INI)");
  const auto option = [&](const std::string& name, auto& value, const std::string& help) {
    return app.add_option(name, value, help)->capture_default_str();
  };
  option("--dir", options.folder, "Folder of the wallet's, the guardian's and the shops' memories")
      ->required();
  option("--withdrawal", options.backend.withdrawal_address,
         "Address of the withdrawal service, host:port")
      ->required();
  option("--deposit", options.backend.deposit_address, "Address of the deposit service")
      ->required();
  option("--doublespend", options.backend.doublespend_address,
         "Address of the double-spend service, where a lost wallet's coins are looked up");
  option("--recovery", options.backend.recovery_address,
         "Address of the recovery service: backups, claims, hotlists");
  option("--look-up-spread-ms", options.session.look_up_spread_ms,
         "Over which time the look-ups of a lost wallet are spread");
  option("--tls-ca", options.backend.tls_ca, "PEM file of the CA that names the services");
  option("--patience-ms", options.backend.patience_ms,
         "How long a call is repeated while a service is away");
  option("--issuer-id", options.issuer_id, "The issuer")->required();
  option("--trust", options.trust_file, "trust.json")->required();
  option("--manufacturer-key", options.manufacturer_file,
         "The manufacturer's key file: a new wallet's guardian is made with it")
      ->required();
  option("--terminal", options.terminal_files,
         "A terminal's file, as `cafectl terminal enrol` writes it (one for each shop)")
      ->required();
  option("--currency", options.session.currency, "Currency of all sums");
  option("--fund-command", options.session.fund_command,
         "Funds accounts: reads lines \"account currency amount reference\"");
  option("--line-drop", options.session.line.faults.drop,
         "Frames lost between wallet and terminal, per mille");
  option("--line-cut", options.session.line.cut_per_mille,
         "Contacts that break off in the middle, per mille");
  option("--script", options.script, "Commands and answers, a line each (-: standard input)");
  app.add_option("commands", options.commands, "Commands and answers, instead of a session");
  CLI11_PARSE(app, argc, argv);
  try {
    const absl::Status done = run(options);
    return done.ok() ? 0 : fail(done);
  } catch (const firmware::PowerLost&) {
    std::cerr << "cafe-wallet: a memory file cannot be written: is the disk full?\n";
    return 1;
  }
}
