// The SQL of orders that share a transaction (migrations/0010_order_groups.sql). As in
// withdrawal_store.h, each function is a statement within the caller's transaction.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "services/withdrawal/withdrawal_store.h"

namespace cafe::withdrawal {

// An order, and what it costs as far as that is known: whether the account holds as much is looked
// at. The debits outlive the call.
struct OrderPlace {
  protocol::AccountId account;
  uint64_t n;
  uint64_t time_slot;
  std::span<const protocol::Completion::Debit> debits;
};

struct OrderFacts {
  AccountState state;
  bool slot_void;                           // N is void for the time slot
  std::optional<std::string> short_of;      // a currency of which the account holds too little
  std::optional<CompletedOrder> completed;  // read by lock_orders only
};

// What decides about the orders of a group.
struct GroupFacts {
  std::vector<std::optional<OrderFacts>> orders;  // nullopt: no such account; see lock_orders
  // Of this transaction's database (read_lineage) and now, where any order was found.
  std::optional<protocol::Bytes32> lineage;
  DenomSet stopped;
};

// What there is to know before orders are opened, as of one moment.
absl::StatusOr<GroupFacts> read_orders(Transaction& tx, std::span<const OrderPlace> places);

// The same once the accounts, which all differ, are locked until the transaction ends. With `wait`
// false an account that somebody else has locked is left out, as one that does not exist always is.
absl::StatusOr<GroupFacts> lock_orders(Transaction& tx, std::span<const OrderPlace> places,
                                       bool wait);

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
  protocol::ByteView signed_order;
  protocol::ByteView completion;
  std::vector<IssuedLine> lines;
};
// For each order, of accounts that all differ and are locked: takes the slot's row and (account,
// N), writes the lines, and moves the head of the chain from N - 1 to N. INTERNAL CHAIN_BROKEN when
// one of them is not at N - 1.
absl::Status insert_completions(Transaction& tx, const protocol::Bytes32& lineage,
                                std::span<const NewCompletion> completions);

}  // namespace cafe::withdrawal
