// The issuer's signed lists of denominations, all of them: a claim may be of coins that no newer
// list names. Fetched from withdrawal, verified, kept in memory; claims need withdrawal anyway.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include "libs/platform/clock.h"
#include "libs/platform/metrics.h"
#include "services/recovery/peers.h"

namespace cafe::recovery {

// What the lists say, as of one moment.
struct KnownLists {
  struct List {
    protocol::SignedDocument document;
    protocol::DenominationList list;
  };
  std::vector<List> lists;  // by number, from 1
  protocol::DenominationTable table;

  // The fewest newest lists that name all of `ids`.
  std::vector<protocol::SignedDocument> lists_of(std::span<const protocol::DenomId> ids) const;
};

// Thread-safe.
class Denominations {
 public:
  // `withdrawal` and `clock` outlive this. In `production` a list with a load-test denomination is
  // refused (LOADTEST_DENOMINATION).
  Denominations(std::string issuer_id, const protocol::Point& master_key, Withdrawal& withdrawal,
                const platform::Clock& clock, platform::Metrics& metrics, bool production);

  // Fetches what is new. WRONG_ISSUER, and the reasons of open_list and check_successor; the lists
  // known stay.
  absl::Status refresh();

  // Lists that name all `ids`, after a refresh where those known do not and the last attempt was a
  // second ago or more. Lists that do not name all only where a refresh that began later than this
  // call says that there is no newer one: a claim is refused by them for good. Otherwise
  // UNAVAILABLE (DENOMINATIONS_UNKNOWN).
  absl::StatusOr<std::shared_ptr<const KnownLists>> known(std::span<const protocol::DenomId> ids);

 private:
  absl::Status refresh_locked();  // under refresh_mutex_
  absl::StatusOr<KnownLists::List> fetch(uint32_t number);
  std::shared_ptr<const KnownLists> current() const;

  const std::string issuer_id_;
  const protocol::Point master_key_;
  Withdrawal& withdrawal_;
  const platform::Clock& clock_;
  const bool production_;
  platform::Gauge& number_;

  std::mutex refresh_mutex_;  // one refresh at a time
  absl::Time last_attempt_ = absl::InfinitePast();
  std::atomic<uint64_t> attempts_ = 0;  // that began; changed under refresh_mutex_
  uint64_t last_success_ = 0;           // the number of the newest attempt that succeeded

  mutable std::mutex mutex_;
  std::shared_ptr<const KnownLists> known_;
};

}  // namespace cafe::recovery
