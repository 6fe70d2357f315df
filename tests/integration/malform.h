// Makes requests that no client would send: random bytes, pieces of a valid request, a valid
// request altered in its bytes or in the fields of the documents that it carries, and well-formed
// messages of random content.
#pragma once

#include "libs/protocol/rng.h"
#include "tests/integration/valid_requests.h"

namespace cafe::testing {

enum class Malformation { kRandom, kTruncated, kMutated, kRandomFields };
inline constexpr Malformation kMalformations[] = {Malformation::kRandom, Malformation::kTruncated,
                                                  Malformation::kMutated,
                                                  Malformation::kRandomFields};
const char* name_of(Malformation kind);

// One of endless many, drawn from `rng`. Where the method trusts its caller, and would carry out
// whatever is well-formed, one of its items is broken for sure besides.
std::string malform(const ValidRequest& valid, Malformation kind, protocol::SeededRng& rng);

}  // namespace cafe::testing
