// Tells withdrawal which denominations are stopped, until it has confirmed each.
#pragma once

#include <stop_token>

#include "services/deposit/parts.h"

namespace cafe::deposit {

// One round over the stops that are not confirmed. The first error, if any; the rest is tried all
// the same.
absl::Status confirm_stops(const DepositParts& parts, Withdrawal& withdrawal,
                           const std::stop_token& stop);

}  // namespace cafe::deposit
