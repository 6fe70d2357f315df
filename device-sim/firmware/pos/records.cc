#include "device-sim/firmware/pos/records.h"

#include "libs/protocol/frame.h"

namespace cafe::pos {

using protocol::Bytes;
using protocol::ByteView;
using protocol::Frame;
using protocol::FrameReader;

namespace {

constexpr std::string_view kBillLabel = "pos/bill";
constexpr std::string_view kCallLabel = "pos/call";
constexpr std::string_view kBatchLabel = "pos/batch";

}  // namespace

std::string record_key(std::string_view prefix, ByteView id) {
  return std::string(prefix) + protocol::to_string(id);
}

std::string slot_key(const protocol::CoinId& coin, uint32_t slot) {
  return record_key(kSlotPrefix, coin) + protocol::to_string(protocol::encode_u32(slot));
}

std::string queue_key(uint64_t number) {
  return record_key(kQueuePrefix, protocol::encode_u64(number));
}

Bytes Bill::encode() const {
  return Frame(kBillLabel)
      .add_u8(static_cast<uint8_t>(state))
      .add(terms.encode())
      .add(payment)
      .add(payment_digest)
      .add(answer)
      .add(reason)
      .take();
}

absl::StatusOr<Bill> Bill::decode(ByteView bytes) {
  Bill bill{};
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kBillLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(uint8_t state, in.u8());
  bill.state = static_cast<BillState>(state);
  CAFE_ASSIGN_OR_RETURN(ByteView terms, in.field());
  CAFE_ASSIGN_OR_RETURN(bill.terms, protocol::SignedDocument::decode(terms));
  CAFE_ASSIGN_OR_RETURN(bill.payment, in.bytes());
  CAFE_ASSIGN_OR_RETURN(bill.payment_digest, in.bytes());
  CAFE_ASSIGN_OR_RETURN(bill.answer, in.bytes());
  CAFE_ASSIGN_OR_RETURN(bill.reason, in.text());
  CAFE_RETURN_IF_ERROR(in.finish());
  return bill;
}

Bytes CallRecord::encode() const {
  return Frame(kCallLabel).add(tariff.encode()).add(end).add_u32(deposited).add_u64(queue).take();
}

absl::StatusOr<CallRecord> CallRecord::decode(ByteView bytes) {
  CallRecord call;
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kCallLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(ByteView tariff, in.field());
  CAFE_ASSIGN_OR_RETURN(call.tariff, protocol::SignedDocument::decode(tariff));
  CAFE_ASSIGN_OR_RETURN(call.end, in.bytes());
  CAFE_ASSIGN_OR_RETURN(call.deposited, in.u32());
  CAFE_ASSIGN_OR_RETURN(call.queue, in.u64());
  CAFE_RETURN_IF_ERROR(in.finish());
  return call;
}

Bytes BatchRecord::encode() const {
  Frame frame(kBatchLabel);
  frame.add(order.encode()).add_u32(static_cast<uint32_t>(items.size()));
  for (const BatchItem& item : items) {
    frame.add(item.terms_digest).add_u64(item.queue).add(item.tick);
  }
  return frame.take();
}

absl::StatusOr<BatchRecord> BatchRecord::decode(ByteView bytes) {
  BatchRecord batch;
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kBatchLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(ByteView order, in.field());
  CAFE_ASSIGN_OR_RETURN(batch.order, protocol::SignedDocument::decode(order));
  CAFE_ASSIGN_OR_RETURN(const uint32_t count, in.u32());
  for (uint32_t i = 0; i < count; ++i) {
    BatchItem& item = batch.items.emplace_back();
    CAFE_ASSIGN_OR_RETURN(item.terms_digest, in.array<32>());
    CAFE_ASSIGN_OR_RETURN(item.queue, in.u64());
    CAFE_ASSIGN_OR_RETURN(item.tick, in.bytes());
  }
  CAFE_RETURN_IF_ERROR(in.finish());
  return batch;
}

}  // namespace cafe::pos
