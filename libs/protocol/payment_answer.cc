#include "libs/protocol/payment_answer.h"

namespace cafe::protocol {

namespace {

constexpr std::string_view kAcceptanceLabel = "cafe/v1/acceptance";
constexpr std::string_view kRefusalLabel = "cafe/v1/refusal";

}  // namespace

Bytes Acceptance::encode() const {
  return Frame(kAcceptanceLabel)
      .add(acquirer_id)
      .add(payee_id)
      .add(terminal_id)
      .add(terms_digest)
      .add(payment_digest)
      .add_u64(time_ms)
      .take();
}

absl::StatusOr<Acceptance> Acceptance::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kAcceptanceLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(std::string acquirer_id, in.text());
  CAFE_ASSIGN_OR_RETURN(PayeeId payee_id, in.id<PayeeId>());
  CAFE_ASSIGN_OR_RETURN(TerminalId terminal_id, in.id<TerminalId>());
  CAFE_ASSIGN_OR_RETURN(Bytes32 terms_digest, in.array<32>());
  CAFE_ASSIGN_OR_RETURN(Bytes32 payment_digest, in.array<32>());
  CAFE_ASSIGN_OR_RETURN(uint64_t time_ms, in.u64());
  CAFE_RETURN_IF_ERROR(in.finish());
  return Acceptance{std::move(acquirer_id), payee_id,       terminal_id,
                    terms_digest,           payment_digest, time_ms};
}

Bytes Refusal::encode() const {
  Frame frame(kRefusalLabel);
  frame.add(acquirer_id).add(payee_id).add(terminal_id).add(terms_digest);
  frame.add(payment_digest ? ByteView(*payment_digest) : ByteView());
  return frame.add(reason).add_u64(time_ms).take();
}

absl::StatusOr<Refusal> Refusal::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kRefusalLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(std::string acquirer_id, in.text());
  CAFE_ASSIGN_OR_RETURN(PayeeId payee_id, in.id<PayeeId>());
  CAFE_ASSIGN_OR_RETURN(TerminalId terminal_id, in.id<TerminalId>());
  CAFE_ASSIGN_OR_RETURN(Bytes32 terms_digest, in.array<32>());
  CAFE_ASSIGN_OR_RETURN(ByteView digest_field, in.field());
  std::optional<Bytes32> payment_digest;
  if (!digest_field.empty()) {
    CAFE_ASSIGN_OR_RETURN(payment_digest, to_array<32>(digest_field));
  }
  CAFE_ASSIGN_OR_RETURN(std::string reason, in.text());
  CAFE_ASSIGN_OR_RETURN(uint64_t time_ms, in.u64());
  CAFE_RETURN_IF_ERROR(in.finish());
  return Refusal{std::move(acquirer_id), payee_id,          terminal_id, terms_digest,
                 payment_digest,         std::move(reason), time_ms};
}

}  // namespace cafe::protocol
