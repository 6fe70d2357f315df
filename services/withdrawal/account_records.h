// What there is of an account, for the recovery service and the operator.
#pragma once

#include "services/withdrawal/issuer.h"
#include "services/withdrawal/loss_rules.h"

namespace cafe::withdrawal {

struct AccountRecord {
  protocol::Bytes registration_file;
  protocol::Bytes receipt;  // signed document, as all below
  Standing standing;
  protocol::Bytes loss_recorded;  // empty where no loss was reported
  struct Successor {
    protocol::Bytes replaced;  // by this account
    protocol::Bytes receipt;   // of its registration
  };
  std::vector<Successor> successors;  // from this account's own to the last of the chain
  uint64_t last_order, last_load;
  // Of every withdrawal key that ever signed here, the oldest first.
  std::vector<protocol::Bytes> key_certificates;
};
// As of one moment. NOT_FOUND UNKNOWN_ACCOUNT.
absl::StatusOr<AccountRecord> get_account(Issuer& issuer, const protocol::AccountId& account);

struct OrderOfAccount {
  uint64_t number;        // N
  protocol::Bytes order;  // encoded signed documents
  protocol::Bytes completion;
};
// Its completed orders after N = `after`, in order: at most `limit`, and fewer where more would not
// fit into an answer; none says that there are no more.
// Errors: BAD_LIMIT (1 to 100); NOT_FOUND UNKNOWN_ACCOUNT.
absl::StatusOr<std::vector<OrderOfAccount>> list_account_orders(Issuer& issuer,
                                                                const protocol::AccountId& account,
                                                                uint64_t after, uint32_t limit);

// The answers to its loads after sequence `after`, in the same way. Encoded signed documents.
absl::StatusOr<std::vector<protocol::Bytes>> list_account_loads(Issuer& issuer,
                                                                const protocol::AccountId& account,
                                                                uint64_t after, uint32_t limit);

// Keeps the certificates of the keys that this service may sign with or did, so far as it was given
// them: get_account hands out all that were ever kept.
absl::Status register_key_certificates(Issuer& issuer);

}  // namespace cafe::withdrawal
