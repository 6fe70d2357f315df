// Denominations for load tests: anyone can make their coins.
//
// A load test needs more valid coins a second than a withdrawal service signs. The key of such a
// denomination is derived from what everyone can see of it, so a generator makes its coins without
// asking anybody. That also means that such a coin is worth nothing: whoever serves real money
// refuses a list that holds one (docs/loadtesting.md).
#pragma once

#include "libs/protocol/denomination.h"

namespace cafe::protocol {

// x = scalar("cafe/v1/loadtest-key", issuer id, currency, u8 kind, u32 k, the k u64 slot values,
// u64 withdraw_from). `denomination.H` plays no part.
Scalar loadtest_key(const Denomination& denomination);

// Whether H = x·G for that x.
bool is_loadtest(const Denomination& denomination);

// For services in production: FAILED_PRECONDITION LOADTEST_DENOMINATION where any denomination of
// the list is one.
absl::Status refuse_loadtest(const DenominationList& list);

}  // namespace cafe::protocol
