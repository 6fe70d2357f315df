// The manufacturer of guardians (section 3).
#pragma once

#include "device-sim/firmware/guardian/guardian.h"
#include "libs/protocol/credentials.h"
#include "libs/protocol/load_order.h"

namespace cafe::host {

// A factory's output: a guardian with keys of its own that takes the loads of `load_keys`,
// certified and locked. GUARDIAN_REFUSED where the chip is not blank.
absl::Status make_guardian(guardian::Guardian& chip, const protocol::Serial& serial,
                           const protocol::SigningKey& manufacturer,
                           std::span<const protocol::LoadKeyCertificate> load_keys);

}  // namespace cafe::host
