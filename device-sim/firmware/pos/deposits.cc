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

bool is_settling(protocol::VerdictCode code) {
  return code == protocol::VerdictCode::kAccepted || code == protocol::VerdictCode::kRepeat;
}

}  // namespace

// The payment as it is deposited: of a call, with the tick that the batch shows.
absl::StatusOr<Bytes> Terminal::State::payment_of(const BatchItem& item) const {
  CAFE_ASSIGN_OR_RETURN(Bill bill, find_bill(item.terms_digest));
  if (item.tick.empty()) return std::move(bill.payment);
  CAFE_ASSIGN_OR_RETURN(protocol::Payment payment, protocol::Payment::decode(bill.payment));
  CAFE_ASSIGN_OR_RETURN(payment.spends.front().tick, protocol::TickReveal::decode(item.tick));
  return payment.encode();
}

absl::StatusOr<std::optional<DepositBatch>> Terminal::next_deposit(size_t most, Calls calls) {
  State& s = *state_;
  const auto payments_of = [&](const BatchRecord& batch) -> absl::StatusOr<std::vector<Bytes>> {
    std::vector<Bytes> payments;
    for (const BatchItem& item : batch.items) {
      CAFE_ASSIGN_OR_RETURN(Bytes payment, s.payment_of(item));
      payments.push_back(std::move(payment));
    }
    return payments;
  };
  if (const Bytes* record = s.store->find(kBatchKey)) {
    CAFE_ASSIGN_OR_RETURN(const BatchRecord batch, BatchRecord::decode(*record));
    CAFE_ASSIGN_OR_RETURN(std::vector<Bytes> payments, payments_of(batch));
    return DepositBatch{batch.order.encode(), std::move(payments)};
  }

  BatchRecord batch;
  CAFE_ASSIGN_OR_RETURN(batch.items, s.next_items(std::min(most, protocol::kMaxBatch), calls));
  if (batch.items.empty()) return std::nullopt;
  CAFE_ASSIGN_OR_RETURN(std::vector<Bytes> payments, payments_of(batch));
  const DepositOrder order{s.certificate.acquirer_id, s.certificate.payee_id,
                           s.certificate.terminal_id, s.rng.array<16>(),
                           protocol::payments_digest(payments)};
  batch.order = SignedDocument::sign(order.encode(), s.config.key);
  // Stored before it leaves, so that a retry carries the same idempotency key, and the same ticks.
  CAFE_RETURN_IF_ERROR(s.store->commit(Batch().put(kBatchKey, batch.encode())));
  return DepositBatch{batch.order.encode(), std::move(payments)};
}

absl::StatusOr<std::vector<BatchItem>> Terminal::State::next_items(size_t most, Calls calls) const {
  const auto last_tick = [&](const Bytes32& terms_digest) {
    const Bytes* record = store->find(record_key(kTickPrefix, terms_digest));
    return record != nullptr ? *record : Bytes();
  };
  std::vector<BatchItem> items;
  absl::Status status;
  store->scan(kQueuePrefix, [&](std::string_view key, ByteView value) {
    if (items.size() == most) return;
    const std::string_view number = key.substr(kQueuePrefix.size());
    const auto terms_digest = protocol::to_array<32>(value);
    status.Update(terms_digest.status());
    if (!terms_digest.ok()) return;
    items.push_back({*terms_digest, protocol::decode_u64(protocol::view_of(number).first<8>()),
                     last_tick(*terms_digest)});
  });
  CAFE_RETURN_IF_ERROR(status);
  if (calls == Calls::kEnded) return items;
  for (const auto& [terms_digest, going_on] : running) {
    if (items.size() == most) break;
    CAFE_ASSIGN_OR_RETURN(const CallRecord call, find_call(terms_digest));
    if (going_on.ticks > call.deposited)
      items.push_back({terms_digest, 0, last_tick(terms_digest)});
  }
  return items;
}

void Terminal::State::queue_or_settle(Batch& batch, const Bytes32& terms_digest, CallRecord call,
                                      Bill bill, uint32_t held, bool keep_payment) {
  if (held > call.deposited) {
    if (call.queue == 0) {
      call.queue = next_queue++;
      batch.put(queue_key(call.queue), terms_digest);
    }
  } else {
    if (call.queue != 0) batch.erase(queue_key(call.queue));
    call.queue = 0;
    bill.state = BillState::kSettled;
    if (!keep_payment) {
      bill.payment.clear();
      batch.erase(record_key(kTickPrefix, terms_digest));
    }
    batch.put(record_key(kBillPrefix, terms_digest), bill.encode());
  }
  batch.put(record_key(kCallPrefix, terms_digest), call.encode());
}

absl::Status Terminal::State::settle_call(Batch& batch, const BatchItem& item,
                                          const protocol::PaymentVerdict& verdict,
                                          uint64_t time_ms) {
  CAFE_ASSIGN_OR_RETURN(const auto shown, protocol::TickReveal::decode(item.tick));
  CAFE_ASSIGN_OR_RETURN(Bill bill, find_bill(item.terms_digest));
  CAFE_ASSIGN_OR_RETURN(CallRecord call, find_call(item.terms_digest));
  CAFE_ASSIGN_OR_RETURN(const uint32_t held, ticks_held(item.terms_digest, call));
  call.deposited = std::max(call.deposited, shown.index + 1);
  // Whoever goes on after that gives its service away.
  if (!call.ended() && !is_settling(verdict.code)) {
    call.end = sign_end(item.terms_digest, held, time_ms);
  }
  if (!call.ended()) {
    batch.put(record_key(kCallPrefix, item.terms_digest), call.encode());
    return absl::OkStatus();
  }
  queue_or_settle(batch, item.terms_digest, std::move(call), std::move(bill), held,
                  verdict.code == protocol::VerdictCode::kRefused);
  return absl::OkStatus();
}

absl::Status Terminal::State::settle(Batch& batch, const BatchItem& item,
                                     const protocol::PaymentVerdict& verdict, uint64_t time_ms) {
  if (!item.tick.empty()) return settle_call(batch, item, verdict, time_ms);
  CAFE_ASSIGN_OR_RETURN(Bill bill, find_bill(item.terms_digest));
  bill.state = BillState::kSettled;
  // What the acquirer refused stays here as a whole: it is the payee's own loss to argue.
  if (verdict.code != protocol::VerdictCode::kRefused) bill.payment.clear();
  batch.put(record_key(kBillPrefix, item.terms_digest), bill.encode());
  batch.erase(queue_key(item.queue));
  return absl::OkStatus();
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
      receipt.verdicts.size() != batch.items.size()) {
    return no_batch();
  }

  Batch changes;
  for (size_t i = 0; i < batch.items.size(); ++i) {
    CAFE_RETURN_IF_ERROR(s.settle(changes, batch.items[i], receipt.verdicts[i], receipt.time_ms));
  }
  Bytes kept = protocol::Frame("pos/receipt").add(receipt_bytes).add(key_certificate).take();
  changes.put(record_key(kReceiptPrefix, protocol::encode_u64(s.next_receipt)), kept);
  changes.erase(kBatchKey);
  CAFE_RETURN_IF_ERROR(s.store->commit(changes));
  ++s.next_receipt;
  for (const BatchItem& item : batch.items) {
    if (item.tick.empty()) continue;
    CAFE_ASSIGN_OR_RETURN(const CallRecord call, s.find_call(item.terms_digest));
    if (call.ended()) s.running.erase(item.terms_digest);
  }
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

// Each in a batch of its own: a memory that is nearly full has room for no larger one.
absl::Status Terminal::prune(uint64_t now_s) {
  State& s = *state_;
  std::vector<Batch> changes;
  s.store->scan(kBillPrefix, [&](std::string_view key, ByteView value) {
    const auto bill = Bill::decode(value);
    // A payment that is still here waits for somebody's word, or is evidence of what was refused.
    if (!bill.ok() || !bill->payment.empty()) return;
    const auto terms = protocol::Terms::decode(bill->terms.frame);
    if (!terms.ok()) return;
    const Bytes32 digest = bill->terms.digest();
    const bool call = s.is_call(digest);
    // As long as a call may last, its wallet may come for the end of it.
    const bool was_going_on = call && bill->state == BillState::kSettled;
    const uint64_t keep_ms = kBillLife_ms + (was_going_on ? kCallLife_ms : 0);
    if (now_s * 1000 <= terms->time_ms + keep_ms) return;
    Batch& change = changes.emplace_back();
    change.erase(key);
    if (!call) return;
    change.erase(record_key(kCallPrefix, digest)).erase(record_key(kTickPrefix, digest));
  });
  s.store->scan(kSlotPrefix, [&](std::string_view key, ByteView value) {
    // A bill of the coin's last second can still be paid for its whole life.
    if (value.size() >= 8 &&
        protocol::decode_u64(value.first<8>()) + kBillLife_ms / 1000 <= now_s) {
      changes.emplace_back().erase(key);
    }
  });
  for (Batch& change : s.prune_hotlists(now_s)) changes.push_back(std::move(change));
  for (const Batch& change : changes) CAFE_RETURN_IF_ERROR(s.store->commit(change));
  s.load_hotlists();
  s.last_pruned_s = now_s;
  return absl::OkStatus();
}

absl::Status Terminal::prune_daily(uint64_t now_s) {
  constexpr uint64_t kDay_s = 86400;
  const uint64_t last_s = state_->last_pruned_s;
  // A clock that was put back would else keep it from ever being done again.
  if (last_s <= now_s && now_s - last_s < kDay_s) return absl::OkStatus();
  return prune(now_s);
}

}  // namespace cafe::pos
