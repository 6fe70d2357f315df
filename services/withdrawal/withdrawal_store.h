// The SQL of the withdrawal service (migrations/0004_withdrawal.sql), one function a statement,
// each within the caller's transaction. Besides the errors named here they return those of
// libs/storage/postgres.h.
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

struct AccountRow {
  protocol::AccountId id;
  protocol::Point A_O, A_Q, U, K;
  uint64_t last_order;
  bool closed;
};
absl::StatusOr<std::optional<AccountRow>> find_account(Transaction& tx,
                                                       const protocol::AccountId& id);

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
// Of a locked, open account.
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

// What there is to know before an order is opened, as of one moment.
struct OpenFacts {
  AccountRow account;
  bool slot_void;                            // N is void for this time slot
  std::optional<protocol::Bytes32> lineage;  // see read_lineage
  DenomSet stopped;
  std::optional<std::string> short_of;  // a currency of which the account holds less than asked for
};
// nullopt: there is no such account.
absl::StatusOr<std::optional<OpenFacts>> read_open_facts(
    Transaction& tx, const protocol::AccountId& account, uint64_t n, uint64_t time_slot,
    std::span<const protocol::Completion::Debit> debits);

// What decides about order N that was opened in a time slot, once the account is locked until the
// transaction ends.
struct OrderFacts {
  AccountState state;
  std::optional<CompletedOrder> completed;
  bool slot_void;
  std::optional<protocol::Bytes32> lineage;  // see read_lineage
  DenomSet stopped;
};
// NOT_FOUND UNKNOWN_ACCOUNT.
absl::StatusOr<OrderFacts> lock_order(Transaction& tx, const protocol::AccountId& account,
                                      uint64_t n, uint64_t time_slot);

// A line as it was issued.
struct IssuedLine {
  protocol::DenomId denom_id;
  uint32_t count;
  uint64_t value;  // minor units
};
struct NewCompletion {
  protocol::AccountId account;
  uint64_t n;
  uint64_t time_slot;
  protocol::Bytes32 order_digest;
  protocol::Bytes32 lineage;
  protocol::Bytes signed_order;
  protocol::Bytes completion;
  std::vector<IssuedLine> lines;
};
// Takes the slot's row and (account, N), writes the lines, and moves the head of the chain from
// N - 1 to N. INTERNAL CHAIN_BROKEN when the account, which the caller has locked, is not at N - 1.
absl::Status insert_completion(Transaction& tx, const NewCompletion& completion);

// Lineage ---------------------------------------------------------------------------------------

// The lineage that nonces of this very transaction's database belong to (README.md); nullopt when
// no epoch was drawn for its present incarnation yet, so that no order can have been opened under
// it.
absl::StatusOr<std::optional<protocol::Bytes32>> read_lineage(Transaction& tx);
// Draws the epoch of the present incarnation unless another replica was first.
absl::StatusOr<protocol::Bytes32> draw_lineage(Transaction& tx, protocol::Rng& rng);

}  // namespace cafe::withdrawal
