// How a guardian's counter is loaded (section 5): the account holder's order, the issuer's answer
// with the load message for the guardian, and the certificate of the key that signs such messages.
// The load message itself is guardian.h's Load.
#pragma once

#include "libs/protocol/guardian.h"
#include "libs/protocol/registration.h"

namespace cafe::protocol {

// frame("cafe/v1/load-order", issuer id, account id, currency, u64 amount, u64 sequence), signed
// with the account key: debit the account and load the guardian's counter. Sequences count from 1
// for each account, whose guardian is one; amount > 0 (AMOUNT_ZERO), sequence > 0 (LOAD_SEQUENCE).
struct LoadOrder {
  std::string issuer_id;
  AccountId account;
  std::string currency;
  uint64_t amount;  // minor units
  uint64_t sequence;

  Bytes encode() const;
  static absl::StatusOr<LoadOrder> decode(ByteView bytes);
};

// frame("cafe/v1/load-query", issuer id, account id, u64 sequence), signed with the account key:
// asks for a load's answer again, by its sequence; 0 asks for the newest.
struct LoadQuery {
  std::string issuer_id;
  AccountId account;
  uint64_t sequence;

  Bytes encode() const;
  static absl::StatusOr<LoadQuery> decode(ByteView bytes);
};

// frame("cafe/v1/loaded", issuer id, account id, order digest, load frame, load signature), signed
// with the withdrawal key: the account was debited, and this message loads the guardian.
struct Loaded {
  std::string issuer_id;
  AccountId account;
  Bytes32 order_digest;  // of the signed load order's frame
  Bytes load;            // frame of guardian.h's Load
  Bytes load_signature;  // RSA-3072, see check_load

  Bytes encode() const;
  static absl::StatusOr<Loaded> decode(ByteView bytes);
};

// frame("cafe/v1/load-key", issuer id, SubjectPublicKeyInfo DER), signed with the master key: the
// key whose loads the manufacturer makes guardians take.
struct LoadKeyCertificate {
  std::string issuer_id;
  Bytes public_key_der;

  Bytes encode() const;
  static absl::StatusOr<LoadKeyCertificate> decode(ByteView bytes);
};

// Signature under the master key of the issuer that it names. UNKNOWN_ISSUER, BAD_SIGNATURE,
// BAD_LOAD_KEY where the key is no RSA key of 3072 bits.
absl::StatusOr<LoadKeyCertificate> open_load_key(const SignedDocument& document,
                                                 const TrustAnchors& anchors);

}  // namespace cafe::protocol
