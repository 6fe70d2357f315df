// Everything that was signed about a claim, as a court would want it; and the hotlist.
#pragma once

#include "libs/protocol/hotlist.h"
#include "services/recovery/parts.h"

namespace cafe::recovery {

// The file of the claim that a signed ClaimQuery names, encoded. The claimant, the account itself
// and its last successor may ask. WRONG_ISSUER, NOT_FOUND UNKNOWN_CLAIM, NOT_THE_HOLDER,
// BAD_SIGNATURE, QUERY_STALE. A claim whose filing was interrupted is finished first.
absl::StatusOr<protocol::Bytes> show_claim(const RecoveryParts& parts, protocol::ByteView document,
                                           absl::Time deadline);

// A part of such a file, with what tells whether the next one is of the same.
struct ClaimSlice {
  protocol::ByteView bytes;  // of the file
  uint64_t size;             // of the whole file
  protocol::Bytes32 digest;  // SHA-256 of the whole file
};
inline constexpr size_t kSliceBytes = size_t{4} << 20;  // at most; a message takes twice that

// From `offset` on. BAD_OFFSET where the file does not reach as far.
absl::StatusOr<ClaimSlice> slice_of(protocol::ByteView file, uint64_t offset);

// What was claimed since edition `after`, signed. EDITION_AHEAD.
absl::StatusOr<protocol::Bytes> make_hotlist(const RecoveryParts& parts, uint64_t after);

// `entries` ascending by short id, those of one id together.
void merge_entries(std::vector<protocol::HotlistEntry>& entries);

}  // namespace cafe::recovery
