// Many wallets and shops against a real issuer: withdraw, pay off line, deposit, and some spend
// twice.
//
// The same options and seed plan and draw the same: who pays whom how much, the faults of each
// line, every secret. Only times, and the order in which threads get to a shop, differ from run to
// run.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "device-sim/host/encounter.h"
#include "device-sim/host/errands.h"
#include "device-sim/simulator/devices.h"

namespace cafe::simulator {

using host::Backend;
using host::EncounterResult;
using host::LineOptions;

struct SimulationOptions {
  uint32_t wallets = 100;
  uint32_t payments = 2000;      // in all, double spends aside
  uint32_t double_spenders = 5;  // wallets whose guardian is broken
  uint32_t deposit_batch = 100;  // payments
  uint32_t threads = 4;
  std::string seed = "1";
  std::string currency = "EUR";
  uint64_t funds = 100'000;  // minor units for each account
  std::vector<std::string> terminal_files;
  std::string trust_file;
  std::string manufacturer_file;
  std::string issuer_id;
  std::string fund_command;            // reads lines "account currency amount reference"
  uint32_t case_patience_ms = 60'000;  // how long to wait for the issuer to prove its cases
  LineOptions line;
  bool quiet = false;  // no lines of progress on standard error
};

struct Totals {
  uint64_t registered = 0;
  uint64_t orders = 0;
  uint64_t voided_orders = 0;
  uint64_t coins = 0;
  uint64_t payments = 0;
  uint64_t paid_value = 0;
  uint64_t spends = 0;    // slots that paid
  uint64_t declined = 0;  // payments that came to nothing
  uint64_t contacts = 0;
  uint64_t line_frames = 0;
  uint64_t authorized = 0;
  uint64_t double_spends = 0;  // payments made with a slot that had paid before
  uint64_t deposits = 0;       // batches
  uint64_t deposited = 0;      // payments in them
  uint64_t accepted = 0;       // verdicts
  uint64_t repeats = 0;
  uint64_t credited_spent_before = 0;
  uint64_t spent_before = 0;
  uint64_t refused = 0;
  uint64_t credited_value = 0;
};

struct Outcome {
  Totals totals;
  std::vector<protocol::AccountId> planted;
  std::vector<protocol::AccountId> caught;  // accounts of proved cases
  uint64_t cases = 0;
  uint64_t unproved_cases = 0;
  double seconds = 0;
  double register_s = 0;
  double trade_s = 0;
  double clear_s = 0;
  std::vector<std::string> failures;  // of devices; none in a run that is right
};

class Simulation {
 public:
  Simulation(SimulationOptions options, Backend& backend);
  ~Simulation();
  // Errors: what stops everything (files, no backend). What goes wrong with one device is in
  // Outcome::failures.
  absl::StatusOr<Outcome> run();

 private:
  struct Customer;

  absl::Status prepare();
  absl::Status fund();
  void for_each_customer(const std::function<absl::Status(Customer&)>& body, const char* what);
  absl::Status register_customer(Customer& customer);
  absl::Status trade(Customer& customer);
  absl::Status pay_once(Customer& customer, uint32_t k, protocol::SeededRng& plan);
  absl::Status spend_twice(Customer& customer, protocol::SeededRng& plan);
  absl::StatusOr<EncounterResult> pay_at(Customer& customer, Shop& shop, uint64_t amount,
                                         const std::string& seed);
  absl::Status withdraw(Customer& customer);
  absl::Status deposit(Shop& shop, bool all);
  absl::Status deposit_everything();
  absl::Status note_earlier_cases();
  absl::Status collect_cases();
  std::string seed_of(const Customer& customer, std::string_view what) const;
  void count(const std::function<void(Totals&)>& change);
  void fail(const std::string& who, const absl::Status& status);

  SimulationOptions options_;
  Backend& backend_;
  std::mutex mutex_;
  Outcome outcome_;
  uint64_t last_case_before_ = 0;  // an issuer that is up may have convicted others earlier
  std::vector<std::unique_ptr<Shop>> shops_;
  std::vector<std::unique_ptr<Customer>> customers_;
};

}  // namespace cafe::simulator
