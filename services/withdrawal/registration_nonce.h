// Nonces for registrations, without a table: each carries its expiry and a MAC, so that every
// replica knows those of the others, and a flood of requests for nonces costs no row.
//
//   nonce = u64 expiry (unix seconds) ‖ 8 random bytes ‖ 16 bytes of MAC
//
// A nonce only shows that a registration is fresh; that it takes effect once is the accounts'
// uniqueness.
#pragma once

#include "libs/protocol/rng.h"

namespace cafe::withdrawal {

inline constexpr uint64_t kRegistrationNonceLife_s = 600;

class RegistrationNonces {
 public:
  // `seed`: the issuer's secret seed; the MAC key derives from it under a label of its own.
  RegistrationNonces(std::string_view issuer_id, const protocol::Seed& seed);

  // Draws one, valid for kRegistrationNonceLife_s from `now_s`.
  protocol::Bytes32 draw(uint64_t now_s, protocol::Rng& rng) const;
  // Errors: FAILED_PRECONDITION UNKNOWN_NONCE (not drawn by this issuer), NONCE_EXPIRED.
  absl::Status check(const protocol::Bytes32& nonce, uint64_t now_s) const;

 private:
  std::array<uint8_t, 16> mac_of(protocol::ByteView expiry_and_random) const;

  std::string issuer_id_;
  protocol::Seed key_;
};

}  // namespace cafe::withdrawal
