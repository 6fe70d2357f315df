// The hashes of section 1.
#pragma once

#include "libs/protocol/bytes.h"
#include "libs/protocol/frame.h"
#include "libs/protocol/scalar.h"

namespace cafe::protocol {

Bytes32 sha256(ByteView data);
Bytes64 sha512(ByteView data);
Bytes64 hmac_sha512(ByteView key, ByteView data);
// The first 32 bytes of HMAC-SHA-512.
Bytes32 mac(ByteView key, const Frame& frame);

// digest = SHA-256(frame); scalar = SHA-512(frame) mod q; prf_scalar = HMAC-SHA-512(key, frame) mod
// q.
Bytes32 digest(const Frame& frame);
Scalar hash_to_scalar(const Frame& frame);
Scalar prf_scalar(ByteView key, const Frame& frame);

}  // namespace cafe::protocol
