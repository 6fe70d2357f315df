// A replacement that an account's key asks for needs two signatures over one frame
// (loss.h, "cafe/v1/replacement"): the lost account's, which makes the document, and the
// successor's, its *consent*. What is charged to the claims of a lost account is taken from its
// successor, so nobody becomes one unasked.
#pragma once

#include "libs/protocol/ecdsa.h"

namespace cafe::protocol {

// Whether `consent` is the 64 bytes that the successor's account key `K` signs the replacement's
// frame with. UNAUTHENTICATED (SUCCESSOR_UNWILLING) where it is missing or anything else.
absl::Status check_consent(const SignedDocument& replacement, ByteView consent, const Point& K);

}  // namespace cafe::protocol
