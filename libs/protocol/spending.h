// The wallet's side of a payment (section 5): how a slot's answer becomes r1, r2, and the guard
// that keeps a wallet from convicting itself.
#pragma once

#include "libs/protocol/guardian.h"
#include "libs/protocol/ticks.h"
#include "libs/protocol/withdrawal_wallet.h"

namespace cafe::protocol {

// A slot as the wallet remembers it. [guard] The request is stored durably before the guardian is
// asked, and never replaced: an honest wallet with a forgetful guardian never answers two
// challenges.
struct WalletSlot {
  std::optional<Bytes> request;  // encoded request of the one payment that this slot makes
};

// The new state to store before the guardian is asked; SLOT_PROMISED where another request is
// stored already.
absl::StatusOr<WalletSlot> promise_slot(const WalletSlot& slot, ByteView request);

// What the wallet sends to the guardian in coin mode: d + e.
Scalar coin_request(const Scalar& d, const SlotSecrets& secrets);

// A cheque's salt ρ ⊕ y, once ρ is checked against the guardian's commitment (GUARDIAN_WRONG).
absl::StatusOr<Bytes32> wallet_salt(const Bytes32& commitment, const Bytes32& rho,
                                    const Bytes32& y);

struct SpendResponse {
  Scalar r1, r2;
};

// Checks ans·G1 = (d + e)·A_G + B_O (GUARDIAN_WRONG: nothing is sent on), then r1 = s·ans + d·u1·s
// + x1, r2 = d·s + x2.
absl::StatusOr<SpendResponse> wallet_respond(const Scalar& answer, const Scalar& d,
                                             const SlotSecrets& secrets, const Scalar& u1,
                                             const Scalar& s, const Point& A_G, const Point& B_O);

// t'_i = t_i + y_i, once t_i is checked against the P_i that the guardian gave (GUARDIAN_WRONG):
// section 6.
absl::StatusOr<Scalar> wallet_tick(const Scalar& t, const Point& P, const Bytes32& y_seed,
                                   uint32_t i);

}  // namespace cafe::protocol
