// What the service's operations work with: the issuer's keys, its books, its clock.
#pragma once

#include <memory>
#include <string>

#include "libs/platform/clock.h"
#include "libs/platform/metrics.h"
#include "libs/protocol/rng.h"
#include "libs/storage/key_files.h"
#include "libs/storage/key_validity.h"
#include "libs/storage/ledger.h"
#include "libs/storage/load_key_file.h"
#include "libs/storage/postgres.h"
#include "libs/storage/rate_limiter.h"
#include "services/withdrawal/account_keys.h"
#include "services/withdrawal/list_keeper.h"
#include "services/withdrawal/registration_nonce.h"

namespace cafe::withdrawal {

// What the operator hands to the service.
struct IssuerKeys {
  protocol::TrustAnchors anchors;
  storage::DenominationSecrets denominations;
  storage::OnlineKey signing;    // purpose "withdrawal"
  storage::LoadSigningKey load;  // signs what guardians are loaded with
  // Of all on-line keys of the issuer, for wallets and terminals; encoded.
  std::vector<protocol::Bytes> certificates;
};

// The most that anything here can be worth.
inline constexpr uint64_t kMostMinorUnits = INT64_MAX;

// Series: cafe_withdrawal_orders_total{outcome}, cafe_withdrawal_registrations_total,
// cafe_withdrawal_coins_issued_total{denomination}, cafe_withdrawal_value_issued_total{currency}.
class OrderMetrics {
 public:
  explicit OrderMetrics(platform::Metrics& metrics);
  platform::Counter& opened;
  platform::Counter& completed;
  platform::Counter& repeated;  // the same order again
  platform::Counter& voided;
  platform::Counter& registered;
  void issued(const protocol::Denomination& denomination, const protocol::DenomId& id,
              uint32_t count, uint64_t value);

 private:
  platform::Metrics& metrics_;
};

// Series: cafe_withdrawal_loads_total{outcome}, cafe_withdrawal_value_loaded_total{currency}.
class LoadMetrics {
 public:
  explicit LoadMetrics(platform::Metrics& metrics);
  platform::Counter& repeated;  // the same order again
  void count(const std::string& currency, uint64_t amount);

 private:
  platform::Counter& loaded_;
  platform::Metrics& metrics_;
};

// Series: cafe_withdrawal_losses_total{authority}, cafe_withdrawal_replacements_total{authority},
// cafe_withdrawal_value_moved_total{currency}.
class LossMetrics {
 public:
  explicit LossMetrics(platform::Metrics& metrics);
  platform::Counter& lost(bool by_key) { return by_key ? lost_by_key_ : lost_by_operator_; }
  platform::Counter& replaced(bool by_key) {
    return by_key ? replaced_by_key_ : replaced_by_operator_;
  }
  void moved(const std::string& currency, uint64_t amount);

 private:
  platform::Counter& lost_by_key_;
  platform::Counter& lost_by_operator_;
  platform::Counter& replaced_by_key_;
  platform::Counter& replaced_by_operator_;
  platform::Metrics& metrics_;
};

// How often anybody may ask (0: no limit), and for how much.
struct CallLimits {
  int64_t registrations_per_minute = 0;  // of one peer address
  int64_t orders_per_minute = 0;         // of one account
  // What the blank cheques of one account may be worth together: minor units, of each currency.
  uint64_t blank_cheque_cap = kMostMinorUnits;
};

// Thread-safe as a whole.
struct Issuer {
  // `db`, `clock`, `rng` and `metrics` must outlive it; `cache` may be null and must, too. In
  // `production` lists for load tests are refused.
  // Errors: FAILED_PRECONDITION WRONG_ISSUER (the key files are of different issuers),
  // UNKNOWN_ISSUER, KEY_EXPIRED (the signing key's certificate).
  static absl::StatusOr<std::unique_ptr<Issuer>> create(
      IssuerKeys keys, const CallLimits& limits, storage::Database& db, storage::Cache* cache,
      const platform::Clock& clock, protocol::Rng& rng, platform::Metrics& metrics,
      bool production);

  const std::string& id() const { return keys.denominations.issuer_id; }
  uint64_t now_s() const { return platform::unix_seconds(clock); }
  protocol::SignedDocument sign(protocol::Bytes frame) const {
    return protocol::SignedDocument::sign(std::move(frame), keys.signing.key);
  }
  // For statements that a judge accepts only of a key that was valid at `time_ms`, which they say
  // that they are of. UNAVAILABLE (KEY_EXPIRED).
  absl::StatusOr<protocol::SignedDocument> sign_dated(protocol::Bytes frame,
                                                      uint64_t time_ms) const {
    CAFE_RETURN_IF_ERROR(storage::check_validity(keys.signing, time_ms / 1000));
    return sign(std::move(frame));
  }
  // INVALID_ARGUMENT WRONG_ISSUER.
  absl::Status check_own(std::string_view issuer_id) const;
  // RESOURCE_EXHAUSTED RATE_LIMITED.
  absl::Status admit_peer(std::string_view address);
  absl::Status admit_account(const protocol::AccountId& account);

  const IssuerKeys keys;
  const protocol::IssuerSecret secret;
  const RegistrationNonces nonces;
  storage::Database& db;
  KnownAccounts accounts;
  KnownZ known_z;
  const std::unique_ptr<storage::Ledger> ledger;
  const platform::Clock& clock;
  protocol::Rng& rng;
  ListKeeper lists;
  OrderMetrics metrics;
  LoadMetrics load_metrics;
  LossMetrics loss_metrics;
  const uint64_t blank_cheque_cap;

 private:
  Issuer(IssuerKeys keys, const CallLimits& limits, const protocol::Point& master_key,
         storage::Database& db, storage::Cache* cache, const platform::Clock& clock,
         protocol::Rng& rng, platform::Metrics& metrics, bool production);

  std::unique_ptr<storage::RateLimiter> peers_;
  std::unique_ptr<storage::RateLimiter> accounts_;
};

}  // namespace cafe::withdrawal
