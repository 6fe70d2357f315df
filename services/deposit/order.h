// The first look at a deposit: is it one order over exactly these payments?
#pragma once

#include "libs/protocol/deposit.h"

namespace cafe::deposit {

struct ReadOrder {
  protocol::SignedDocument document;
  protocol::DepositOrder order;
  protocol::Bytes32 digest;  // of the order's frame: what the receipt refers to
  protocol::Bytes payments;  // encode_list of the payments: what its payments digest is taken over
};

// Decodes the order and checks it against what came with it. INVALID_ARGUMENT: BATCH_EMPTY,
// BATCH_TOO_LARGE (more than `max_batch`, itself at most protocol::kMaxBatch), WRONG_ACQUIRER,
// PAYMENTS_MISMATCH, and the decoders' reasons. Who signed it is not checked here.
absl::StatusOr<ReadOrder> read_order(protocol::ByteView bytes,
                                     std::span<const protocol::Bytes> payments,
                                     std::string_view acquirer_id, size_t max_batch);

}  // namespace cafe::deposit
