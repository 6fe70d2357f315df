// Deposits: batches of accepted payments, until the acquirer's receipt settles them.
#include <algorithm>

#include "device-sim/firmware/pos/state.h"

namespace cafe::pos {

using firmware::Batch;
using protocol::Bytes;
using protocol::Bytes32;
using protocol::ByteView;
using protocol::DepositOrder;
using protocol::SignedDocument;

namespace {

absl::Status no_batch() {
  return protocol::invalid("RECEIPT_MISMATCH", "The receipt is not of the batch under way.");
}

std::string queue_key(uint64_t number) {
  return record_key(kQueuePrefix, protocol::encode_u64(number));
}

}  // namespace

absl::StatusOr<std::pair<Bytes32, Bill>> Terminal::State::queued_bill(uint64_t number) const {
  const Bytes* digest_bytes = store->find(queue_key(number));
  if (digest_bytes == nullptr) return no_batch();
  CAFE_ASSIGN_OR_RETURN(const Bytes32 digest, protocol::to_array<32>(*digest_bytes));
  CAFE_ASSIGN_OR_RETURN(Bill bill, find_bill(digest));
  return std::make_pair(digest, std::move(bill));
}

absl::StatusOr<std::optional<DepositBatch>> Terminal::next_deposit(size_t most) {
  State& s = *state_;
  const auto payments_of = [&](const BatchRecord& batch) -> absl::StatusOr<std::vector<Bytes>> {
    std::vector<Bytes> payments;
    for (uint64_t number : batch.numbers) {
      CAFE_ASSIGN_OR_RETURN(auto queued, s.queued_bill(number));
      payments.push_back(std::move(queued.second.payment));
    }
    return payments;
  };
  if (const Bytes* record = s.store->find(kBatchKey)) {
    CAFE_ASSIGN_OR_RETURN(const BatchRecord batch, BatchRecord::decode(*record));
    CAFE_ASSIGN_OR_RETURN(std::vector<Bytes> payments, payments_of(batch));
    return DepositBatch{batch.order.encode(), std::move(payments)};
  }

  BatchRecord batch;
  most = std::min(most, protocol::kMaxBatch);
  s.store->scan(kQueuePrefix, [&](std::string_view key, ByteView) {
    if (batch.numbers.size() == most) return;
    const std::string_view number = key.substr(kQueuePrefix.size());
    batch.numbers.push_back(protocol::decode_u64(protocol::view_of(number).first<8>()));
  });
  if (batch.numbers.empty()) return std::nullopt;
  CAFE_ASSIGN_OR_RETURN(std::vector<Bytes> payments, payments_of(batch));
  const DepositOrder order{s.certificate.acquirer_id, s.certificate.payee_id,
                           s.certificate.terminal_id, s.rng.array<16>(),
                           protocol::payments_digest(payments)};
  batch.order = SignedDocument::sign(order.encode(), s.config.key);
  // Stored before it leaves, so that a retry carries the same idempotency key.
  CAFE_RETURN_IF_ERROR(s.store->commit(Batch().put(kBatchKey, batch.encode())));
  return DepositBatch{batch.order.encode(), std::move(payments)};
}

absl::StatusOr<protocol::Receipt> Terminal::on_receipt(ByteView receipt_bytes,
                                                       ByteView key_certificate) {
  State& s = *state_;
  CAFE_ASSIGN_OR_RETURN(const auto document, SignedDocument::decode(receipt_bytes));
  CAFE_ASSIGN_OR_RETURN(protocol::Receipt receipt, protocol::Receipt::decode(document.frame));
  CAFE_ASSIGN_OR_RETURN(const auto certificate_document, SignedDocument::decode(key_certificate));
  // The key had to be valid when it signed: a receipt that is fetched again later is as good.
  CAFE_ASSIGN_OR_RETURN(const auto key, protocol::open_key_certificate(
                                            certificate_document, s.config.anchors,
                                            protocol::kPurposeDeposit, receipt.time_ms / 1000));
  CAFE_RETURN_IF_ERROR(document.check(key.key));

  const Bytes* record = s.store->find(kBatchKey);
  if (record == nullptr) return no_batch();
  CAFE_ASSIGN_OR_RETURN(const BatchRecord batch, BatchRecord::decode(*record));
  CAFE_ASSIGN_OR_RETURN(const DepositOrder order, DepositOrder::decode(batch.order.frame));
  if (key.issuer_id != s.certificate.acquirer_id ||
      receipt.acquirer_id != s.certificate.acquirer_id ||
      receipt.payee_id != s.certificate.payee_id ||
      receipt.idempotency_key != order.idempotency_key ||
      receipt.order_digest != batch.order.digest() ||
      receipt.verdicts.size() != batch.numbers.size()) {
    return no_batch();
  }

  Batch changes;
  for (size_t i = 0; i < batch.numbers.size(); ++i) {
    CAFE_ASSIGN_OR_RETURN(auto queued, s.queued_bill(batch.numbers[i]));
    auto& [digest, bill] = queued;
    bill.state = BillState::kSettled;
    // What the acquirer refused stays here as a whole: it is the payee's own loss to argue.
    if (receipt.verdicts[i].code != protocol::VerdictCode::kRefused) bill.payment.clear();
    changes.put(record_key(kBillPrefix, digest), bill.encode());
    changes.erase(queue_key(batch.numbers[i]));
  }
  Bytes kept = protocol::Frame("pos/receipt").add(receipt_bytes).add(key_certificate).take();
  changes.put(record_key(kReceiptPrefix, protocol::encode_u64(s.next_receipt)), kept);
  changes.erase(kBatchKey);
  CAFE_RETURN_IF_ERROR(s.store->commit(changes));
  ++s.next_receipt;
  return receipt;
}

size_t Terminal::waiting_payments() const { return state_->store->count(kQueuePrefix); }

std::vector<Bytes> Terminal::receipts() const {
  std::vector<Bytes> out;
  state_->store->scan(kReceiptPrefix, [&](std::string_view, ByteView value) {
    auto in = protocol::FrameReader::open("pos/receipt", value);
    if (!in.ok()) return;
    if (auto receipt = in->bytes(); receipt.ok()) out.push_back(*std::move(receipt));
  });
  return out;
}

absl::Status Terminal::prune(uint64_t now_s) {
  State& s = *state_;
  Batch changes;
  s.store->scan(kSlotPrefix, [&](std::string_view key, ByteView value) {
    // A bill of the coin's last second can still be paid for its whole life.
    if (value.size() >= 8 &&
        protocol::decode_u64(value.first<8>()) + kBillLife_ms / 1000 <= now_s) {
      changes.erase(key);
    }
  });
  constexpr uint64_t kKeepBills_s = 86400;
  s.store->scan(kBillPrefix, [&](std::string_view key, ByteView value) {
    const auto bill = Bill::decode(value);
    if (!bill.ok() || bill->state != BillState::kSettled) return;
    const auto terms = protocol::Terms::decode(bill->terms.frame);
    if (terms.ok() && terms->time_ms / 1000 + kKeepBills_s <= now_s) changes.erase(key);
  });
  return s.store->commit(changes);
}

}  // namespace cafe::pos
