// Signatures of legal weight: ECDSA on P-256 with SHA-256, r‖s in 64 bytes, and signed documents.
#pragma once

#include "libs/protocol/bytes.h"
#include "libs/protocol/point.h"
#include "libs/protocol/scalar.h"

namespace cafe::protocol {

using Signature = Bytes64;

// A signing key. Nonces are RFC 6979's, so that a signature needs no randomness and repeats for the
// same message.
class SigningKey {
 public:
  // UNUSABLE_KEY for a zero scalar.
  static absl::StatusOr<SigningKey> create(const Scalar& secret);

  const Point& public_key() const { return public_key_; }
  const Scalar& secret() const { return secret_; }
  Signature sign(ByteView message) const;

 private:
  SigningKey(const Scalar& secret, const Point& public_key)
      : secret_(secret), public_key_(public_key) {}
  Scalar secret_;
  Point public_key_;
};

bool verify(const Point& public_key, ByteView message, const Signature& signature);
// The same where the message's SHA-256 is known.
bool verify_digest(const Point& public_key, const Bytes32& digest, const Signature& signature);

// One of many signatures to be checked: over the message whose SHA-256 is `digest`.
struct SignatureCheck {
  const Point* key;
  Bytes32 digest;
  Signature signature;
};

// n answers for n signatures, the same as verify gives. Public data only, in variable time. Where
// many are by one key, as those of a terminal's terms are, each costs a tenth of verify.
std::vector<bool> check_signatures_var(std::span<const SignatureCheck> checks);

// A frame and its signature. The frame's label says what it is; who must have signed it, whoever
// reads it knows.
struct SignedDocument {
  Bytes frame;
  Signature signature;

  static SignedDocument sign(Bytes frame, const SigningKey& key);
  // UNAUTHENTICATED (BAD_SIGNATURE) where `signer` did not sign it.
  absl::Status check(const Point& signer) const;
  Bytes encode() const;  // frame("cafe/v1/signed", frame, signature)
  static absl::StatusOr<SignedDocument> decode(ByteView bytes);
  // SHA-256 of the frame: how other documents refer to this one.
  Bytes32 digest() const;
  bool operator==(const SignedDocument&) const = default;
};

}  // namespace cafe::protocol
