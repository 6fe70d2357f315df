// What the flows of this service rest on.
#pragma once

#include "libs/platform/clock.h"
#include "libs/platform/work_pool.h"
#include "libs/storage/key_files.h"
#include "libs/storage/ledger.h"
#include "libs/storage/postgres.h"
#include "services/deposit/denominations.h"
#include "services/deposit/metrics.h"

namespace cafe::deposit {

// All of it outlives whoever is given it.
struct DepositParts {
  const std::string issuer_id;
  const protocol::TrustAnchors& anchors;
  const storage::OnlineKey& key;  // signs receipts and authorizations
  storage::Database& database;
  storage::Ledger& ledger;
  CoinStore& coin_store;
  Denominations& denominations;
  TerminalOpener& terminals;
  platform::WorkPool& check_pool;
  const size_t check_threads;  // of check_pool
  const platform::Clock& clock;
  DepositMetrics& metrics;
};

// Runs a transaction that is safe to run again, and does so while its commit is in doubt.
template <class F>
auto transact(storage::Database& database, F&& fn, bool single_statement = false) {
  constexpr int kAttempts = 3;
  for (int attempt = 1;; ++attempt) {
    auto result =
        database.transaction({.idempotent = true, .single_statement = single_statement}, fn);
    absl::Status status;
    if constexpr (std::is_same_v<decltype(result), absl::Status>) {
      status = result;
    } else {
      status = result.status();
    }
    if (attempt == kAttempts || protocol::reason_of(status) != "COMMIT_IN_DOUBT") return result;
  }
}

}  // namespace cafe::deposit
