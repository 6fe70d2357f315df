#include "libs/protocol/payee_credential.h"

namespace cafe::protocol {

PayeeCredential::PayeeCredential(TerminalCredential terminal)
    : is_holder(false),
      issuer_key(std::move(terminal.enrolment_key)),
      document(std::move(terminal.terminal)) {}

PayeeCredential::PayeeCredential(HolderCredential holder)
    : is_holder(true),
      issuer_key(std::move(holder.withdrawal_key)),
      document(std::move(holder.receipt)) {}

Bytes PayeeCredential::encode() const {
  return is_holder ? HolderCredential{issuer_key, document}.encode()
                   : TerminalCredential{issuer_key, document}.encode();
}

absl::StatusOr<PayeeCredential> PayeeCredential::decode(ByteView bytes) {
  absl::StatusOr<TerminalCredential> terminal = TerminalCredential::decode(bytes);
  if (terminal.ok()) return PayeeCredential(*std::move(terminal));
  if (reason_of(terminal.status()) != "WRONG_LABEL") return terminal.status();
  CAFE_ASSIGN_OR_RETURN(HolderCredential holder, HolderCredential::decode(bytes));
  return PayeeCredential(std::move(holder));
}

absl::StatusOr<TerminalCertificate> PayeeCredential::open(const TrustAnchors& anchors,
                                                          std::optional<uint64_t> at_s) const {
  if (!is_holder) return TerminalCredential{issuer_key, document}.open(anchors, at_s);
  CAFE_ASSIGN_OR_RETURN(const RegistrationReceipt registered,
                        (HolderCredential{issuer_key, document}.open(anchors)));
  return TerminalCertificate{.acquirer_id = registered.issuer_id,
                             .payee_id = holder_payee_id(registered.account),
                             .terminal_id = holder_terminal_id(registered.account),
                             .key = registered.K,
                             .payee_name = {},
                             .valid_from = 0,
                             .valid_until = UINT64_MAX};
}

}  // namespace cafe::protocol
