// The issuer that a load test asks, as a client sees it, and the options that name it.
#pragma once

#include <CLI/CLI.hpp>
#include <atomic>
#include <string>
#include <string_view>
#include <vector>

#include "libs/protocol/credentials.h"
#include "libs/protocol/denomination.h"
#include "loadtest/generator/account.h"
#include "loadtest/generator/spend.h"
#include "loadtest/scenarios/connections.h"

namespace cafe::loadtest {

// What every scenario is told. Addresses are host:port.
struct IssuerOptions {
  std::string issuer_id;
  std::string trust;  // trust.json
  std::string withdrawal, deposit, doublespend;
  platform::TlsOptions tls{};  // for the methods that are for services, the certificate of one
  uint32_t connections = 4;    // to each service
  uint32_t timeout_ms = 30'000;
  std::vector<std::string> terminals;      // files
  std::string manufacturer_key;            // for scenarios that register accounts
  std::string fund_command;                // reads lines "account currency amount reference"
  std::vector<std::string> denominations;  // ids; empty: all that fit
  uint32_t threads = 2;                    // that make requests before a run
  std::string seed;                        // empty: a random one
  uint64_t preloaded = 0;                  // rows that were in the coin store before
};
// Adds them to a scenario's command; `services` are those that it calls beside withdrawal.
void add_issuer_options(CLI::App& command, IssuerOptions& options);

// Fetched once, in Scenario::prepare.
struct Issuer {
  protocol::TrustAnchors anchors;
  protocol::DenominationList list;
  protocol::Bytes32 list_digest{};
};

// A service's signed answers. All are read; one in 32 is checked with its signature and the chain
// of its key, so that the generator's time stays small. Thread-safe.
class SignedAnswers {
 public:
  // protocol::kPurposeDeposit, ...
  explicit SignedAnswers(std::string_view purpose) : purpose_(purpose) {}
  // The frame of `document`.
  absl::StatusOr<protocol::Bytes> open(const Issuer& issuer, std::string_view document,
                                       std::string_view key_certificate);

 private:
  static constexpr uint64_t kCheckEvery = 32;
  const std::string_view purpose_;
  std::atomic<uint64_t> opened_ = 0;
};

// Errors: BAD_OPTION where the address is missing.
absl::StatusOr<std::unique_ptr<Connections>> connect(const IssuerOptions& options,
                                                     const std::string& service);
// The issuer's newest list, checked under trust.json.
absl::StatusOr<Issuer> fetch_issuer(const IssuerOptions& options, Connections& withdrawal);

// What a scenario does with denominations: coins are withdrawn of real ones, and money of any kind
// is made of those for load tests.
enum class Use : uint8_t { kWithdraw, kMake };
// The denominations that were asked for, or all that fit the use, where they are open now.
// NOT_FOUND NO_DENOMINATION.
absl::StatusOr<std::vector<protocol::Denomination>> choose_denominations(
    const IssuerOptions& options, const Issuer& issuer, Use use, uint64_t now_s);

absl::StatusOr<std::vector<Terminal>> read_terminals(const IssuerOptions& options);

// Makes `count` accounts and registers them, several at a time. An account that is registered
// already counts as registered: the same seed makes the same accounts.
absl::StatusOr<std::vector<Account>> register_accounts(const IssuerOptions& options, uint32_t count,
                                                       const std::string& purpose,
                                                       Connections& withdrawal,
                                                       const Progress& progress);

// Runs the fund command: `amount` minor units of `currency` for each. FUNDING_FAILED.
absl::Status fund_accounts(const IssuerOptions& options, std::span<const Account> accounts,
                           const std::string& currency, uint64_t amount);

uint64_t now_ms();

}  // namespace cafe::loadtest
