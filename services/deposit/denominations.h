// The denominations that this acquirer takes: the issuer's signed lists, fetched from withdrawal,
// kept in the database, so that deposits go on while withdrawal is down.
//
// Lists of other issuers come with settlement; until then their coins are UNKNOWN_DENOMINATION.
#pragma once

#include <memory>
#include <mutex>

#include "libs/platform/clock.h"
#include "libs/platform/metrics.h"
#include "libs/storage/postgres.h"
#include "services/deposit/peers.h"

namespace cafe::deposit {

// Thread-safe.
class Denominations {
 public:
  // `master_key` is the issuer's; everything else must outlive this. In `production` a list with a
  // load-test denomination is refused (LOADTEST_DENOMINATION).
  Denominations(std::string issuer_id, const protocol::Point& master_key,
                storage::Database& database, Withdrawal& withdrawal, const platform::Clock& clock,
                platform::Metrics& metrics, bool production);

  // Reads what is stored. Every document is verified again: the database is not trusted with this.
  absl::Status load();

  // Fetches the newest list, verifies it, and stores it where it may follow the newest one here.
  // DATA_LOSS (LIST_EQUIVOCATION) for another list of a number that is known: the one known stays.
  absl::Status refresh();

  // refresh, unless the last attempt was less than a second ago: for a coin of a denomination that
  // is not known here, which may stand in a list that was just signed.
  void refresh_for_unknown();

  // Everything in all lists known. UNAVAILABLE (DENOMINATIONS_UNKNOWN) before the first.
  absl::StatusOr<std::shared_ptr<const protocol::DenominationTable>> table() const;

 private:
  struct KnownList {
    protocol::SignedDocument document;
    protocol::DenominationList list;
  };
  absl::StatusOr<KnownList> open(protocol::ByteView encoded) const;
  // OK and true where `candidate` is newer than all that is known and may follow it.
  absl::StatusOr<bool> check_next(const KnownList& candidate) const;
  void publish(std::vector<KnownList> lists);

  const std::string issuer_id_;
  const protocol::Point master_key_;
  storage::Database& database_;
  Withdrawal& withdrawal_;
  const platform::Clock& clock_;
  const bool production_;
  platform::Gauge& number_;
  platform::Counter& equivocations_;

  std::mutex refresh_mutex_;  // one refresh at a time
  absl::Time last_attempt_ = absl::InfinitePast();
  std::vector<KnownList> lists_;  // ascending; under refresh_mutex_

  mutable std::mutex table_mutex_;
  std::shared_ptr<const protocol::DenominationTable> table_;
};

}  // namespace cafe::deposit
