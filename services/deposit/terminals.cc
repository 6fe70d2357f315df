#include "services/deposit/terminals.h"

#include <algorithm>

namespace cafe::deposit {

using protocol::PayeeCredential;
using protocol::TerminalCertificate;

namespace {

absl::Status invalid_credential(std::string_view why) {
  return protocol::make_error(
      absl::StatusCode::kInternal, "TERMINAL_CREDENTIAL_INVALID",
      std::string("A terminal is enrolled with a credential that does not certify it; enrol it "
                  "again: ") +
          std::string(why));
}

// The end of a chain that verifies.
absl::StatusOr<Terminal> open_chain(protocol::ByteView bytes,
                                    const protocol::TrustAnchors& anchors) {
  const absl::StatusOr<PayeeCredential> credential = PayeeCredential::decode(bytes);
  if (!credential.ok()) return invalid_credential(protocol::reason_of(credential.status()));
  // Dates are judged by what the terminal signed, and when.
  absl::StatusOr<TerminalCertificate> certificate = credential->open(anchors, std::nullopt);
  if (!certificate.ok()) return invalid_credential(protocol::reason_of(certificate.status()));
  return Terminal{.certificate = *std::move(certificate),
                  .revoked_ms = std::nullopt,
                  .is_holder = credential->is_holder};
}

absl::StatusOr<Terminal> fit(const EnrolledTerminal& enrolled, Terminal opened,
                             std::string_view acquirer_id) {
  const TerminalCertificate& certificate = opened.certificate;
  const auto& key = certificate.key.bytes();
  if (certificate.acquirer_id != acquirer_id || certificate.payee_id != enrolled.payee_id ||
      certificate.terminal_id != enrolled.terminal_id ||
      !std::equal(key.begin(), key.end(), enrolled.key.begin(), enrolled.key.end())) {
    return invalid_credential("it names another acquirer, payee, terminal or key");
  }
  opened.revoked_ms = enrolled.revoked_ms;
  return opened;
}

}  // namespace

absl::StatusOr<Terminal> open_terminal(const EnrolledTerminal& enrolled,
                                       const protocol::TrustAnchors& anchors,
                                       std::string_view acquirer_id) {
  CAFE_ASSIGN_OR_RETURN(Terminal opened, open_chain(enrolled.credential, anchors));
  return fit(enrolled, std::move(opened), acquirer_id);
}

absl::StatusOr<Terminal> TerminalOpener::open(const EnrolledTerminal& enrolled) {
  if (auto known = opened_.find(enrolled.credential)) {
    return fit(enrolled, *std::move(known), acquirer_id_);
  }
  CAFE_ASSIGN_OR_RETURN(Terminal opened, open_chain(enrolled.credential, anchors_));
  opened_.insert(enrolled.credential, opened);
  return fit(enrolled, std::move(opened), acquirer_id_);
}

absl::Status check_terminal_at(const Terminal& terminal, uint64_t at_ms) {
  if (terminal.revoked_ms && at_ms >= *terminal.revoked_ms) {
    return protocol::refused("TERMINAL_REVOKED",
                             "This terminal was revoked before it signed this: use another one.");
  }
  const uint64_t at_s = at_ms / 1000;
  if (at_s < terminal.certificate.valid_from || at_s >= terminal.certificate.valid_until) {
    return protocol::refused(
        "KEY_EXPIRED", "The terminal's certificate was not valid when it signed this: renew it.");
  }
  return absl::OkStatus();
}

}  // namespace cafe::deposit
