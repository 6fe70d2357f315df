// cafe-simulator: wallets with guardians and POS terminals against a running issuer.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <iostream>

#include "device-sim/simulator/report.h"

namespace {

using cafe::simulator::Json;

int fail(const absl::Status& status) {
  const std::string reason = cafe::protocol::reason_of(status);
  std::cerr << "cafe-simulator: " << status.message() << (reason.empty() ? "" : " (" + reason + ")")
            << "\n";
  return 1;
}

// What the audit command prints on its standard output, as JSON.
Json run_audit(const std::string& command) {
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return {{"result", "fail"}};
  std::string output;
  char buffer[4096];
  for (size_t n = std::fread(buffer, 1, sizeof buffer, pipe); n > 0;
       n = std::fread(buffer, 1, sizeof buffer, pipe))
    output.append(buffer, n);
  pclose(pipe);
  Json audit = Json::parse(output, nullptr, false);
  return audit.is_object() ? audit : Json{{"result", "fail"}, {"output", output}};
}

}  // namespace

int main(int argc, char** argv) {
  using namespace cafe::simulator;  // NOLINT: this file wires it up
  SimulationOptions options;
  cafe::host::BackendOptions backend_options;
  std::string audit_command;
  std::string report_file;
  std::string mix = to_string(options.mix);
  bool json = false;
  CLI::App app("Simulates wallets with guardians and POS terminals against a running issuer.",
               "cafe-simulator");
  app.set_config("--config", "", "Configuration file (TOML or INI)");
  const auto option = [&](const std::string& name, auto& value, const std::string& help) {
    return app.add_option(name, value, help)->capture_default_str();
  };
  option("--withdrawal", backend_options.withdrawal_address,
         "Address of the withdrawal service, host:port")
      ->required();
  option("--deposit", backend_options.deposit_address, "Address of the deposit service")
      ->required();
  option("--doublespend", backend_options.doublespend_address,
         "Address of the double-spend service")
      ->required();
  option("--recovery", backend_options.recovery_address, "Address of the recovery service");
  option("--tls-ca", backend_options.tls_ca, "PEM file of the CA that names the services");
  option("--operator-cert", backend_options.operator_cert,
         "PEM file of the operator's certificate, to read the cases and to report losses without a "
         "card");
  option("--operator-key", backend_options.operator_key, "PEM file of its key");
  option("--patience-ms", backend_options.patience_ms,
         "How long a call is repeated while a service is away");
  option("--issuer-id", options.issuer_id, "The issuer")->required();
  option("--trust", options.trust_file, "trust.json")->required();
  option("--manufacturer-key", options.manufacturer_file,
         "The manufacturer's key file: guardians are made here")
      ->required();
  option("--terminal", options.terminal_files,
         "A terminal's file, as `cafectl terminal enrol` writes it (one for each shop)")
      ->required();
  option("--fund-command", options.fund_command,
         "Funds the accounts: reads lines \"account currency amount reference\"")
      ->required();
  option("--audit-command", audit_command, "Audits the issuer at the end and prints JSON");
  option("--wallets", options.wallets, "Wallets")->check(CLI::Range(1, 1'000'000));
  option("--payments", options.payments, "Payments of all wallets together");
  option("--double-spenders", options.double_spenders,
         "Wallets whose guardian is broken; each spends some slots twice");
  option("--overdrawers", options.overdrawers,
         "Wallets whose guardian forgets what its counter paid; each pays it out twice. All others "
         "pay back what they have left first, so that nothing hides it");
  option("--large", options.large, "Wallets that pay once above the off-line limit");
  option("--identified", options.identified,
         "Wallets that pay once above the identification limit");
  option("--lost", options.lost, "Wallets that are lost in the middle of their errands");
  option("--stolen", options.stolen,
         "Wallets that are stolen; the thief pays as long as no PIN is asked for");
  option("--broken", options.broken, "Wallets that break");
  option("--no-pin-value", options.no_pin_value,
         "What can be paid without the payment PIN, where there is one, minor units");
  option(
      "--calendar-command", options.calendar_command,
      "Turns the recovery service's calendar to the day when all claims are final, which is then "
      "waited for");
  option("--mix", mix,
         "Shares of purses (coins, split, cheques, both) and errands (bills, calls, back)");
  option("--purse", options.purse_value, "What a wallet can pay at any time, minor units");
  option("--deposit-batch", options.deposit_batch, "Payments in a deposit")
      ->check(CLI::Range(1, 1000));
  option("--threads", options.threads, "Wallets that act at one time")->check(CLI::Range(1, 256));
  option("--seed", options.seed, "Everything but times is drawn from it");
  option("--currency", options.currency, "Currency of all payments");
  option("--funds", options.funds, "Minor units for each account");
  option("--line-drop", options.line.faults.drop,
         "Frames lost between wallet and terminal, per mille");
  option("--line-duplicate", options.line.faults.duplicate, "Frames repeated, per mille");
  option("--line-corrupt", options.line.faults.corrupt, "Frames altered, per mille");
  option("--line-cut", options.line.cut_per_mille,
         "Contacts that break off in the middle, per mille");
  option("--report", report_file, "Also write the report to this file, as JSON");
  app.add_flag("--json", json, "Print the report as JSON");
  CLI11_PARSE(app, argc, argv);

  const auto parsed_mix = parse_mix(mix);
  if (!parsed_mix.ok()) return fail(parsed_mix.status());
  options.mix = *parsed_mix;
  cafe::host::Latencies latencies;
  const auto backend = cafe::host::Backend::connect(backend_options, latencies);
  if (!backend.ok()) return fail(backend.status());
  // What others did before is not this run's.
  const Json before =
      audit_command.empty() || options.overdrawers == 0 ? Json() : run_audit(audit_command);
  Simulation simulation(options, **backend);
  const auto outcome = simulation.run();
  if (!outcome.ok()) return fail(outcome.status());
  const Json audit = audit_command.empty() ? Json() : run_audit(audit_command);
  const Json report =
      make_report(options, *outcome, latencies, (*backend)->repeated_calls(), before, audit);
  if (!report_file.empty()) std::ofstream(report_file) << report.dump(2) << "\n";
  std::cout << (json ? report.dump(2) + "\n" : to_text(report));
  return report["result"] == "pass" ? 0 : 1;
}
