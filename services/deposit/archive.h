// How a batch's parts lie in their columns: lists of byte strings, and the evidence of double
// spends.
#pragma once

#include <string>
#include <vector>

#include "libs/protocol/case_file.h"

namespace cafe::deposit {

// u32 length ‖ bytes of each item in order. For payments this is what the deposit order's payments
// digest is taken over, so an archive can be checked against what its payee signed.
protocol::Bytes encode_list(std::span<const protocol::Bytes> items);
protocol::Bytes encode_list(std::span<const std::string> items);

// The inverse. DATA_LOSS (ARCHIVE_DAMAGED) unless the bytes are exactly `count` items.
absl::StatusOr<std::vector<protocol::Bytes>> decode_list(protocol::ByteView bytes, size_t count);
absl::StatusOr<std::vector<std::string>> decode_texts(protocol::ByteView bytes, size_t count);

// The answer to another challenge for a slot that was spent before: with the coin that the payee
// has, it shows that the spender answered twice.
struct Evidence {
  uint32_t payment;
  uint32_t spend;
  protocol::SpendTrace first;  // the slot's first spend
};

// u32 payment ‖ u32 spend ‖ d ‖ r1 ‖ r2 of each.
protocol::Bytes encode_evidence(std::span<const Evidence> evidence);
absl::StatusOr<std::vector<Evidence>> decode_evidence(protocol::ByteView bytes);

}  // namespace cafe::deposit
