// The wallet's side of the APDU contact: typed commands to the guardian.
#pragma once

#include <map>

#include "device-sim/firmware/common/apdu.h"
#include "libs/protocol/coin.h"

namespace cafe::wallet {

using Handle = uint32_t;

struct MadeSlot {
  Handle handle;
  protocol::Point B_O;
  protocol::Bytes32 commitment{};  // to ρ; zero for coins
};

struct ChequeReply {
  protocol::Bytes32 rho;
  protocol::Scalar answer;
};

struct TickReply {
  protocol::Bytes32 rho;
  protocol::Bytes32 root;
  protocol::Scalar answer;
};

// What the guardian holds for one issuer.
struct IssuerPurse {
  protocol::Bytes32 key_digest;             // SHA-256 of the load key's DER
  uint64_t last_sequence;                   // of the loads taken
  std::map<std::string, uint64_t> amounts;  // by currency, minor units
};

struct ListedSlot {
  Handle handle;
  bool ticks_drawn;  // for a cheque that has answered nothing
};

// Errors of all: GUARDIAN_ABSENT (UNAVAILABLE) where nothing answers, GUARDIAN_FULL
// (RESOURCE_EXHAUSTED), SLOT_UNKNOWN (NOT_FOUND), GUARDIAN_REFUSED (FAILED_PRECONDITION: not in
// this phase, or the slot has answered another request), COUNTER_TOO_LOW (OUT_OF_RANGE),
// GUARDIAN_WRONG for an answer that no guardian gives; the status word stands in the message.
class GuardianClient {
 public:
  explicit GuardianClient(firmware::ApduPort& port) : port_(port) {}

  absl::StatusOr<protocol::Bytes> certificate();
  absl::StatusOr<MadeSlot> make_slot(protocol::Kind kind);
  absl::StatusOr<protocol::Scalar> answer_coin(Handle handle, const protocol::Scalar& d_plus_e);
  // `request` is an encoded ChequeRequest, or TickRequest.
  absl::StatusOr<ChequeReply> answer_cheque(Handle handle, protocol::ByteView request);
  absl::StatusOr<TickReply> answer_ticks(Handle handle, protocol::ByteView request);
  // Draws ticks anew, and gets all their points P_0 .. P_{count-1}.
  absl::Status draw_ticks(Handle handle, uint32_t count);
  // Of a slot that has answered nothing.
  absl::Status forget_ticks(Handle handle) { return draw_ticks(handle, 0); }
  absl::StatusOr<std::vector<protocol::Point>> tick_points(Handle handle, uint32_t count);
  absl::StatusOr<protocol::Scalar> release_tick(Handle handle, uint32_t index);
  absl::Status load(protocol::ByteView frame, protocol::ByteView signature);
  // NO_LOAD_KEY where the manufacturer put none of this issuer's in.
  absl::StatusOr<IssuerPurse> purse(std::string_view issuer_id);
  // A slot that is not there counts as freed.
  absl::Status free_slot(Handle handle);
  // All slots that are not free.
  absl::StatusOr<std::vector<ListedSlot>> list_slots();

 private:
  absl::StatusOr<protocol::Bytes> call(uint8_t ins, uint16_t p1p2, protocol::ByteView data,
                                       size_t expected);
  // To a slot, for a response of exactly `expected` bytes.
  absl::StatusOr<protocol::Bytes> call_slot(uint8_t ins, Handle handle, protocol::ByteView data,
                                            size_t expected);
  firmware::ApduPort& port_;
};

}  // namespace cafe::wallet
