// Goes through the claims of which something is due. Several workers share them: whoever takes one
// puts it off for the others.
#pragma once

#include <stop_token>

#include "services/recovery/parts.h"

namespace cafe::recovery {

// One pass, until nothing more is due. What fails is noted at its claim and tried again after the
// interval; the first error is returned.
absl::Status advance_due_claims(const RecoveryParts& parts, const std::stop_token& stop);

}  // namespace cafe::recovery
