// What makes a posting well formed, the same for the ledger and its fake. For the .cc files of this
// folder only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "libs/storage/ledger.h"

namespace cafe::storage {

/// The lines of one account added up (nothing left = no line), in the order of their accounts.
/// BAD_POSTING.
absl::StatusOr<std::vector<LedgerLine>> normalised_lines(const Posting& posting);

absl::Status bad_posting(std::string_view why);

}  // namespace cafe::storage
