// RSA keys for loads, made while the test runs.
#pragma once

#include <string_view>

#include "libs/protocol/bytes.h"

namespace cafe::testing {

// As DER: PKCS #8 and SubjectPublicKeyInfo.
struct LoadKeyPair {
  protocol::Bytes private_der;
  protocol::Bytes public_der;
};

LoadKeyPair make_rsa(size_t bits);
// A key of another kind, which loads nothing.
LoadKeyPair make_p256();

// The load key of an issuer, made at the first call: RSA keys take their time.
const LoadKeyPair& load_key_of(std::string_view issuer_id);

}  // namespace cafe::testing
