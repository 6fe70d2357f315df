#include "loadtest/scenario_list.h"

#include "libs/protocol/rng.h"
#include "loadtest/scenarios/authorize_scenario.h"
#include "loadtest/scenarios/coinstore_scenario.h"
#include "loadtest/scenarios/deposit_scenario.h"
#include "loadtest/scenarios/mixed_scenario.h"
#include "loadtest/scenarios/withdraw_scenario.h"

namespace cafe::loadtest {

namespace {

// Where none was given: coins of another run would be spent twice.
void draw_seed(IssuerOptions& issuer) {
  if (!issuer.seed.empty()) return;
  protocol::SystemRng rng;
  issuer.seed = protocol::to_hex(rng.array<16>());
}

void add_withdraw_options(CLI::App& command, WithdrawOptions& options) {
  const auto option = [&](const char* name, auto& value, const char* help) {
    return command.add_option(name, value, help)->capture_default_str();
  };
  option("--coins-per-order", options.coins_per_order, "Coins in an order, of one denomination")
      ->check(CLI::Range(uint32_t{1}, protocol::kMaxCoinsPerLine));
  option("--accounts", options.accounts, "Accounts, each with one order at a time")
      ->check(CLI::Range(1, 1'000'000));
  option("--checked-share", options.checked_share,
         "Share of orders that are blinded, unblinded and checked as a wallet does")
      ->check(CLI::Range(0.0, 1.0));
}

void add_deposit_options(CLI::App& command, DepositOptions& options) {
  add_mill_options(command, options.mill);
  command
      .add_option("--spenders", options.spenders,
                  "Accounts whose coins pay; registered where some are spent twice")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
}

ScenarioFactory add_deposit(CLI::App& command) {
  auto options = std::make_shared<DepositOptions>();
  add_issuer_options(command, options->issuer);
  add_deposit_options(command, *options);
  CLI::Option* save =
      command.add_option("--save", options->save, "Keep the requests in this file, for --replay");
  command.add_option("--replay", options->replay, "Send the requests of this file")
      ->check(CLI::ExistingFile)
      ->excludes(save)
      ->excludes("--mix");  // the file's own
  return [options]() -> absl::StatusOr<std::unique_ptr<Scenario>> {
    draw_seed(options->issuer);
    return std::make_unique<DepositScenario>(*options);
  };
}

ScenarioFactory add_authorize(CLI::App& command) {
  auto options = std::make_shared<DepositOptions>();
  add_issuer_options(command, options->issuer);
  add_mix_option(command, options->mill.mix);
  return [options]() -> absl::StatusOr<std::unique_ptr<Scenario>> {
    draw_seed(options->issuer);
    return std::make_unique<AuthorizeScenario>(*options);
  };
}

ScenarioFactory add_withdraw(CLI::App& command) {
  auto options = std::make_shared<WithdrawOptions>();
  add_issuer_options(command, options->issuer);
  add_withdraw_options(command, *options);
  return [options]() -> absl::StatusOr<std::unique_ptr<Scenario>> {
    draw_seed(options->issuer);
    return std::make_unique<WithdrawScenario>(*options);
  };
}

ScenarioFactory add_coinstore(CLI::App& command) {
  auto options = std::make_shared<CoinstoreOptions>();
  add_issuer_options(command, options->issuer);
  add_coinstore_options(command, *options);
  return [options]() -> absl::StatusOr<std::unique_ptr<Scenario>> {
    draw_seed(options->issuer);
    return std::make_unique<CoinstoreScenario>(*options);
  };
}

ScenarioFactory add_mixed(CLI::App& command) {
  auto options = std::make_shared<MixedOptions>();
  options->deposit.mill.batch_size = 100;
  IssuerOptions& issuer = options->deposit.issuer;
  add_issuer_options(command, issuer);
  add_deposit_options(command, options->deposit);
  add_withdraw_options(command, options->withdraw);
  command.add_option("--wallets", options->wallets, "Simulated wallets at work beside it; 0: none")
      ->capture_default_str();
  return [options]() -> absl::StatusOr<std::unique_ptr<Scenario>> {
    draw_seed(options->deposit.issuer);
    options->withdraw.issuer = options->deposit.issuer;
    options->coinstore.issuer = options->deposit.issuer;
    return std::make_unique<MixedScenario>(*options);
  };
}

}  // namespace

const std::vector<ScenarioEntry>& scenario_list() {
  static const std::vector<ScenarioEntry> kScenarios = {
      {"deposit", "Batches of payments to the deposit service", add_deposit},
      {"authorize", "Single payments that ask before they are made", add_authorize},
      {"withdraw", "Orders of coins: Open and Complete", add_withdraw},
      {"coinstore", "Rows and look-ups straight at the double-spend service", add_coinstore},
      {"mixed", "Everything at once, simulated devices included", add_mixed},
  };
  return kScenarios;
}

}  // namespace cafe::loadtest
