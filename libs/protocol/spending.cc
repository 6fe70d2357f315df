#include "libs/protocol/spending.h"

namespace cafe::protocol {

namespace {

absl::Status guardian_wrong() {
  return refused("GUARDIAN_WRONG",
                 "The guardian gave a wrong answer; nothing of it was sent on. Have it replaced.");
}

}  // namespace

absl::StatusOr<WalletSlot> promise_slot(const WalletSlot& slot, ByteView request) {
  if (slot.request && !equal_ct(*slot.request, request)) {
    return refused("SLOT_PROMISED", "The slot is promised to another payment; use another slot.");
  }
  return WalletSlot{to_bytes(request)};
}

Scalar coin_request(const Scalar& d, const SlotSecrets& secrets) { return d + secrets.e; }

absl::StatusOr<Bytes32> wallet_salt(const Bytes32& commitment, const Bytes32& rho,
                                    const Bytes32& y) {
  if (salt_commitment(rho) != commitment) return guardian_wrong();
  return xor32(rho, y);
}

absl::StatusOr<SpendResponse> wallet_respond(const Scalar& answer, const Scalar& d,
                                             const SlotSecrets& secrets, const Scalar& u1,
                                             const Scalar& s, const Point& A_G, const Point& B_O) {
  if (!guardian_answer_ok(answer, d + secrets.e, A_G, B_O)) return guardian_wrong();
  const Scalar ds = d * s;
  return SpendResponse{s * answer + ds * u1 + secrets.x1, ds + secrets.x2};
}

absl::StatusOr<Scalar> wallet_tick(const Scalar& t, const Point& P, const Bytes32& y_seed,
                                   uint32_t i) {
  if (multiply(t, g1()) != P) return guardian_wrong();
  return t + tick_blind(y_seed, i);
}

}  // namespace cafe::protocol
