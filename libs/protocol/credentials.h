// Who may sign what: certificates of keys, terminals and guardians, each a signed document. The
// roots are the issuers' master keys and the manufacturers' keys.
#pragma once

#include "absl/container/flat_hash_map.h"
#include "libs/protocol/ecdsa.h"
#include "libs/protocol/frame.h"

namespace cafe::protocol {

// What a certified on-line key of an issuer signs.
inline constexpr std::string_view kPurposeWithdrawal =
    "withdrawal";                                                   // registrations, orders, voids
inline constexpr std::string_view kPurposeDeposit = "deposit";      // receipts, authorizations
inline constexpr std::string_view kPurposeCoinstore = "coinstore";  // look-up answers, cases
inline constexpr std::string_view kPurposeEnrolment = "enrolment";  // payees and terminals
inline constexpr std::string_view kPurposeRecovery = "recovery";    // backups, listings, claims

// frame("cafe/v1/key", issuer id, purpose, key, u64 valid_from, u64 valid_until), signed by the
// master key. Unix seconds.
struct KeyCertificate {
  std::string issuer_id;
  std::string purpose;
  Point key;
  uint64_t valid_from;
  uint64_t valid_until;

  Bytes encode() const;
  static absl::StatusOr<KeyCertificate> decode(ByteView bytes);
};

// The public keys from which everything is checked.
struct TrustAnchors {
  absl::flat_hash_map<std::string, Point> master_keys;  // by issuer id
  std::vector<Point> manufacturer_keys;

  // UNKNOWN_ISSUER where `issuer_id` is not among them.
  absl::StatusOr<Point> master_key(std::string_view issuer_id) const;
};

// Signature under the issuer's master key, purpose (WRONG_PURPOSE) and date (KEY_EXPIRED) of a
// certificate. With no `at_s`, dates are not judged (a court looks at old evidence).
absl::StatusOr<KeyCertificate> open_key_certificate(const SignedDocument& document,
                                                    const TrustAnchors& anchors,
                                                    std::string_view purpose,
                                                    std::optional<uint64_t> at_s);

// frame("cafe/v1/terminal", acquirer id, payee id, terminal id, key, payee name, u64 valid_from,
// u64 valid_until), signed by the acquirer's enrolment key.
struct TerminalCertificate {
  std::string acquirer_id;
  PayeeId payee_id;
  TerminalId terminal_id;
  Point key;
  std::string payee_name;  // shown to the payer
  uint64_t valid_from;
  uint64_t valid_until;

  Bytes encode() const;
  static absl::StatusOr<TerminalCertificate> decode(ByteView bytes);
};

// A terminal's certificate with the certificate of the enrolment key that signed it.
struct TerminalCredential {
  SignedDocument enrolment_key;
  SignedDocument terminal;

  Bytes encode() const;  // frame("cafe/v1/terminal-credential", ...)
  static absl::StatusOr<TerminalCredential> decode(ByteView bytes);
  // Checks the chain up to the acquirer's master key, and that both name the same acquirer
  // (WRONG_ACQUIRER).
  absl::StatusOr<TerminalCertificate> open(const TrustAnchors& anchors,
                                           std::optional<uint64_t> at_s) const;
};

// frame("cafe/v1/guardian", serial, A_O, A_Q), signed by the manufacturer (section 3.1).
struct GuardianCertificate {
  Serial serial;
  Point A_O;  // o_coin·G1
  Point A_Q;  // o_cheque·G1

  Bytes encode() const;
  static absl::StatusOr<GuardianCertificate> decode(ByteView bytes);
};

// Signed by one of the manufacturers (UNKNOWN_MANUFACTURER).
absl::StatusOr<GuardianCertificate> open_guardian_certificate(const SignedDocument& document,
                                                              const TrustAnchors& anchors);

}  // namespace cafe::protocol
