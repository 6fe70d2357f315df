// The wallet's side of the APDU contact: typed commands to the guardian.
#pragma once

#include <map>

#include "device-sim/firmware/common/apdu.h"
#include "device-sim/firmware/wallet/pin.h"
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

// What the guardian says of one of its PINs.
struct PinState {
  bool set;
  uint8_t tries_left;  // 0: blocked
};
struct PinStates {
  PinState withdrawal, payment, puk;
};

// What one currency can be paid with before the payment PIN is asked for.
struct Allowance {
  std::string currency;
  uint64_t limit;  // minor units: what each right entry of the PIN fills it up to
  uint64_t left;
};

// Errors of all: GUARDIAN_ABSENT (UNAVAILABLE) where nothing answers, GUARDIAN_FULL
// (RESOURCE_EXHAUSTED), SLOT_UNKNOWN (NOT_FOUND), GUARDIAN_REFUSED (FAILED_PRECONDITION: not in
// this phase, or the slot has answered another request), COUNTER_TOO_LOW (OUT_OF_RANGE),
// PIN_NEEDED (PERMISSION_DENIED: not verified, or the allowance does not suffice), GUARDIAN_WRONG
// for an answer that no guardian gives; the status word stands in the message.
class GuardianClient {
 public:
  explicit GuardianClient(firmware::ApduPort& port) : port_(port) {}

  absl::StatusOr<protocol::Bytes> certificate();
  // A coin's slot pays `value` of `currency`; a cheque's takes none of both.
  absl::StatusOr<MadeSlot> make_slot(protocol::Kind kind, std::string_view currency = "",
                                     uint64_t value = 0);
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

  // PINs and allowances: guardian_pins.cc.
  absl::StatusOr<PinStates> pin_states();
  // 8 digits, new ones each time, until the PIN is set up. PINS_SET.
  absl::StatusOr<Pin> draw_puk();
  absl::Status set_up_pin(const Pin& withdrawal);
  // Whether it is right. PIN_BLOCKED where no try is left, or that was the last; NO_PIN (NOT_FOUND)
  // where it is not set.
  absl::StatusOr<bool> verify_pin(PinKind kind, const Pin& pin);
  absl::Status forget_pins();
  // PINS_ALIKE, NO_PIN.
  absl::Status change_pin(PinKind kind, const Pin& pin);
  absl::Status switch_payment_pin_off();
  // Whether the PUK is right. PUK_BLOCKED (for good), PINS_ALIKE, NO_PIN.
  absl::StatusOr<bool> unblock_pin(PinKind kind, const Pin& puk, const Pin& pin);
  absl::StatusOr<protocol::Seed> wallet_key();
  // Both are served by one entry of the payment PIN. ALLOWANCE_TOO_LARGE.
  absl::Status unlock(std::string_view currency, uint64_t amount);
  absl::Status set_limit(std::string_view currency, uint64_t amount);
  absl::Status lock_payments();  // NO_PIN
  absl::StatusOr<std::vector<Allowance>> allowances();

 private:
  // A PIN command: what came of the PIN, true where it was right.
  absl::StatusOr<bool> call_pin(guardian::Ins ins, PinKind kind, protocol::ByteView data);
  // The response data ‖ status word.
  absl::StatusOr<protocol::Bytes> transmit(uint8_t ins, uint16_t p1p2, protocol::ByteView data,
                                           size_t expected);
  absl::StatusOr<protocol::Bytes> call(uint8_t ins, uint16_t p1p2, protocol::ByteView data,
                                       size_t expected);
  // To a slot, for a response of exactly `expected` bytes.
  absl::StatusOr<protocol::Bytes> call_slot(uint8_t ins, Handle handle, protocol::ByteView data,
                                            size_t expected);
  firmware::ApduPort& port_;
};

}  // namespace cafe::wallet
