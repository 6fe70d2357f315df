#include "device-sim/firmware/wallet/guardian_client.h"

#include <string>

#include "device-sim/firmware/guardian/commands.h"
#include "libs/protocol/frame.h"

namespace cafe::wallet {

using firmware::StatusWord;
using guardian::Ins;
using protocol::Bytes;
using protocol::ByteView;

namespace {

constexpr size_t kChunk = 256;

std::string with_word(std::string_view sentence, uint16_t word) {
  return std::string(sentence) + " (status word " +
         protocol::to_hex(
             std::array<uint8_t, 2>{static_cast<uint8_t>(word >> 8), static_cast<uint8_t>(word)}) +
         ")";
}

absl::Status wrong(uint16_t word) {
  return protocol::refused("GUARDIAN_WRONG",
                           with_word("The guardian answers what no guardian does; nothing of it "
                                     "was sent on. Have it replaced.",
                                     word));
}

absl::Status status_of(uint16_t word) {
  switch (static_cast<StatusWord>(word)) {
    case StatusWord::kOk:
      return absl::OkStatus();
    case StatusWord::kMemoryFull:
      return protocol::make_error(absl::StatusCode::kResourceExhausted, "GUARDIAN_FULL",
                                  "The guardian has no free slot: spend some coins first.");
    case StatusWord::kNotFound:
      return protocol::make_error(absl::StatusCode::kNotFound, "SLOT_UNKNOWN",
                                  "The guardian has no such slot.");
    case StatusWord::kConditionsNotSatisfied:
      return protocol::refused("GUARDIAN_REFUSED",
                               "The guardian refuses: it is not locked by its manufacturer, or "
                               "the slot has answered another request.");
    default:
      return wrong(word);
  }
}

}  // namespace

absl::StatusOr<Bytes> GuardianClient::call(uint8_t ins, uint16_t p1p2, ByteView data,
                                           size_t expected) {
  std::array<uint8_t, firmware::kMaxCommand> command;
  std::array<uint8_t, firmware::kMaxResponse> response;
  const size_t length =
      firmware::format_command({guardian::kCla, ins, static_cast<uint8_t>(p1p2 >> 8),
                                static_cast<uint8_t>(p1p2), data, expected},
                               command);
  const size_t got = port_.transmit(ByteView(command).first(length), response);
  if (got < 2 || got > response.size()) {
    return protocol::make_error(absl::StatusCode::kUnavailable, "GUARDIAN_ABSENT",
                                "The guardian does not answer.");
  }
  const auto word = static_cast<uint16_t>(response[got - 2] << 8 | response[got - 1]);
  CAFE_RETURN_IF_ERROR(status_of(word));
  if (got - 2 > expected) return wrong(word);
  return protocol::to_bytes(ByteView(response).first(got - 2));
}

absl::StatusOr<Bytes> GuardianClient::certificate() {
  Bytes certificate;
  while (certificate.size() < guardian::kCertificateSize) {
    CAFE_ASSIGN_OR_RETURN(
        const Bytes chunk,
        call(static_cast<uint8_t>(Ins::kGetCertificate), static_cast<uint16_t>(certificate.size()),
             {}, std::min(kChunk, guardian::kCertificateSize - certificate.size())));
    if (chunk.empty()) return wrong(0x9000);
    protocol::append(certificate, chunk);
  }
  return certificate;
}

absl::StatusOr<MadeSlot> GuardianClient::make_coin_slot() {
  const auto kind = static_cast<uint16_t>(protocol::Kind::kCoin);
  CAFE_ASSIGN_OR_RETURN(const Bytes answer, call(static_cast<uint8_t>(Ins::kMakeSlot),
                                                 static_cast<uint16_t>(kind << 8), {}, 4 + 65));
  if (answer.size() != 4 + 65) return wrong(0x9000);
  CAFE_ASSIGN_OR_RETURN(protocol::Point B_O, protocol::Point::decode(ByteView(answer).subspan(4)));
  return MadeSlot{protocol::decode_u32(ByteView(answer).first<4>()), B_O};
}

absl::StatusOr<protocol::Scalar> GuardianClient::answer_coin(Handle handle,
                                                             const protocol::Scalar& d_plus_e) {
  Bytes data;
  protocol::append(data, protocol::encode_u32(handle));
  protocol::append(data, d_plus_e.bytes());
  CAFE_ASSIGN_OR_RETURN(const Bytes answer,
                        call(static_cast<uint8_t>(Ins::kAnswerCoin), 0, data, 32));
  return protocol::Scalar::decode(answer);
}

absl::Status GuardianClient::free_slot(Handle handle) {
  const absl::Status status =
      call(static_cast<uint8_t>(Ins::kFreeSlot), 0, protocol::encode_u32(handle), 0).status();
  return status.code() == absl::StatusCode::kNotFound ? absl::OkStatus() : status;
}

absl::StatusOr<std::vector<Handle>> GuardianClient::list_slots() {
  std::vector<Handle> handles;
  for (size_t first = 0; first < guardian::kSlots; first += guardian::kSlotsPerList) {
    const std::array<uint8_t, 2> from = {static_cast<uint8_t>(first >> 8),
                                         static_cast<uint8_t>(first)};
    CAFE_ASSIGN_OR_RETURN(const Bytes list,
                          call(static_cast<uint8_t>(Ins::kListSlots), 0, from,
                               guardian::kSlotsPerList * guardian::kSlotEntrySize));
    if (list.size() % guardian::kSlotEntrySize != 0) return wrong(0x9000);
    for (ByteView rest(list); !rest.empty(); rest = rest.subspan(guardian::kSlotEntrySize)) {
      const auto state = static_cast<guardian::SlotState>(rest[0]);
      if (state == guardian::SlotState::kMade || state == guardian::SlotState::kUsed) {
        handles.push_back(protocol::decode_u32(rest.subspan<2, 4>()));
      }
    }
  }
  return handles;
}

}  // namespace cafe::wallet
