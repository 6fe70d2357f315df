#include "services/deposit/archived_payment.h"

namespace cafe::deposit {
namespace {

using protocol::Bytes;
using storage::Transaction;

absl::Status unknown_payment() {
  return protocol::make_error(absl::StatusCode::kNotFound, "UNKNOWN_PAYMENT",
                              "The batch holds no such payment of one of the payee's terminals.");
}

}  // namespace

absl::StatusOr<ArchivedPayment> find_archived_payment(storage::Database& database, uint64_t batch,
                                                      uint32_t payment) {
  return database.transaction(
      {.read_only = true, .idempotent = true},
      [&](Transaction& tx) -> absl::StatusOr<ArchivedPayment> {
        CAFE_ASSIGN_OR_RETURN(const StoredBatch stored, store::load_batch(tx, batch));
        CAFE_ASSIGN_OR_RETURN(std::vector<Bytes> payments,
                              decode_list(stored.payments, stored.payment_count));
        if (payment >= payments.size()) return unknown_payment();
        const ReadPayment read = read_payment(payments[payment]);
        if (!read.terms || read.terms->payee_id != stored.payee_id) return unknown_payment();
        CAFE_ASSIGN_OR_RETURN(
            const std::vector<EnrolledTerminal> terminals,
            store::find_terminals(tx, stored.payee_id, {&read.terms->terminal_id, 1}));
        if (terminals.empty()) return unknown_payment();
        return ArchivedPayment{std::move(payments[payment]), terminals.front().credential,
                               stored.payee_id, stored.received_ms};
      });
}

}  // namespace cafe::deposit
