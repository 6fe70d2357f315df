#include "loadtest/scenarios/mixed_scenario.h"

#include "absl/strings/str_cat.h"
#include "device-sim/simulator/simulation.h"
#include "loadtest/generator/mix.h"

namespace cafe::loadtest {

namespace {
// What each wallet pays in one round of the devices.
constexpr uint32_t kPaymentsEach = 10;
}  // namespace

MixedScenario::MixedScenario(const MixedOptions& options)
    : options_(options), seed_(seed_number(options.deposit.issuer.seed + "/mixed")) {
  CoinstoreOptions lookups = options.coinstore;
  lookups.lookup_share = 1;
  parts_.push_back({std::make_unique<DepositScenario>(options.deposit), 4});
  parts_.push_back({std::make_unique<AuthorizeScenario>(options.deposit), 6});
  parts_.push_back({std::make_unique<WithdrawScenario>(options.withdraw), 4});
  parts_.push_back({std::make_unique<CoinstoreScenario>(lookups), 6});
}

MixedScenario::~MixedScenario() = default;  // the devices are asked to stop, and waited for

size_t MixedScenario::part_of(uint64_t sequence) const {
  uint64_t at = mix(seed_ ^ mix(sequence)) % kShares;
  for (size_t part = 0;; ++part) {
    if (at < parts_[part].share) return part;
    at -= parts_[part].share;
  }
}

absl::Status MixedScenario::prepare(const Progress& progress) {
  for (Part& part : parts_) CAFE_RETURN_IF_ERROR(part.scenario->prepare(progress));
  if (options_.wallets > 0) {
    devices_ = std::jthread([this](const std::stop_token& stop) { run_devices(stop); });
  }
  return absl::OkStatus();
}

absl::Status MixedScenario::prepare_run(uint64_t first_sequence, uint64_t requests,
                                        const Progress& progress) {
  std::vector<uint64_t> counts(parts_.size());
  for (uint64_t i = 0; i < requests; ++i) ++counts[part_of(first_sequence + i)];
  for (size_t i = 0; i < parts_.size(); ++i) {
    CAFE_RETURN_IF_ERROR(parts_[i].scenario->prepare_run(parts_[i].next, counts[i], progress));
  }
  return absl::OkStatus();
}

void MixedScenario::start(uint64_t sequence, Done done) {
  Part& part = parts_[part_of(sequence)];
  part.scenario->start(part.next++, [done = std::move(done)](Outcome outcome) {
    outcome.items = outcome.fate == Fate::kOk ? 1 : 0;
    done(std::move(outcome));
  });
}

void MixedScenario::run_devices(const std::stop_token& stop) {
  const IssuerOptions& issuer = options_.deposit.issuer;
  const auto fail = [this](const std::string& what) {
    const std::lock_guard lock(mutex_);
    failures_.push_back(what);
  };
  host::Latencies latencies;
  const auto backend = host::Backend::connect({.withdrawal_address = issuer.withdrawal,
                                               .deposit_address = issuer.deposit,
                                               .doublespend_address = issuer.doublespend,
                                               .recovery_address = {},
                                               .tls_ca = issuer.tls.ca,
                                               .operator_cert = {},
                                               .operator_key = {}},
                                              latencies);
  if (!backend.ok()) return fail(backend.status().ToString());
  for (uint64_t round = 0; !stop.stop_requested(); ++round) {
    simulator::Simulation simulation({.wallets = options_.wallets,
                                      .payments = options_.wallets * kPaymentsEach,
                                      .double_spenders = 0,
                                      .calendar_command = {},
                                      .mix = {},
                                      .deposit_batch = 20,
                                      .threads = 2,
                                      .seed = absl::StrCat(issuer.seed, "/devices ", round),
                                      .currency = options_.device_currency,
                                      .terminal_files = issuer.terminals,
                                      .trust_file = issuer.trust,
                                      .manufacturer_file = issuer.manufacturer_key,
                                      .issuer_id = issuer.issuer_id,
                                      .fund_command = issuer.fund_command + " >/dev/null",
                                      .line = {},
                                      .quiet = true},
                                     **backend);
    const auto outcome = simulation.run();
    if (!outcome.ok()) return fail(outcome.status().ToString());
    const std::lock_guard lock(mutex_);
    ++device_runs_;
    device_payments_ += outcome->totals.payments;
    failures_.insert(failures_.end(), outcome->failures.begin(), outcome->failures.end());
    if (!failures_.empty()) return;
  }
}

absl::Status MixedScenario::finish(const Progress& progress) {
  if (devices_.joinable()) {
    devices_.request_stop();
    devices_.join();
  }
  for (Part& part : parts_) CAFE_RETURN_IF_ERROR(part.scenario->finish(progress));
  const std::lock_guard lock(mutex_);
  progress(
      absl::StrCat("devices made ", device_payments_, " payments in ", device_runs_, " rounds"));
  if (failures_.empty()) return absl::OkStatus();
  return protocol::refused(
      "DEVICES_FAILED",
      absl::StrCat(failures_.size(), " devices failed; the first: ", failures_.front()));
}

}  // namespace cafe::loadtest
