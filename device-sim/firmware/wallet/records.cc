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
constexpr std::string_view kCallLabel = "wallet/call";
constexpr std::string_view kTickLabel = "wallet/tick";
constexpr std::string_view kLoadLabel = "wallet/load";
constexpr std::string_view kPayBackLabel = "wallet/pay-back";
constexpr std::string_view kAllowancesLabel = "wallet/allowances";

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

std::string counter_key(std::string_view currency) {
  return record_key(kCounterPrefix, protocol::view_of(currency));
}

uint64_t AllowancesRecord::left(std::string_view currency) const {
  const auto entry = entries.find(currency);
  return entry == entries.end() ? 0 : entry->second.left;
}

// What was locked after it was promised is not there to be taken.
void AllowancesRecord::take(std::string_view currency, uint64_t amount) {
  const auto entry = entries.find(currency);
  if (entry != entries.end()) entry->second.left -= std::min(entry->second.left, amount);
}

void AllowancesRecord::fill_up() {
  for (auto& [currency, entry] : entries) entry.left = std::max(entry.left, entry.limit);
}

Bytes AllowancesRecord::encode() const {
  Bytes list;
  for (const auto& [currency, entry] : entries) {
    protocol::append(list, protocol::view_of(currency));
    protocol::append(list, protocol::encode_u64(entry.limit));
    protocol::append(list, protocol::encode_u64(entry.left));
  }
  return Frame(kAllowancesLabel).add_u8(limited ? 1 : 0).add(list).take();
}

absl::StatusOr<AllowancesRecord> AllowancesRecord::decode(ByteView bytes) {
  AllowancesRecord record;
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kAllowancesLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(const uint8_t limited, in.u8());
  CAFE_ASSIGN_OR_RETURN(ByteView list, in.field());
  CAFE_RETURN_IF_ERROR(in.finish());
  record.limited = limited != 0;
  constexpr size_t kEntry = 3 + 8 + 8;
  for (; list.size() >= kEntry; list = list.subspan(kEntry)) {
    record.entries[protocol::to_string(list.first(3))] = {
        protocol::decode_u64(list.subspan<3, 8>()), protocol::decode_u64(list.subspan<11, 8>())};
  }
  return record;
}

Bytes OrderRecord::encode() const {
  Bytes made;
  for (const MadeSlot& slot : slots) {
    protocol::append(made, protocol::encode_u32(slot.handle));
    protocol::append(made, slot.B_O.bytes());
    protocol::append(made, slot.commitment);
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
  constexpr size_t kPoint = protocol::Point::kSize;
  constexpr size_t kWidth = 4 + kPoint + 32;
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
    CAFE_ASSIGN_OR_RETURN(auto B_O, protocol::Point::decode(made.subspan(4, kPoint)));
    CAFE_ASSIGN_OR_RETURN(auto commitment, protocol::to_array<32>(made.subspan(4 + kPoint, 32)));
    record.slots.push_back({protocol::decode_u32(made.first<4>()), B_O, commitment});
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
    frame.add_u32(slot.handle).add(slot.B_O).add(slot.commitment).add(slot.B);
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
    CAFE_ASSIGN_OR_RETURN(protocol::Bytes32 commitment, in.array<32>());
    CAFE_ASSIGN_OR_RETURN(protocol::Point B, in.point());
    CAFE_ASSIGN_OR_RETURN(Bytes request, in.bytes());
    protocol::WalletSlot bound;
    if (!request.empty()) bound.request = std::move(request);
    held.slots.push_back({handle, B_O, commitment, B, std::move(bound)});
  }
  CAFE_RETURN_IF_ERROR(in.finish());
  return held;
}

Bytes PaymentRecord::encode() const {
  Bytes planned;
  for (const PlannedSpend& spend : plan) {
    protocol::append(planned, spend.coin);
    protocol::append(planned, protocol::encode_u32(spend.slot));
    protocol::append(planned, protocol::encode_u64(spend.value));
  }
  return Frame(kPaymentLabel)
      .add_u64(number)
      .add_u8(static_cast<uint8_t>(kind))
      .add_u8(static_cast<uint8_t>(state))
      .add_u8(identified ? 1 : 0)
      .add(credential)
      .add(terms.encode())
      .add(planned)
      .add(payment)
      .add(answer)
      .take();
}

absl::StatusOr<PaymentRecord> PaymentRecord::decode(ByteView bytes) {
  constexpr size_t kId = protocol::CoinId::kSize;
  constexpr size_t kWidth = kId + 4 + 8;
  PaymentRecord record{};
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kPaymentLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(record.number, in.u64());
  CAFE_ASSIGN_OR_RETURN(uint8_t kind, in.u8());
  record.kind = static_cast<PaymentKind>(kind);
  CAFE_ASSIGN_OR_RETURN(uint8_t state, in.u8());
  record.state = static_cast<PaymentState>(state);
  CAFE_ASSIGN_OR_RETURN(uint8_t identified, in.u8());
  record.identified = identified == 1;
  CAFE_ASSIGN_OR_RETURN(record.credential, in.array<32>());
  CAFE_ASSIGN_OR_RETURN(record.terms, read_document(in));
  CAFE_ASSIGN_OR_RETURN(ByteView planned, in.field());
  CAFE_ASSIGN_OR_RETURN(record.payment, in.bytes());
  CAFE_ASSIGN_OR_RETURN(record.answer, in.bytes());
  CAFE_RETURN_IF_ERROR(in.finish());
  for (; planned.size() >= kWidth; planned = planned.subspan(kWidth)) {
    CAFE_ASSIGN_OR_RETURN(auto coin, protocol::CoinId::decode(planned.first(kId)));
    record.plan.push_back({coin, protocol::decode_u32(planned.subspan<kId, 4>()),
                           protocol::decode_u64(planned.subspan<kId + 4, 8>())});
  }
  return record;
}

Bytes CallRecord::encode() const {
  return Frame(kCallLabel).add(tariff.encode()).add_u32(tick_count).add(root).add(end).take();
}

absl::StatusOr<CallRecord> CallRecord::decode(ByteView bytes) {
  CallRecord record{};
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kCallLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(record.tariff, read_document(in));
  CAFE_ASSIGN_OR_RETURN(record.tick_count, in.u32());
  CAFE_ASSIGN_OR_RETURN(record.root, in.array<32>());
  CAFE_ASSIGN_OR_RETURN(record.end, in.bytes());
  CAFE_RETURN_IF_ERROR(in.finish());
  return record;
}

Bytes TickRecord::encode() const { return Frame(kTickLabel).add_u32(released).add(last).take(); }

absl::StatusOr<TickRecord> TickRecord::decode(ByteView bytes) {
  TickRecord record;
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kTickLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(record.released, in.u32());
  CAFE_ASSIGN_OR_RETURN(record.last, in.bytes());
  CAFE_RETURN_IF_ERROR(in.finish());
  return record;
}

Bytes LoadRecord::encode() const {
  return Frame(kLoadLabel).add(order.encode()).add(loaded).take();
}

absl::StatusOr<LoadRecord> LoadRecord::decode(ByteView bytes) {
  LoadRecord record;
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kLoadLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(record.order, read_document(in));
  CAFE_ASSIGN_OR_RETURN(record.loaded, in.bytes());
  CAFE_RETURN_IF_ERROR(in.finish());
  return record;
}

Bytes PayBackRecord::encode() const {
  Bytes digests;
  for (const protocol::Bytes32& digest : terms) protocol::append(digests, digest);
  return Frame(kPayBackLabel).add(idempotency_key).add(digests).add(order).take();
}

absl::StatusOr<PayBackRecord> PayBackRecord::decode(ByteView bytes) {
  PayBackRecord record{};
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kPayBackLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(record.idempotency_key, in.array<16>());
  CAFE_ASSIGN_OR_RETURN(ByteView digests, in.field());
  CAFE_ASSIGN_OR_RETURN(record.order, in.bytes());
  CAFE_RETURN_IF_ERROR(in.finish());
  for (; digests.size() >= 32; digests = digests.subspan(32)) {
    CAFE_ASSIGN_OR_RETURN(auto digest, protocol::to_array<32>(digests.first(32)));
    record.terms.push_back(digest);
  }
  return record;
}

}  // namespace cafe::wallet
