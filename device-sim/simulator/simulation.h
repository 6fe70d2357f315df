// Many wallets and shops against a real issuer: withdraw, pay off line with every kind of money,
// talk by the tick, pay back, deposit; some spend twice, some guardians forget what they paid, and
// some wallets are lost, stolen or broken, and their money is claimed.
//
// The same options and seed plan and draw the same: who pays whom how much, the faults of each
// line, every secret. Only times, and the order in which threads get to a shop, differ from run to
// run.
#pragma once

#include <functional>

#include "device-sim/simulator/customer.h"

namespace cafe::simulator {

class Simulation {
 public:
  Simulation(SimulationOptions options, host::Backend& backend);
  ~Simulation();
  // Errors: what stops everything (files, no backend, BAD_OPTION). What goes wrong with one device
  // is in Outcome::failures.
  absl::StatusOr<Outcome> run();

 private:
  absl::Status check_options() const;
  absl::Status prepare();
  absl::Status fund();
  void for_each_customer(const std::function<absl::Status(Customer&)>& body, const char* what);
  absl::Status deposit_everything();
  // Everybody pays back what is left; then nothing hides what the forgetful guardians let through.
  absl::Status overdraw();
  absl::Status turn_calendar();
  absl::Status settle_claims();
  absl::Status note_earlier_cases();
  absl::Status collect_cases();

  const SimulationOptions options_;
  host::Backend& backend_;
  Street street_;
  uint64_t last_case_before_ = 0;  // an issuer that is up may have convicted others earlier
  std::vector<std::unique_ptr<Customer>> customers_;
};

}  // namespace cafe::simulator
