// Keeps the newest published list in memory, and what was stopped since.
#pragma once

#include <memory>
#include <mutex>

#include "libs/platform/clock.h"
#include "libs/platform/metrics.h"
#include "libs/storage/postgres.h"
#include "services/withdrawal/denomination_book.h"
#include "services/withdrawal/order_rules.h"
#include "services/withdrawal/withdrawal_store.h"

namespace cafe::withdrawal {

// What is on offer at one moment.
struct Offer {
  std::shared_ptr<const DenominationBook> book;
  DenomSet stopped;
};

// Thread-safe. Series: cafe_withdrawal_alarm{kind}: 1 while it holds.
//   list_refused         a published list does not verify under the master key, or may not follow
//                        the one before, or is for load tests and this is production; the last good
//                        one stays in use
//   list_replaced        the database holds another list under the number of one that was in use:
//                        two lists of one number are evidence against the issuer
//   key_missing          denominations on offer that this service has no key for (their number)
//   denomination_stopped denominations that were stopped (their number)
class ListKeeper {
 public:
  // `secrets`, `clock` and `metrics` must outlive it. In `production` a list with a load-test
  // denomination is refused (LOADTEST_DENOMINATION).
  ListKeeper(const protocol::Point& master_key, const storage::DenominationSecrets& secrets,
             const platform::Clock& clock, platform::Metrics& metrics, bool production);

  // Reads what was published or stopped since. A list that is refused is no error here: the alarm
  // is raised and the last good one stays. Errors: the database's.
  absl::Status refresh(storage::Database& db);

  // Why the newest list that was looked at is not in use; OK where it is.
  absl::Status newest_refusal() const;

  // UNAVAILABLE NO_DENOMINATIONS before the first good list.
  absl::StatusOr<std::shared_ptr<const Offer>> offer() const;

  // Opens a list of any number, as it may be handed out.
  absl::StatusOr<protocol::SignedDocument> verified(protocol::ByteView document) const;

 private:
  std::shared_ptr<const DenominationBook> advance(std::shared_ptr<const DenominationBook> book,
                                                  const std::vector<ListRow>& published);
  absl::StatusOr<std::shared_ptr<const DenominationBook>> open(
      const ListRow& row, const DenominationBook* before) const;
  // The newest good list, or null.
  std::shared_ptr<const DenominationBook> book() const;

  const protocol::Point master_key_;
  const storage::DenominationSecrets& secrets_;
  const platform::Clock& clock_;
  const bool production_;
  platform::Gauge& list_refused_;
  platform::Gauge& list_replaced_;
  platform::Gauge& key_missing_;
  platform::Gauge& stopped_;
  std::mutex refreshing_;
  uint32_t seen_ = 0;  // the highest number looked at; under refreshing_
  mutable std::mutex mutex_;
  std::shared_ptr<const Offer> offer_;  // under mutex_
  absl::Status newest_refusal_;         // under mutex_
};

}  // namespace cafe::withdrawal
