#include "libs/protocol/merkle.h"

#include <bit>

#include "libs/protocol/frame.h"
#include "libs/protocol/hash.h"

namespace cafe::protocol {

namespace {

Bytes32 hash_leaf(ByteView leaf) {
  Bytes data{0};
  append(data, leaf);
  return sha256(data);
}

Bytes32 hash_node(const Bytes32& left, const Bytes32& right) {
  std::array<uint8_t, 65> data;
  data[0] = 1;
  std::copy(left.begin(), left.end(), data.begin() + 1);
  std::copy(right.begin(), right.end(), data.begin() + 33);
  return sha256(data);
}

// The largest power of two below n; n >= 2.
size_t split(size_t n) { return std::bit_floor(n - 1); }

}  // namespace

Bytes32 merkle_root(std::span<const Bytes> leaves) {
  if (leaves.size() == 1) return hash_leaf(leaves[0]);
  const size_t k = split(leaves.size());
  return hash_node(merkle_root(leaves.first(k)), merkle_root(leaves.subspan(k)));
}

MerklePath merkle_path(std::span<const Bytes> leaves, size_t index) {
  if (leaves.size() == 1) return {};
  const size_t k = split(leaves.size());
  const bool left = index < k;
  MerklePath path =
      left ? merkle_path(leaves.first(k), index) : merkle_path(leaves.subspan(k), index - k);
  path.push_back(merkle_root(left ? leaves.subspan(k) : leaves.first(k)));
  return path;
}

bool merkle_verify(const Bytes32& root, uint64_t size, uint64_t index, ByteView leaf,
                   std::span<const Bytes32> path) {
  if (index >= size) return false;
  uint64_t fn = index;
  uint64_t sn = size - 1;
  Bytes32 r = hash_leaf(leaf);
  for (const Bytes32& p : path) {
    if (sn == 0) return false;
    if ((fn & 1) != 0 || fn == sn) {
      r = hash_node(p, r);
      while ((fn & 1) == 0 && fn != 0) {
        fn >>= 1;
        sn >>= 1;
      }
    } else {
      r = hash_node(r, p);
    }
    fn >>= 1;
    sn >>= 1;
  }
  return sn == 0 && r == root;
}

Bytes point_leaf(uint32_t index, const Point& point) {
  Bytes leaf;
  leaf.reserve(4 + Point::kSize);
  append(leaf, encode_u32(index));
  append(leaf, point.bytes());
  return leaf;
}

std::vector<Bytes> point_leaves(std::span<const Point> points) {
  std::vector<Bytes> leaves;
  leaves.reserve(points.size());
  for (size_t i = 0; i < points.size(); ++i) {
    leaves.push_back(point_leaf(static_cast<uint32_t>(i), points[i]));
  }
  return leaves;
}

}  // namespace cafe::protocol
