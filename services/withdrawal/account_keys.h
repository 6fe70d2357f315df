// What of an account never changes, so that orders need not fetch and compute it each time.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <tuple>
#include <vector>

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
  using Keys = std::shared_ptr<const AccountKeys>;

  // `db` must outlive it.
  explicit KnownAccounts(storage::Database& db) : db_(db) {}

  // NOT_FOUND UNKNOWN_ACCOUNT.
  absl::StatusOr<Keys> keys_of(const protocol::AccountId& account);
  // One answer for each; what is not known yet is read in one statement.
  std::vector<absl::StatusOr<Keys>> keys_of(std::span<const protocol::AccountId> accounts);

 private:
  absl::StatusOr<Keys> remember(const AccountRow& row);

  storage::Database& db_;
  platform::BoundedCache<protocol::AccountId, Keys> known_{50'000};
};

// z = x·m of a denomination's key x and what an account's coins of it are made of, m: the same in
// all its orders, and public. Thread-safe.
class KnownZ {
 public:
  std::optional<protocol::Point> find(const protocol::DenomId& denomination,
                                      const protocol::Point& m) {
    return known_.find({denomination, m});
  }
  void insert(const protocol::DenomId& denomination, const protocol::Point& m,
              const protocol::Point& z) {
    known_.insert({denomination, m}, z);
  }

 private:
  // A denomination's id is a digest over its H = x·G among others, so it stands for x.
  struct Key {
    protocol::DenomId denomination;
    protocol::Point m;
    bool operator==(const Key&) const = default;
    template <typename H>
    friend H AbslHashValue(H h, const Key& key) {
      return H::combine(std::move(h), key.denomination, key.m.bytes());
    }
  };

  platform::BoundedCache<Key, protocol::Point> known_{50'000};
};

}  // namespace cafe::withdrawal
