// The SQL of the withdrawal service (migrations/0004_withdrawal.sql), one function a statement,
// each within the caller's transaction; that of groups of orders is in order_store.h. Besides the
// errors named here they return those of libs/storage/postgres.h.
#pragma once

#include <optional>
#include <vector>

#include "libs/protocol/registration.h"
#include "libs/protocol/rng.h"
#include "libs/protocol/withdrawal_issuer.h"
#include "libs/storage/postgres.h"
#include "services/withdrawal/order_rules.h"

namespace cafe::withdrawal {

using storage::Transaction;

// Lists -----------------------------------------------------------------------------------------

struct ListRow {
  uint32_t number;
  protocol::Bytes document;  // encoded signed document
};
// All lists from number `from` on, in order.
absl::StatusOr<std::vector<ListRow>> lists_from(Transaction& tx, uint32_t from);
// NOT_FOUND LIST_UNKNOWN.
absl::StatusOr<ListRow> find_list(Transaction& tx, uint32_t number);
absl::StatusOr<DenomSet> stopped_denominations(Transaction& tx);
// Stopping again changes nothing. Returns whether it is new. NOT_FOUND UNKNOWN_DENOMINATION.
absl::StatusOr<bool> insert_stop(Transaction& tx, const protocol::DenomId& id,
                                 std::string_view reason, std::string_view stopped_by);

// Accounts --------------------------------------------------------------------------------------

// NOT_FOUND UNKNOWN_ACCOUNT.
absl::Status unknown_account();

// What of an account never changes.
struct AccountRow {
  protocol::AccountId id;
  protocol::Point A_O, A_Q, U, K;
};
// Those of `ids`, each named once, that there are, in any order.
absl::StatusOr<std::vector<AccountRow>> find_accounts(Transaction& tx,
                                                      std::span<const protocol::AccountId> ids);

// The part of an account that orders change, locked until the transaction ends: orders, voids and
// the closing of one account come one after the other.
struct AccountState {
  uint64_t last_order;
  bool closed;
};
// NOT_FOUND UNKNOWN_ACCOUNT.
absl::StatusOr<AccountState> lock_account(Transaction& tx, const protocol::AccountId& id);

// The receipt of the registration with this digest, if it took effect.
absl::StatusOr<std::optional<protocol::Bytes>> find_receipt(Transaction& tx,
                                                            const protocol::Bytes32& digest);
// ALREADY_EXISTS, with constraint_of naming what is taken.
absl::Status insert_account(Transaction& tx, const protocol::CheckedRegistration& checked,
                            const protocol::RegistrationFile& file, const protocol::Bytes& receipt);

struct FoundAccount {
  protocol::AccountId id;
  protocol::Bytes registration_file;
  bool closed;
};
absl::StatusOr<std::optional<FoundAccount>> find_by_identity(Transaction& tx,
                                                             const protocol::Point& identity);
// Convicts a locked account, and closes it where it is open; one that is convicted already stays
// so.
absl::Status close_account(Transaction& tx, const protocol::AccountId& id, uint64_t case_number);

// Orders ----------------------------------------------------------------------------------------

struct CompletedOrder {
  protocol::Bytes32 order_digest;
  protocol::Bytes completion;  // encoded signed document
};
absl::StatusOr<std::optional<CompletedOrder>> find_completed(Transaction& tx,
                                                             const protocol::AccountId& account,
                                                             uint64_t n);
// The void statement of (account, N, time slot), if it was voided.
absl::StatusOr<std::optional<protocol::Bytes>> find_void(Transaction& tx,
                                                         const protocol::AccountId& account,
                                                         uint64_t n, uint64_t time_slot);
absl::Status insert_void(Transaction& tx, const protocol::VoidedOrder& voided,
                         const protocol::Bytes& statement);

// Lineage ---------------------------------------------------------------------------------------

// The lineage that nonces of this very transaction's database belong to (README.md); nullopt when
// no epoch was drawn for its present incarnation yet, so that no order can have been opened under
// it.
absl::StatusOr<std::optional<protocol::Bytes32>> read_lineage(Transaction& tx);
// The same out of a row that holds what withdrawal.present_lineage gives, from this column on.
std::optional<protocol::Bytes32> lineage_at(const storage::Row& row, int column);
// Draws the epoch of the present incarnation unless another replica was first.
absl::StatusOr<protocol::Bytes32> draw_lineage(Transaction& tx, protocol::Rng& rng);

}  // namespace cafe::withdrawal
