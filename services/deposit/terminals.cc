#include "services/deposit/terminals.h"

namespace cafe::deposit {

using protocol::TerminalCertificate;
using protocol::TerminalCredential;

absl::StatusOr<Terminal> open_terminal(const EnrolledTerminal& enrolled,
                                       const protocol::TrustAnchors& anchors,
                                       std::string_view acquirer_id) {
  const auto invalid_credential = [](std::string_view why) {
    return protocol::make_error(absl::StatusCode::kInternal, "TERMINAL_CREDENTIAL_INVALID",
                                std::string("A terminal is enrolled with a credential that does "
                                            "not certify it; enrol it again: ") +
                                    std::string(why));
  };
  const absl::StatusOr<TerminalCredential> credential =
      TerminalCredential::decode(enrolled.credential);
  if (!credential.ok()) return invalid_credential(protocol::reason_of(credential.status()));
  // Dates are judged by what the terminal signed, and when.
  absl::StatusOr<TerminalCertificate> certificate = credential->open(anchors, std::nullopt);
  if (!certificate.ok()) return invalid_credential(protocol::reason_of(certificate.status()));
  if (certificate->acquirer_id != acquirer_id || certificate->payee_id != enrolled.payee_id ||
      certificate->terminal_id != enrolled.terminal_id ||
      protocol::to_bytes(certificate->key.bytes()) != enrolled.key) {
    return invalid_credential("it names another acquirer, payee, terminal or key");
  }
  return Terminal{*std::move(certificate), enrolled.revoked_ms};
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
