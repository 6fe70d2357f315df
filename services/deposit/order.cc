#include "services/deposit/order.h"

#include "libs/protocol/hash.h"
#include "services/deposit/archive.h"

namespace cafe::deposit {

using protocol::DepositOrder;
using protocol::SignedDocument;

absl::StatusOr<ReadOrder> read_order(protocol::ByteView bytes,
                                     std::span<const protocol::Bytes> payments,
                                     std::string_view acquirer_id, size_t max_batch) {
  if (payments.empty()) {
    return protocol::invalid("BATCH_EMPTY", "A deposit holds at least one payment.");
  }
  if (payments.size() > max_batch) {
    return protocol::invalid("BATCH_TOO_LARGE",
                             "A deposit holds at most " + std::to_string(max_batch) +
                                 " payments: send the rest under another idempotency key.");
  }
  CAFE_ASSIGN_OR_RETURN(SignedDocument document, SignedDocument::decode(bytes));
  CAFE_ASSIGN_OR_RETURN(DepositOrder order, DepositOrder::decode(document.frame));
  if (order.acquirer_id != acquirer_id) {
    return protocol::invalid("WRONG_ACQUIRER",
                             "This order is for another acquirer: deposit it there.");
  }
  protocol::Bytes list = encode_list(payments);
  if (order.payments_digest != protocol::sha256(list)) {
    return protocol::invalid("PAYMENTS_MISMATCH",
                             "The order was signed over other payments, or in another order.");
  }
  const protocol::Bytes32 digest = document.digest();
  return ReadOrder{std::move(document), std::move(order), digest, std::move(list)};
}

}  // namespace cafe::deposit
