// The terminals of a payee, as the acquirer enrolled them.
#pragma once

#include <optional>

#include "libs/protocol/credentials.h"

namespace cafe::deposit {

// A terminal whose certificate was verified.
struct Terminal {
  protocol::TerminalCertificate certificate;
  std::optional<uint64_t> revoked_ms;
};
using Terminals = absl::flat_hash_map<protocol::TerminalId, Terminal>;

// A terminal as it is enrolled.
struct EnrolledTerminal {
  protocol::PayeeId payee_id;
  protocol::TerminalId terminal_id;
  protocol::Bytes key;
  protocol::Bytes credential;
  std::optional<uint64_t> revoked_ms;
};

// Verifies the chain from the enrolled key up to the acquirer's master key, so that no key counts
// that only stands in the database. INTERNAL (TERMINAL_CREDENTIAL_INVALID) where the chain does
// not fit acquirer, payee, terminal and key.
absl::StatusOr<Terminal> open_terminal(const EnrolledTerminal& enrolled,
                                       const protocol::TrustAnchors& anchors,
                                       std::string_view acquirer_id);

// Whether what this terminal signed at that time counts. FAILED_PRECONDITION: TERMINAL_REVOKED,
// KEY_EXPIRED (also for a certificate that is not valid yet).
absl::Status check_terminal_at(const Terminal& terminal, uint64_t at_ms);

}  // namespace cafe::deposit
