#include "services/withdrawal/account_keys.h"

namespace cafe::withdrawal {

absl::StatusOr<std::shared_ptr<const AccountKeys>> KnownAccounts::keys_of(
    const AccountRow& account) {
  if (auto known = known_.find(account.id)) return *std::move(known);
  CAFE_ASSIGN_OR_RETURN(protocol::IdentityPoints points,
                        protocol::IdentityPoints::compute(account.A_O, account.A_Q, account.U));
  auto keys = std::make_shared<const AccountKeys>(AccountKeys{account.K, std::move(points)});
  known_.insert(account.id, keys);
  return keys;
}

absl::StatusOr<std::shared_ptr<const AccountKeys>> KnownAccounts::keys_of(
    const protocol::AccountId& account) {
  if (auto known = known_.find(account)) return *std::move(known);
  CAFE_ASSIGN_OR_RETURN(
      const auto row, db_.transaction({.read_only = true, .idempotent = true},
                                      [&](Transaction& tx) { return find_account(tx, account); }));
  if (!row.has_value()) {
    return protocol::make_error(absl::StatusCode::kNotFound, "UNKNOWN_ACCOUNT",
                                "This issuer has no such account: register first.");
  }
  return keys_of(*row);
}

}  // namespace cafe::withdrawal
