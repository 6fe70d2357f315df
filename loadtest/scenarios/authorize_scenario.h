// `authorize`: single payments above the off-line limit, asked for on line. Terms must be of the
// last minutes, so the payment is made when it is due, from a coin or cheque that was made before.
// A call asks before its first tick.
#pragma once

#include <deque>

#include "loadtest/scenarios/deposit_scenario.h"

namespace cafe::loadtest {

class AuthorizeScenario final : public Scenario {
 public:
  explicit AuthorizeScenario(DepositOptions options) : options_(std::move(options)) {}

  std::string_view item_name() const override { return "payments"; }
  std::string item_mix() const override { return options_.mill.mix.text(); }
  uint32_t items_per_request() const override { return 1; }
  absl::Status prepare(const Progress& progress) override;
  absl::Status prepare_run(uint64_t first_sequence, uint64_t requests,
                           const Progress& progress) override;
  void start(uint64_t sequence, Done done) override;
  Facts facts() const override;

 private:
  Outcome judge(grpc::ByteBuffer& answer);

  DepositOptions options_;
  Issuer issuer_;
  std::vector<Terminal> terminals_;
  std::unique_ptr<PaymentMill> mill_;
  std::deque<SlotToSpend> slots_;
  protocol::SystemRng rng_;
  SignedAnswers answers_{protocol::kPurposeDeposit};

  // Goes first: its end waits for the calls under way, which refer to everything above.
  std::unique_ptr<Connections> deposit_;
};

}  // namespace cafe::loadtest
