#include "device-sim/firmware/pos/records.h"

#include "libs/protocol/frame.h"

namespace cafe::pos {

using protocol::Bytes;
using protocol::ByteView;
using protocol::Frame;
using protocol::FrameReader;

namespace {

constexpr std::string_view kBillLabel = "pos/bill";
constexpr std::string_view kBatchLabel = "pos/batch";

}  // namespace

std::string record_key(std::string_view prefix, ByteView id) {
  return std::string(prefix) + protocol::to_string(id);
}

std::string slot_key(const protocol::CoinId& coin, uint32_t slot) {
  return record_key(kSlotPrefix, coin) + protocol::to_string(protocol::encode_u32(slot));
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

Bytes BatchRecord::encode() const {
  Bytes list;
  for (uint64_t number : numbers) protocol::append(list, protocol::encode_u64(number));
  return Frame(kBatchLabel).add(order.encode()).add(list).take();
}

absl::StatusOr<BatchRecord> BatchRecord::decode(ByteView bytes) {
  BatchRecord batch;
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kBatchLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(ByteView order, in.field());
  CAFE_ASSIGN_OR_RETURN(batch.order, protocol::SignedDocument::decode(order));
  CAFE_ASSIGN_OR_RETURN(ByteView list, in.field());
  CAFE_RETURN_IF_ERROR(in.finish());
  CAFE_RETURN_IF_ERROR(protocol::count_items(list, 8, protocol::kMaxBatch).status());
  for (; list.size() >= 8; list = list.subspan(8)) {
    batch.numbers.push_back(protocol::decode_u64(list.first<8>()));
  }
  return batch;
}

}  // namespace cafe::pos
