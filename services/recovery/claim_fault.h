// Why a claim is refused.
#pragma once

#include <optional>
#include <string>

#include "libs/protocol/claim_documents.h"

namespace cafe::recovery {

// A well-formed claim of a holder's that is not good: she gets a signed refusal with this.
struct ClaimFault {
  std::string reason;                                   // UPPER_SNAKE
  uint32_t item = protocol::ClaimRefused::kWholeClaim;  // the coin or the payment, by its place
  bool operator==(const ClaimFault&) const = default;
};

// What a check that found an error says of an item of the claim.
inline ClaimFault fault_of(const absl::Status& status, size_t item) {
  const std::string reason = protocol::reason_of(status);
  return {reason.empty() ? "CLAIM_INVALID" : reason, static_cast<uint32_t>(item)};
}

}  // namespace cafe::recovery
