// The wallet's side of the APDU contact: typed commands to the guardian.
#pragma once

#include "device-sim/firmware/common/apdu.h"
#include "libs/protocol/coin.h"

namespace cafe::wallet {

using Handle = uint32_t;

struct MadeSlot {
  Handle handle;
  protocol::Point B_O;
};

// Errors of all: GUARDIAN_ABSENT (UNAVAILABLE) where nothing answers, GUARDIAN_FULL
// (RESOURCE_EXHAUSTED), SLOT_UNKNOWN (NOT_FOUND), GUARDIAN_REFUSED (FAILED_PRECONDITION: not in
// this phase, or the slot has answered another request), GUARDIAN_WRONG for an answer that no
// guardian gives; the status word stands in the message.
class GuardianClient {
 public:
  explicit GuardianClient(firmware::ApduPort& port) : port_(port) {}

  absl::StatusOr<protocol::Bytes> certificate();
  absl::StatusOr<MadeSlot> make_coin_slot();
  absl::StatusOr<protocol::Scalar> answer_coin(Handle handle, const protocol::Scalar& d_plus_e);
  // A slot that is not there counts as freed.
  absl::Status free_slot(Handle handle);
  // All slots that are not free.
  absl::StatusOr<std::vector<Handle>> list_slots();

 private:
  absl::StatusOr<protocol::Bytes> call(uint8_t ins, uint16_t p1p2, protocol::ByteView data,
                                       size_t expected);
  firmware::ApduPort& port_;
};

}  // namespace cafe::wallet
