#include "device-sim/firmware/wallet/records.h"

#include "libs/protocol/frame.h"

namespace cafe::wallet {

using protocol::Bytes;
using protocol::ByteView;
using protocol::Frame;
using protocol::FrameReader;
using protocol::SignedDocument;

namespace {

constexpr std::string_view kOrderLabel = "wallet/order";
constexpr std::string_view kCoinLabel = "wallet/coin";
constexpr std::string_view kPaymentLabel = "wallet/payment";

// Nothing, or a signed document.
absl::StatusOr<SignedDocument> read_document(FrameReader& in) {
  CAFE_ASSIGN_OR_RETURN(ByteView field, in.field());
  if (field.empty()) return SignedDocument{};
  return SignedDocument::decode(field);
}

Bytes encode_document(const SignedDocument& document) {
  return document.frame.empty() ? Bytes() : document.encode();
}

}  // namespace

std::string record_key(std::string_view prefix, ByteView id) {
  return std::string(prefix) + protocol::to_string(id);
}

Bytes OrderRecord::encode() const {
  Bytes made;
  for (const MadeSlot& slot : slots) {
    protocol::append(made, protocol::encode_u32(slot.handle));
    protocol::append(made, slot.B_O.bytes());
  }
  return Frame(kOrderLabel)
      .add_u8(static_cast<uint8_t>(phase))
      .add(open.encode())
      .add(answer)
      .add(made)
      .add(encode_document(document))
      .take();
}

absl::StatusOr<OrderRecord> OrderRecord::decode(ByteView bytes) {
  constexpr size_t kWidth = 4 + protocol::Point::kSize;
  OrderRecord record;
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kOrderLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(uint8_t phase, in.u8());
  record.phase = static_cast<OrderPhase>(phase);
  CAFE_ASSIGN_OR_RETURN(record.open, read_document(in));
  CAFE_ASSIGN_OR_RETURN(record.answer, in.bytes());
  CAFE_ASSIGN_OR_RETURN(ByteView made, in.field());
  CAFE_ASSIGN_OR_RETURN(record.document, read_document(in));
  CAFE_RETURN_IF_ERROR(in.finish());
  for (; made.size() >= kWidth; made = made.subspan(kWidth)) {
    CAFE_ASSIGN_OR_RETURN(auto B_O, protocol::Point::decode(made.subspan(4, kWidth - 4)));
    record.slots.push_back({protocol::decode_u32(made.first<4>()), B_O});
  }
  return record;
}

bool HeldCoin::spent() const {
  return std::all_of(slots.begin(), slots.end(),
                     [](const HeldSlot& slot) { return slot.bound.request.has_value(); });
}

Bytes HeldCoin::encode() const {
  Frame frame(kCoinLabel);
  frame.add(coin.encode()).add(context).add_u32(static_cast<uint32_t>(slots.size()));
  for (const HeldSlot& slot : slots) {
    frame.add_u32(slot.handle).add(slot.B_O).add(slot.B);
    frame.add(slot.bound.request ? ByteView(*slot.bound.request) : ByteView());
  }
  return frame.take();
}

absl::StatusOr<HeldCoin> HeldCoin::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kCoinLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(ByteView coin_bytes, in.field());
  CAFE_ASSIGN_OR_RETURN(protocol::Coin coin, protocol::Coin::decode(coin_bytes));
  CAFE_ASSIGN_OR_RETURN(protocol::Bytes32 context, in.array<32>());
  CAFE_ASSIGN_OR_RETURN(uint32_t count, in.u32());
  HeldCoin held{std::move(coin), context, {}};
  for (uint32_t j = 0; j < count; ++j) {
    CAFE_ASSIGN_OR_RETURN(uint32_t handle, in.u32());
    CAFE_ASSIGN_OR_RETURN(protocol::Point B_O, in.point());
    CAFE_ASSIGN_OR_RETURN(protocol::Point B, in.point());
    CAFE_ASSIGN_OR_RETURN(Bytes request, in.bytes());
    protocol::WalletSlot bound;
    if (!request.empty()) bound.request = std::move(request);
    held.slots.push_back({handle, B_O, B, std::move(bound)});
  }
  CAFE_RETURN_IF_ERROR(in.finish());
  return held;
}

Bytes PaymentRecord::encode() const {
  Bytes planned;
  for (const PlannedSpend& spend : plan) {
    protocol::append(planned, spend.coin);
    protocol::append(planned, protocol::encode_u32(spend.slot));
  }
  return Frame(kPaymentLabel)
      .add_u64(number)
      .add_u8(static_cast<uint8_t>(state))
      .add(credential)
      .add(terms.encode())
      .add(planned)
      .add(payment)
      .add(answer)
      .take();
}

absl::StatusOr<PaymentRecord> PaymentRecord::decode(ByteView bytes) {
  constexpr size_t kWidth = protocol::CoinId::kSize + 4;
  PaymentRecord record{};
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kPaymentLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(record.number, in.u64());
  CAFE_ASSIGN_OR_RETURN(uint8_t state, in.u8());
  record.state = static_cast<PaymentState>(state);
  CAFE_ASSIGN_OR_RETURN(record.credential, in.array<32>());
  CAFE_ASSIGN_OR_RETURN(record.terms, read_document(in));
  CAFE_ASSIGN_OR_RETURN(ByteView planned, in.field());
  CAFE_ASSIGN_OR_RETURN(record.payment, in.bytes());
  CAFE_ASSIGN_OR_RETURN(record.answer, in.bytes());
  CAFE_RETURN_IF_ERROR(in.finish());
  for (; planned.size() >= kWidth; planned = planned.subspan(kWidth)) {
    CAFE_ASSIGN_OR_RETURN(auto coin, protocol::CoinId::decode(planned.first(kWidth - 4)));
    record.plan.push_back({coin, protocol::decode_u32(planned.subspan(kWidth - 4).first<4>())});
  }
  return record;
}

}  // namespace cafe::wallet
