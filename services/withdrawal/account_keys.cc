#include "services/withdrawal/account_keys.h"

#include "absl/container/flat_hash_map.h"

namespace cafe::withdrawal {

absl::StatusOr<KnownAccounts::Keys> KnownAccounts::remember(const AccountRow& row) {
  CAFE_ASSIGN_OR_RETURN(protocol::IdentityPoints points,
                        protocol::IdentityPoints::compute(row.A_O, row.A_Q, row.U));
  auto keys = std::make_shared<const AccountKeys>(AccountKeys{row.K, std::move(points)});
  known_.insert(row.id, keys);
  return keys;
}

std::vector<absl::StatusOr<KnownAccounts::Keys>> KnownAccounts::keys_of(
    std::span<const protocol::AccountId> accounts) {
  std::vector<absl::StatusOr<Keys>> keys(accounts.size(), unknown_account());
  absl::flat_hash_map<protocol::AccountId, std::vector<size_t>> missing;
  for (size_t i = 0; i < accounts.size(); ++i) {
    if (auto known = known_.find(accounts[i])) {
      keys[i] = *std::move(known);
    } else {
      missing[accounts[i]].push_back(i);
    }
  }
  if (missing.empty()) return keys;
  std::vector<protocol::AccountId> ids;
  for (const auto& [id, places] : missing) ids.push_back(id);
  const auto rows =
      db_.transaction({.read_only = true, .idempotent = true, .single_statement = true},
                      [&](Transaction& tx) { return find_accounts(tx, ids); });
  if (!rows.ok()) {
    for (const auto& [id, places] : missing) {
      for (const size_t place : places) keys[place] = rows.status();
    }
    return keys;
  }
  for (const AccountRow& row : *rows) {
    const absl::StatusOr<Keys> found = remember(row);
    for (const size_t place : missing[row.id]) keys[place] = found;
  }
  return keys;
}

absl::StatusOr<KnownAccounts::Keys> KnownAccounts::keys_of(const protocol::AccountId& account) {
  return keys_of(std::span(&account, 1)).front();
}

}  // namespace cafe::withdrawal
