// What the operations of this service rest on.
#pragma once

#include "libs/platform/clock.h"
#include "libs/storage/key_files.h"
#include "libs/storage/key_validity.h"
#include "libs/storage/ledger.h"
#include "libs/storage/postgres.h"
#include "services/recovery/denominations.h"
#include "services/recovery/due.h"
#include "services/recovery/fresh.h"
#include "services/recovery/metrics.h"
#include "services/recovery/peers.h"

namespace cafe::recovery {

// All of it outlives whoever is given it.
struct RecoveryParts {
  const std::string issuer_id;
  const protocol::TrustAnchors& anchors;
  const storage::OnlineKey& key;  // signs everything that this service says
  storage::Database& database;
  storage::Ledger& ledger;
  Withdrawal& withdrawal;
  CoinStore& coin_store;
  Deposit& deposit;
  Denominations& denominations;
  const Periods periods;
  const uint64_t claim_interval_ms;  // between two looks at a claim, at least
  const platform::Clock& clock;
  const uint64_t ahead_ms;  // by which a test has set it ahead of the callers' clocks
  RecoveryMetrics& metrics;

  // The time by which a caller's is judged.
  uint64_t callers_now_ms(uint64_t time_ms) const {
    return recovery::callers_now_ms(time_ms, unix_ms(clock), ahead_ms);
  }
  // UNAVAILABLE (KEY_EXPIRED) where the key must not sign what says that it is of `time_ms`, by
  // this service's clock: a late answer can be asked for again, one that no judge accepts stays.
  absl::Status check_key(uint64_t time_ms) const {
    return storage::check_validity(key, time_ms / 1000);
  }
  // Signs a frame that says that it is of `time_ms`. UNAVAILABLE (KEY_EXPIRED).
  absl::StatusOr<protocol::SignedDocument> sign(protocol::Bytes frame, uint64_t time_ms) const {
    CAFE_RETURN_IF_ERROR(check_key(time_ms));
    return protocol::SignedDocument::sign(std::move(frame), key.key);
  }
};

// Runs a transaction that is safe to run again, and does so while its commit is in doubt.
template <class F>
auto transact(storage::Database& database, F&& fn) {
  constexpr int kAttempts = 3;
  const auto status_of = [](const auto& result) -> absl::Status {
    if constexpr (std::is_same_v<std::decay_t<decltype(result)>, absl::Status>) {
      return result;
    } else {
      return result.status();
    }
  };
  auto result = database.transaction({.idempotent = true}, fn);
  for (int attempt = 1; attempt < kAttempts; ++attempt) {
    if (protocol::reason_of(status_of(result)) != "COMMIT_IN_DOUBT") break;
    result = database.transaction({.idempotent = true}, fn);
  }
  return result;
}

// Reads only, in one snapshot.
template <class F>
auto look(storage::Database& database, F&& fn) {
  return database.transaction(
      {.isolation = storage::Isolation::kRepeatableRead, .read_only = true, .idempotent = true},
      fn);
}

}  // namespace cafe::recovery
