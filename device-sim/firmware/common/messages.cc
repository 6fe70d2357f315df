#include "device-sim/firmware/common/messages.h"

#include "libs/protocol/frame.h"

namespace cafe::firmware {

using protocol::Bytes;
using protocol::Bytes32;
using protocol::ByteView;
using protocol::Frame;
using protocol::FrameReader;
using protocol::SignedDocument;
using protocol::TerminalCredential;

namespace {

constexpr std::string_view kNoticeLabel = "cafe/v1/list-notice";
constexpr std::string_view kNoticeMessageLabel = "cafe/v1/notice";
constexpr std::string_view kOfferLabel = "cafe/v1/offer";
constexpr std::string_view kAnswerLabel = "cafe/v1/payment-answer";
constexpr std::string_view kTariffLabel = "cafe/v1/tariff";
constexpr std::string_view kCallOfferLabel = "cafe/v1/call-offer";
constexpr std::string_view kTickDemandLabel = "cafe/v1/tick-demand";
constexpr std::string_view kTickLabel = "cafe/v1/tick";
constexpr std::string_view kHangUpLabel = "cafe/v1/hang-up";
constexpr std::string_view kCallEndLabel = "cafe/v1/call-end";

absl::StatusOr<SignedDocument> read_document(FrameReader& in) {
  CAFE_ASSIGN_OR_RETURN(ByteView field, in.field());
  return SignedDocument::decode(field);
}

absl::StatusOr<TerminalCredential> read_credential(FrameReader& in) {
  CAFE_ASSIGN_OR_RETURN(ByteView field, in.field());
  return TerminalCredential::decode(field);
}

}  // namespace

Bytes ListNotice::encode() const {
  Frame frame(kNoticeLabel);
  frame.add(acquirer_id).add(payee_id).add(terminal_id).add_u64(time_ms);
  frame.add_u32(static_cast<uint32_t>(lists.size()));
  for (const ShownList& list : lists) {
    frame.add(list.issuer_id).add_u32(list.number).add(list.digest);
  }
  return frame.take();
}

absl::StatusOr<ListNotice> ListNotice::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kNoticeLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(std::string acquirer_id, in.text());
  CAFE_ASSIGN_OR_RETURN(auto payee_id, in.id<protocol::PayeeId>());
  CAFE_ASSIGN_OR_RETURN(auto terminal_id, in.id<protocol::TerminalId>());
  CAFE_ASSIGN_OR_RETURN(uint64_t time_ms, in.u64());
  CAFE_ASSIGN_OR_RETURN(uint32_t count, in.u32());
  if (count > kMaxShownLists) {
    return protocol::invalid("TOO_MANY_ITEMS", "A list notice names more lists than allowed.");
  }
  std::vector<ShownList> lists;
  for (uint32_t i = 0; i < count; ++i) {
    CAFE_ASSIGN_OR_RETURN(std::string issuer_id, in.text());
    CAFE_ASSIGN_OR_RETURN(uint32_t number, in.u32());
    CAFE_ASSIGN_OR_RETURN(Bytes32 digest, in.array<32>());
    lists.push_back({std::move(issuer_id), number, digest});
  }
  CAFE_RETURN_IF_ERROR(in.finish());
  return ListNotice{std::move(acquirer_id), payee_id, terminal_id, time_ms, std::move(lists)};
}

Bytes NoticeMessage::encode() const {
  return Frame(kNoticeMessageLabel).add(credential.encode()).add(notice.encode()).take();
}

absl::StatusOr<NoticeMessage> NoticeMessage::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kNoticeMessageLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(TerminalCredential credential, read_credential(in));
  CAFE_ASSIGN_OR_RETURN(SignedDocument notice, read_document(in));
  CAFE_RETURN_IF_ERROR(in.finish());
  return NoticeMessage{std::move(credential), std::move(notice)};
}

Bytes Offer::encode() const {
  return Frame(kOfferLabel)
      .add(credential.encode())
      .add(notice.encode())
      .add(terms.encode())
      .take();
}

absl::StatusOr<Offer> Offer::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kOfferLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(TerminalCredential credential, read_credential(in));
  CAFE_ASSIGN_OR_RETURN(SignedDocument notice, read_document(in));
  CAFE_ASSIGN_OR_RETURN(SignedDocument terms, read_document(in));
  CAFE_RETURN_IF_ERROR(in.finish());
  return Offer{std::move(credential), std::move(notice), std::move(terms)};
}

Bytes PaymentAnswer::encode() const {
  return Frame(kAnswerLabel).add_u8(accepted ? 1 : 0).add(document.encode()).take();
}

absl::StatusOr<PaymentAnswer> PaymentAnswer::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kAnswerLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(uint8_t accepted, in.u8());
  if (accepted > 1) return protocol::invalid("BAD_ANSWER", "An answer is neither yes nor no.");
  CAFE_ASSIGN_OR_RETURN(SignedDocument document, read_document(in));
  CAFE_RETURN_IF_ERROR(in.finish());
  return PaymentAnswer{accepted == 1, std::move(document)};
}

Bytes Tariff::encode() const {
  return Frame(kTariffLabel)
      .add(terms_digest)
      .add_u64(tick_value)
      .add_u32(tick_count)
      .add(unit)
      .take();
}

absl::StatusOr<Tariff> Tariff::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kTariffLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(Bytes32 terms_digest, in.array<32>());
  CAFE_ASSIGN_OR_RETURN(uint64_t tick_value, in.u64());
  CAFE_ASSIGN_OR_RETURN(uint32_t tick_count, in.u32());
  CAFE_ASSIGN_OR_RETURN(std::string unit, in.text());
  CAFE_RETURN_IF_ERROR(in.finish());
  if (tick_value == 0 || tick_count == 0 || tick_count > protocol::kMaxTicks ||
      tick_value > uint64_t{INT64_MAX} / tick_count) {
    return protocol::invalid("BAD_TARIFF", "A tariff's ticks are free, none, or too many.");
  }
  return Tariff{terms_digest, tick_value, tick_count, std::move(unit)};
}

Bytes CallOffer::encode() const {
  return Frame(kCallOfferLabel)
      .add(credential.encode())
      .add(notice.encode())
      .add(terms.encode())
      .add(tariff.encode())
      .take();
}

absl::StatusOr<CallOffer> CallOffer::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kCallOfferLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(TerminalCredential credential, read_credential(in));
  CAFE_ASSIGN_OR_RETURN(SignedDocument notice, read_document(in));
  CAFE_ASSIGN_OR_RETURN(SignedDocument terms, read_document(in));
  CAFE_ASSIGN_OR_RETURN(SignedDocument tariff, read_document(in));
  CAFE_RETURN_IF_ERROR(in.finish());
  return CallOffer{std::move(credential), std::move(notice), std::move(terms), std::move(tariff)};
}

Bytes TickDemand::encode() const {
  return Frame(kTickDemandLabel).add(terms_digest).add_u32(index).take();
}

absl::StatusOr<TickDemand> TickDemand::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kTickDemandLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(Bytes32 terms_digest, in.array<32>());
  CAFE_ASSIGN_OR_RETURN(uint32_t index, in.u32());
  CAFE_RETURN_IF_ERROR(in.finish());
  return TickDemand{terms_digest, index};
}

Bytes Tick::encode() const {
  return Frame(kTickLabel).add(terms_digest).add(reveal.encode()).take();
}

absl::StatusOr<Tick> Tick::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kTickLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(Bytes32 terms_digest, in.array<32>());
  CAFE_ASSIGN_OR_RETURN(ByteView field, in.field());
  CAFE_RETURN_IF_ERROR(in.finish());
  CAFE_ASSIGN_OR_RETURN(auto reveal, protocol::TickReveal::decode(field));
  return Tick{terms_digest, std::move(reveal)};
}

Bytes HangUp::encode() const { return Frame(kHangUpLabel).add(terms_digest).take(); }

absl::StatusOr<HangUp> HangUp::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kHangUpLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(Bytes32 terms_digest, in.array<32>());
  CAFE_RETURN_IF_ERROR(in.finish());
  return HangUp{terms_digest};
}

Bytes CallEnd::encode() const {
  return Frame(kCallEndLabel)
      .add(acquirer_id)
      .add(payee_id)
      .add(terminal_id)
      .add(terms_digest)
      .add_u32(ticks)
      .add_u64(time_ms)
      .take();
}

absl::StatusOr<CallEnd> CallEnd::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kCallEndLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(std::string acquirer_id, in.text());
  CAFE_ASSIGN_OR_RETURN(auto payee_id, in.id<protocol::PayeeId>());
  CAFE_ASSIGN_OR_RETURN(auto terminal_id, in.id<protocol::TerminalId>());
  CAFE_ASSIGN_OR_RETURN(Bytes32 terms_digest, in.array<32>());
  CAFE_ASSIGN_OR_RETURN(uint32_t ticks, in.u32());
  CAFE_ASSIGN_OR_RETURN(uint64_t time_ms, in.u64());
  CAFE_RETURN_IF_ERROR(in.finish());
  return CallEnd{std::move(acquirer_id), payee_id, terminal_id, terms_digest, ticks, time_ms};
}

std::string_view label_of(ByteView frame) {
  if (frame.size() < 4) return "";
  const size_t length = protocol::decode_u32(frame.first<4>());
  if (length > frame.size() - 4) return "";
  return {reinterpret_cast<const char*>(frame.data()) + 4, length};
}

std::string message_label(ByteView message) {
  const std::string_view label = label_of(message);
  if (label != "cafe/v1/signed") return std::string(label);
  const auto document = SignedDocument::decode(message);
  return document.ok() ? std::string(label_of(document->frame)) : "";
}

}  // namespace cafe::firmware
