// RFC 6962 Merkle trees of at least one leaf. A leaf's data here is u32 index ‖ point (section 1).
#pragma once

#include "libs/protocol/bytes.h"
#include "libs/protocol/point.h"

namespace cafe::protocol {

using MerklePath = std::vector<Bytes32>;

// Tree hash over leaf data; `leaves` is not empty.
Bytes32 merkle_root(std::span<const Bytes> leaves);
// The siblings from leaf `index` up to the root; index < leaves.size().
MerklePath merkle_path(std::span<const Bytes> leaves, size_t index);
// RFC 9162 section 2.1.3.2. False for index >= size and for a path of the wrong length.
bool merkle_verify(const Bytes32& root, uint64_t size, uint64_t index, ByteView leaf,
                   std::span<const Bytes32> path);

Bytes point_leaf(uint32_t index, const Point& point);
// The leaves of a list of points, in order.
std::vector<Bytes> point_leaves(std::span<const Point> points);

}  // namespace cafe::protocol
