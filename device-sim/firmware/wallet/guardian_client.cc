#include "device-sim/firmware/wallet/guardian_client.h"

#include <string>

#include "device-sim/firmware/guardian/commands.h"
#include "libs/protocol/frame.h"

namespace cafe::wallet {

using firmware::StatusWord;
using guardian::Ins;
using protocol::Bytes;
using protocol::Bytes32;
using protocol::ByteView;
using protocol::Point;
using protocol::Scalar;

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
                                  "The guardian has no room for more: spend some coins or end a "
                                  "call first.");
    case StatusWord::kNotFound:
      return protocol::make_error(absl::StatusCode::kNotFound, "SLOT_UNKNOWN",
                                  "The guardian has no such slot.");
    case StatusWord::kConditionsNotSatisfied:
      return protocol::refused("GUARDIAN_REFUSED",
                               "The guardian refuses: it is not locked by its manufacturer, or "
                               "the slot has answered another request.");
    case StatusWord::kCounterLimit:
    case StatusWord::kReferenceNotFound:
      return protocol::make_error(absl::StatusCode::kOutOfRange, "COUNTER_TOO_LOW",
                                  "The guardian's counter does not hold the amount: load it.");
    case StatusWord::kPinNeeded:
      return protocol::make_error(absl::StatusCode::kPermissionDenied, "PIN_NEEDED",
                                  "The guardian does this with the owner's PIN only.");
    default:
      return wrong(word);
  }
}

uint16_t word_in(ByteView answer) {
  return static_cast<uint16_t>(answer[answer.size() - 2] << 8 | answer[answer.size() - 1]);
}

// An amount of a currency, as commands carry it.
Bytes sum_of(std::string_view currency, uint64_t amount) {
  Bytes data = protocol::to_bytes(protocol::view_of(currency));
  protocol::append(data, protocol::encode_u64(amount));
  return data;
}

}  // namespace

absl::StatusOr<Bytes> GuardianClient::transmit(uint8_t ins, uint16_t p1p2, ByteView data,
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
  Bytes answer = protocol::to_bytes(ByteView(response).first(got));
  // What went either way may have been a PIN or the wallet's key.
  protocol::wipe(command);
  protocol::wipe(response);
  if (got - 2 > expected) return wrong(word_in(answer));
  return answer;
}

absl::StatusOr<Bytes> GuardianClient::call(uint8_t ins, uint16_t p1p2, ByteView data,
                                           size_t expected) {
  CAFE_ASSIGN_OR_RETURN(Bytes answer, transmit(ins, p1p2, data, expected));
  CAFE_RETURN_IF_ERROR(status_of(word_in(answer)));
  answer.resize(answer.size() - 2);
  return answer;
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

absl::StatusOr<Bytes> GuardianClient::call_slot(uint8_t ins, Handle handle, ByteView data,
                                                size_t expected) {
  Bytes with_handle;
  with_handle.reserve(4 + data.size());
  protocol::append(with_handle, protocol::encode_u32(handle));
  protocol::append(with_handle, data);
  CAFE_ASSIGN_OR_RETURN(Bytes answer, call(ins, 0, with_handle, expected));
  if (answer.size() != expected) return wrong(0x9000);
  return answer;
}

absl::StatusOr<MadeSlot> GuardianClient::make_slot(protocol::Kind kind, std::string_view currency,
                                                   uint64_t value) {
  const Bytes worth = kind == protocol::Kind::kCoin ? sum_of(currency, value) : Bytes();
  const size_t commitment = kind == protocol::Kind::kCheque ? 32 : 0;
  const size_t expected = 4 + Point::kSize + commitment;
  CAFE_ASSIGN_OR_RETURN(const Bytes answer,
                        call(static_cast<uint8_t>(Ins::kMakeSlot),
                             static_cast<uint16_t>(static_cast<int>(kind) << 8), worth, expected));
  if (answer.size() != expected) return wrong(0x9000);
  const ByteView view(answer);
  CAFE_ASSIGN_OR_RETURN(const Point B_O, Point::decode(view.subspan(4, Point::kSize)));
  MadeSlot made{protocol::decode_u32(view.first<4>()), B_O};
  std::copy_n(view.begin() + 4 + Point::kSize, commitment, made.commitment.begin());
  return made;
}

absl::StatusOr<Scalar> GuardianClient::answer_coin(Handle handle, const Scalar& d_plus_e) {
  CAFE_ASSIGN_OR_RETURN(const Bytes answer, call_slot(static_cast<uint8_t>(Ins::kAnswerCoin),
                                                      handle, d_plus_e.bytes(), 32));
  return Scalar::decode(answer);
}

absl::StatusOr<ChequeReply> GuardianClient::answer_cheque(Handle handle, ByteView request) {
  CAFE_ASSIGN_OR_RETURN(const Bytes answer, call_slot(static_cast<uint8_t>(Ins::kAnswerCheque),
                                                      handle, request, 2 * 32));
  const ByteView view(answer);
  CAFE_ASSIGN_OR_RETURN(const Bytes32 rho, protocol::to_array<32>(view.first(32)));
  CAFE_ASSIGN_OR_RETURN(const Scalar ans, Scalar::decode(view.subspan(32)));
  return ChequeReply{rho, ans};
}

absl::StatusOr<TickReply> GuardianClient::answer_ticks(Handle handle, ByteView request) {
  CAFE_ASSIGN_OR_RETURN(const Bytes answer, call_slot(static_cast<uint8_t>(Ins::kAnswerTicks),
                                                      handle, request, 3 * 32));
  const ByteView view(answer);
  CAFE_ASSIGN_OR_RETURN(const Bytes32 rho, protocol::to_array<32>(view.first(32)));
  CAFE_ASSIGN_OR_RETURN(const Bytes32 root, protocol::to_array<32>(view.subspan(32, 32)));
  CAFE_ASSIGN_OR_RETURN(const Scalar ans, Scalar::decode(view.subspan(64)));
  return TickReply{rho, root, ans};
}

absl::Status GuardianClient::draw_ticks(Handle handle, uint32_t count) {
  return call_slot(static_cast<uint8_t>(Ins::kDrawTicks), handle, protocol::encode_u32(count), 0)
      .status();
}

absl::StatusOr<std::vector<Point>> GuardianClient::tick_points(Handle handle, uint32_t count) {
  std::vector<Point> points;
  points.reserve(count);
  while (points.size() < count) {
    const size_t some = std::min(guardian::kTickPointsPerList, count - points.size());
    CAFE_ASSIGN_OR_RETURN(
        const Bytes list,
        call_slot(static_cast<uint8_t>(Ins::kTickPoints), handle,
                  protocol::encode_u32(static_cast<uint32_t>(points.size())), some * Point::kSize));
    for (ByteView rest(list); !rest.empty(); rest = rest.subspan(Point::kSize)) {
      CAFE_ASSIGN_OR_RETURN(Point P, Point::decode(rest.first(Point::kSize)));
      points.push_back(P);
    }
  }
  return points;
}

absl::StatusOr<Scalar> GuardianClient::release_tick(Handle handle, uint32_t index) {
  CAFE_ASSIGN_OR_RETURN(const Bytes answer, call_slot(static_cast<uint8_t>(Ins::kReleaseTick),
                                                      handle, protocol::encode_u32(index), 32));
  return Scalar::decode(answer);
}

absl::Status GuardianClient::load(ByteView frame, ByteView signature) {
  Bytes data = protocol::to_bytes(frame);
  protocol::append(data, signature);
  if (data.size() > guardian::kMaxLoadFrameSize + guardian::kLoadSignatureSize) {
    return protocol::invalid("BAD_LENGTH", "A load is longer than any that a guardian takes.");
  }
  return call(static_cast<uint8_t>(Ins::kLoad), 0, data, 0).status();
}

absl::StatusOr<IssuerPurse> GuardianClient::purse(std::string_view issuer_id) {
  for (size_t n = 0; n < guardian::kLoadKeys; ++n) {
    const auto answer = call(static_cast<uint8_t>(Ins::kListCounters),
                             static_cast<uint16_t>(n << 8), {}, guardian::kMaxCountersSize);
    if (answer.status().code() == absl::StatusCode::kNotFound) break;
    CAFE_RETURN_IF_ERROR(answer.status());
    // u8 length ‖ issuer id ‖ digest ‖ u64 sequence ‖ u8 count ‖ (currency ‖ u64 amount)*
    const ByteView view(*answer);
    const size_t name = view.empty() ? 0 : view[0];
    if (view.size() < 1 + name + 32 + 8 + 1) return wrong(0x9000);
    if (protocol::to_string(view.subspan(1, name)) != issuer_id) continue;
    IssuerPurse purse{};
    ByteView rest = view.subspan(1 + name);
    std::copy_n(rest.begin(), 32, purse.key_digest.begin());
    purse.last_sequence = protocol::decode_u64(rest.subspan<32, 8>());
    const size_t count = rest[40];
    rest = rest.subspan(41);
    if (rest.size() != count * guardian::kCounterEntrySize) return wrong(0x9000);
    for (; !rest.empty(); rest = rest.subspan(guardian::kCounterEntrySize)) {
      purse.amounts[protocol::to_string(rest.first(3))] =
          protocol::decode_u64(rest.subspan<3, 8>());
    }
    return purse;
  }
  return protocol::refused("NO_LOAD_KEY",
                           "The guardian takes no loads of this issuer: it has coins only.");
}

absl::Status GuardianClient::free_slot(Handle handle) {
  const absl::Status status =
      call(static_cast<uint8_t>(Ins::kFreeSlot), 0, protocol::encode_u32(handle), 0).status();
  return status.code() == absl::StatusCode::kNotFound ? absl::OkStatus() : status;
}

absl::StatusOr<std::vector<ListedSlot>> GuardianClient::list_slots() {
  using guardian::SlotState;
  std::vector<ListedSlot> slots;
  for (size_t first = 0; first < guardian::kSlots; first += guardian::kSlotsPerList) {
    const std::array<uint8_t, 2> from = {static_cast<uint8_t>(first >> 8),
                                         static_cast<uint8_t>(first)};
    CAFE_ASSIGN_OR_RETURN(const Bytes list,
                          call(static_cast<uint8_t>(Ins::kListSlots), 0, from,
                               guardian::kSlotsPerList * guardian::kSlotEntrySize));
    if (list.size() % guardian::kSlotEntrySize != 0) return wrong(0x9000);
    for (ByteView rest(list); !rest.empty(); rest = rest.subspan(guardian::kSlotEntrySize)) {
      const auto state = static_cast<SlotState>(rest[0]);
      if (state == SlotState::kFree || state == SlotState::kDamaged) continue;
      slots.push_back({protocol::decode_u32(rest.subspan<2, 4>()), state == SlotState::kDrawn});
    }
  }
  return slots;
}

}  // namespace cafe::wallet
