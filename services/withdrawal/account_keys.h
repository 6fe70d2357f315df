// What of an account never changes, so that orders need not fetch and compute it each time.
#pragma once

#include <memory>

#include "libs/platform/bounded_cache.h"
#include "services/withdrawal/withdrawal_store.h"

namespace cafe::withdrawal {

struct AccountKeys {
  protocol::Point K;                // signs what the account holder asks for
  protocol::IdentityPoints points;  // what her coins are made of
};

// Thread-safe.
class KnownAccounts {
 public:
  // `db` must outlive it.
  explicit KnownAccounts(storage::Database& db) : db_(db) {}

  // Of an account that is at hand.
  absl::StatusOr<std::shared_ptr<const AccountKeys>> keys_of(const AccountRow& account);
  // NOT_FOUND UNKNOWN_ACCOUNT.
  absl::StatusOr<std::shared_ptr<const AccountKeys>> keys_of(const protocol::AccountId& account);

 private:
  storage::Database& db_;
  platform::BoundedCache<protocol::AccountId, std::shared_ptr<const AccountKeys>> known_{50'000};
};

}  // namespace cafe::withdrawal
