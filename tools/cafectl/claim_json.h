// A claim as a file that anyone can check: JSON with the claim file's frame in hexadecimal, and
// before it, for people, what it says. See docs/reference.md for the fields.
#pragma once

#include <string>

#include "libs/protocol/claim_file.h"
#include "tools/cafectl/output.h"

namespace cafe::cafectl {

// What the documents of a claim say, unchecked: who claims what, and what became of it. The reasons
// of their decoders.
absl::StatusOr<Json> describe_claim(const protocol::ClaimFile& file);

absl::StatusOr<Json> to_claim_evidence(const protocol::ClaimFile& file);

// BAD_EVIDENCE where a field is missing, unknown or malformed, or the part for people says
// something else than the frame. protocol::verify_claim_file judges the result.
absl::StatusOr<protocol::ClaimFile> parse_claim_evidence(std::string_view text);

std::string_view claim_kind_name(protocol::ClaimKind kind);     // "coins", "cheques", "payments"
std::string_view claim_state_name(protocol::ClaimState state);  // "held", "credited", "final"
// Totals and deductions as JSON rows; amounts in minor units, and as people write them.
Json describe_totals(std::span<const protocol::ClaimTotal> totals);

}  // namespace cafe::cafectl
