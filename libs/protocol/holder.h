// An account holder who shows which account is hers: to identify herself to a payee above the
// identification limit (section 10 "limits"), and to pay money back into her own account.
#pragma once

#include "libs/protocol/registration.h"

namespace cafe::protocol {

// The issuer's receipt of her registration, which names her account and its key K, with the
// certificate of the withdrawal key that signed it.
struct HolderCredential {
  SignedDocument withdrawal_key;
  SignedDocument receipt;

  Bytes encode() const;  // frame("cafe/v1/holder-credential", ...)
  static absl::StatusOr<HolderCredential> decode(ByteView bytes);
  // Checks the chain up to the issuer's master key, the key's dates at the receipt's time
  // (KEY_EXPIRED), and that both name the same issuer (WRONG_ISSUER).
  absl::StatusOr<RegistrationReceipt> open(const TrustAnchors& anchors) const;
  bool operator==(const HolderCredential&) const = default;
};

// Who a holder is as a payee of her own: ids that follow from her account, so that nobody else can
// have them. The terms of such a payment are signed with K.
PayeeId holder_payee_id(const AccountId& account);
TerminalId holder_terminal_id(const AccountId& account);

// The payer of one set of terms, by her account: `statement` is frame("cafe/v1/identification",
// issuer id, account id, terms digest), signed with the account key.
struct Identification {
  HolderCredential credential;
  SignedDocument statement;

  static Identification make(const HolderCredential& credential, std::string_view issuer_id,
                             const AccountId& account, const Bytes32& terms_digest,
                             const SigningKey& account_key);

  Bytes encode() const;  // frame("cafe/v1/identified-payer", credential, statement)
  static absl::StatusOr<Identification> decode(ByteView bytes);
  bool operator==(const Identification&) const = default;
};

// The account that `identification` names: of `issuer_id` (WRONG_ISSUER), for these terms
// (WRONG_TERMS), signed with its key (BAD_SIGNATURE), which the issuer registered.
absl::StatusOr<AccountId> check_identification(const Identification& identification,
                                               std::string_view issuer_id,
                                               const Bytes32& terms_digest,
                                               const TrustAnchors& anchors);

}  // namespace cafe::protocol
