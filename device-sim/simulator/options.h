// What is simulated.
#pragma once

#include <string>
#include <vector>

#include "device-sim/host/encounter.h"
#include "device-sim/simulator/mix.h"

namespace cafe::simulator {

struct SimulationOptions {
  uint32_t wallets = 100;
  uint32_t payments = 2000;      // errands in all, frauds aside
  uint32_t double_spenders = 5;  // wallets whose guardian is broken, and answers twice
  uint32_t overdrawers = 0;      // wallets whose guardian is broken, and forgets what it paid
  uint32_t large = 0;            // wallets that pay once above the off-line limit
  uint32_t identified = 0;       // and once above the identification limit
  // Honest wallets that are lost, stolen or broken in the middle of their errands. Their owners get
  // another one, and their money back.
  uint32_t lost = 0;
  uint32_t stolen = 0;
  uint32_t broken = 0;
  // What can be paid without the payment PIN, minor units: of wallets that will be stolen.
  uint64_t no_pin_value = 2000;
  // Turns the recovery service's calendar forward, to the day when all claims are final. Empty:
  // what is held stays held, and is reported.
  std::string calendar_command;
  uint32_t claim_patience_ms = 60'000;  // how long to wait for the issuer to settle claims
  Mix mix;
  uint32_t deposit_batch = 100;  // payments
  uint32_t threads = 4;
  std::string seed = "1";
  std::string currency = "EUR";
  uint64_t funds = 1'000'000;  // minor units for each account
  // What a wallet can pay at any time, minor units.
  uint64_t purse_value = 4000;
  std::vector<std::string> terminal_files;
  std::string trust_file;
  std::string manufacturer_file;
  std::string issuer_id;
  std::string fund_command;            // reads lines "account currency amount reference"
  uint32_t case_patience_ms = 60'000;  // how long to wait for the issuer to prove its cases
  host::LineOptions line;
  bool quiet = false;  // no lines of progress on standard error
};

}  // namespace cafe::simulator
