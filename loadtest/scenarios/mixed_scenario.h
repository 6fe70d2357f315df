// `mixed`: all services at once. Deposits, authorizations, orders and look-ups in fixed shares at
// the chosen rate, and beside them simulated devices that register, withdraw, pay off line and
// deposit, over and over.
#pragma once

#include <array>
#include <thread>

#include "loadtest/scenarios/authorize_scenario.h"
#include "loadtest/scenarios/coinstore_scenario.h"
#include "loadtest/scenarios/withdraw_scenario.h"

namespace cafe::loadtest {

struct MixedOptions {
  DepositOptions deposit;
  WithdrawOptions withdraw;
  CoinstoreOptions coinstore;
  uint32_t wallets = 4;  // devices at work beside the load; 0: none
  std::string device_currency = "EUR";
};

class MixedScenario final : public Scenario {
 public:
  explicit MixedScenario(const MixedOptions& options);
  ~MixedScenario() override;

  std::string_view item_name() const override { return "requests"; }
  std::string item_mix() const override { return parts_.front().scenario->item_mix(); }
  uint32_t items_per_request() const override { return 1; }
  absl::Status prepare(const Progress& progress) override;
  absl::Status prepare_run(uint64_t first_sequence, uint64_t requests,
                           const Progress& progress) override;
  void start(uint64_t sequence, Done done) override;
  absl::Status finish(const Progress& progress) override;

 private:
  // One kind of request: a scenario of its own with sequence numbers of its own.
  struct Part {
    std::unique_ptr<Scenario> scenario;
    uint64_t share;     // of kShares
    uint64_t next = 0;  // sequence number
  };
  static constexpr uint64_t kShares = 20;
  size_t part_of(uint64_t sequence) const;
  void run_devices(const std::stop_token& stop);

  MixedOptions options_;
  uint64_t seed_;
  std::vector<Part> parts_;
  std::mutex mutex_;
  uint64_t device_runs_ = 0;           // under mutex_
  uint64_t device_payments_ = 0;       // under mutex_
  std::vector<std::string> failures_;  // of devices; under mutex_
  std::jthread devices_;
};

}  // namespace cafe::loadtest
