// The SQL of loads (migrations/0011_loads.sql), one function a statement, each within the caller's
// transaction. Besides the errors named here they return those of libs/storage/postgres.h.
#pragma once

#include <optional>

#include "libs/protocol/load_order.h"
#include "libs/storage/postgres.h"

namespace cafe::withdrawal {

// A load that was recorded.
struct RecordedLoad {
  protocol::Bytes32 order_digest;  // of the signed order's frame
  protocol::Bytes loaded;          // the encoded signed answer
};

// Whose account it is, and what never changes of it.
struct LoadHolder {
  protocol::Point K;
  protocol::Serial serial;  // of the account's guardian
};

// Where the account stands.
struct LoadState {
  uint64_t last_load;  // 0: none yet
  bool closed;
  std::optional<RecordedLoad> recorded;  // of the sequence that was asked for
};

struct LoadFacts {
  LoadHolder holder;
  LoadState state;
};

// What there is to know of a load, as of one moment; sequence 0 asks for the newest recorded one.
// NOT_FOUND UNKNOWN_ACCOUNT.
absl::StatusOr<LoadFacts> read_load(storage::Transaction& tx, const protocol::AccountId& account,
                                    uint64_t sequence);

// The same state once the account is locked until the transaction ends, and what it holds of a
// currency. NOT_FOUND UNKNOWN_ACCOUNT.
struct LockedLoad {
  LoadState state;
  uint64_t balance;  // minor units
};
absl::StatusOr<LockedLoad> lock_load(storage::Transaction& tx, const protocol::AccountId& account,
                                     uint64_t sequence, std::string_view currency);

// Records the load, with the certificate of the key that signed its answer, and moves the head of
// the account's sequence to it. INTERNAL CHAIN_BROKEN when the account, which the caller has
// locked, is not at the sequence before.
absl::Status insert_load(storage::Transaction& tx, const protocol::LoadOrder& order,
                         const RecordedLoad& load, protocol::ByteView signed_order,
                         protocol::ByteView key_certificate);

}  // namespace cafe::withdrawal
