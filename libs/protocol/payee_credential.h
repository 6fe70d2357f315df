// Whose key signed the terms of a payment: an enrolled terminal's, or that of an account holder who
// pays money back into her own account (holder.h). Acquirers and judges take either.
#pragma once

#include "libs/protocol/holder.h"

namespace cafe::protocol {

struct PayeeCredential {
  // Either is one.
  PayeeCredential(TerminalCredential terminal);  // NOLINT(google-explicit-constructor)
  PayeeCredential(HolderCredential holder);      // NOLINT(google-explicit-constructor)

  bool is_holder;
  SignedDocument issuer_key;  // the certificate of the enrolment key, or of the withdrawal key
  SignedDocument document;    // the terminal's certificate, or the holder's receipt

  // The frame of the one that it is, told apart by its label (WRONG_LABEL for any other).
  Bytes encode() const;
  static absl::StatusOr<PayeeCredential> decode(ByteView bytes);

  // Checks the chain up to the acquirer's master key: acquirer, payee, terminal and key. A holder's
  // are her issuer, the ids that follow from her account, and K, without an end; `at_s` judges a
  // terminal's dates only.
  absl::StatusOr<TerminalCertificate> open(const TrustAnchors& anchors,
                                           std::optional<uint64_t> at_s) const;
};

}  // namespace cafe::protocol
