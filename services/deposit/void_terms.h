// Terms that came to nothing (section 8): their terminal's signed refusal voids them for good, so
// that whoever shows a payment of them can be credited instead of the payee.
//
// A refusal does not wait for deposits: a batch whose checks were over is settled, though its terms
// are void a moment later. The coin store has that payment's spends then, where the claim looks for
// them before it is credited, and again until it is final.
#pragma once

#include "services/deposit/parts.h"

namespace cafe::deposit {

// A refusal that a certified terminal of this acquirer signed.
struct ReadRefusal {
  VoidedTerms terms;
  protocol::TerminalCertificate certificate;
  uint64_t refused_ms;
};

// Decodes and verifies a signed protocol::Refusal under the credential that came with it; dates are
// judged at the refusal's own time. Errors, beside the decoders' and those of the credential's
// chain: INVALID_ARGUMENT WRONG_ACQUIRER, WRONG_TERMINAL (it names another payee or terminal than
// the credential); UNAUTHENTICATED BAD_SIGNATURE.
absl::StatusOr<ReadRefusal> read_refusal(protocol::ByteView refusal, protocol::ByteView credential,
                                         const protocol::TrustAnchors& anchors,
                                         std::string_view acquirer_id);

// Records that the terms of a refusal are void. The same again changes nothing. Errors: those of
// read_refusal; where the terminal is enrolled, INVALID_ARGUMENT WRONG_TERMINAL (with another key),
// FAILED_PRECONDITION TERMINAL_REVOKED (before it refused).
absl::Status void_terms(const DepositParts& parts, protocol::ByteView refusal,
                        protocol::ByteView credential);

}  // namespace cafe::deposit
