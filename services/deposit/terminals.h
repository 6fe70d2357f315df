// The terminals of a payee, as the acquirer enrolled them. Of an account holder that is her account
// key.
#pragma once

#include <optional>

#include "libs/platform/bounded_cache.h"
#include "libs/protocol/payee_credential.h"

namespace cafe::deposit {

// A terminal whose certificate was verified.
struct Terminal {
  protocol::TerminalCertificate certificate;
  std::optional<uint64_t> revoked_ms;
  bool is_holder = false;  // an account holder, who pays money back
};
using Terminals = absl::flat_hash_map<protocol::TerminalId, Terminal>;

// A terminal as it is enrolled.
struct EnrolledTerminal {
  protocol::PayeeId payee_id;
  protocol::TerminalId terminal_id;
  protocol::Bytes key;
  protocol::Bytes credential;  // protocol::PayeeCredential
  std::optional<uint64_t> revoked_ms;
};

// Verifies the chain from the enrolled key up to the acquirer's master key, so that no key counts
// that only stands in the database. INTERNAL (TERMINAL_CREDENTIAL_INVALID) where the chain does
// not fit acquirer, payee, terminal and key.
absl::StatusOr<Terminal> open_terminal(const EnrolledTerminal& enrolled,
                                       const protocol::TrustAnchors& anchors,
                                       std::string_view acquirer_id);

// open_terminal, with the signatures of a chain checked once only. What else an enrolment says is
// compared each time, so a row that changed is seen at once. Thread-safe.
class TerminalOpener {
 public:
  // `anchors` must outlive it.
  TerminalOpener(const protocol::TrustAnchors& anchors, std::string acquirer_id)
      : anchors_(anchors), acquirer_id_(std::move(acquirer_id)) {}
  absl::StatusOr<Terminal> open(const EnrolledTerminal& enrolled);
  size_t known() const { return opened_.size(); }

 private:
  const protocol::TrustAnchors& anchors_;
  const std::string acquirer_id_;
  // By credential; as if none were revoked.
  platform::BoundedCache<protocol::Bytes, Terminal> opened_{20'000};
};

// Whether what this terminal signed at that time counts. FAILED_PRECONDITION: TERMINAL_REVOKED,
// KEY_EXPIRED (also for a certificate that is not valid yet).
absl::Status check_terminal_at(const Terminal& terminal, uint64_t at_ms);

}  // namespace cafe::deposit
