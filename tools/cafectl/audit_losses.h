// The part of the audit that is about lost accounts and their successors.
#pragma once

#include "tools/cafectl/audit_receipts.h"

namespace cafe::cafectl {

struct LossAudit {
  AuditCheck losses{
      .name = "lost accounts",
      .rule =
          "every lost account is closed where its signed statement says, on its holder's report or "
          "an operator's act; what a replaced one held was moved to its successor"};
  // Replaced accounts that something was credited to and not moved yet.
  uint64_t moves_in_progress = 0;
};

absl::StatusOr<LossAudit> check_losses(storage::Transaction& tx,
                                       const std::optional<protocol::TrustAnchors>& anchors);

}  // namespace cafe::cafectl
