#include "libs/protocol/merkle.h"

#include <bit>
#include <cstdlib>

#include "libs/protocol/frame.h"
#include "libs/protocol/hash.h"

namespace cafe::protocol {

namespace {

Bytes32 hash_leaf(ByteView leaf) {
  if (leaf.size() > kMaxLeafSize) std::abort();
  std::array<uint8_t, 1 + kMaxLeafSize> data{0};
  std::copy(leaf.begin(), leaf.end(), data.begin() + 1);
  return sha256(ByteView(data).first(1 + leaf.size()));
}

Bytes32 hash_node(const Bytes32& left, const Bytes32& right) {
  std::array<uint8_t, 65> data;
  data[0] = 1;
  std::copy(left.begin(), left.end(), data.begin() + 1);
  std::copy(right.begin(), right.end(), data.begin() + 33);
  return sha256(data);
}

}  // namespace

void MerkleRoot::add(ByteView leaf) {
  Bytes32 node = hash_leaf(leaf);
  size_t level = 0;
  for (; (count_ >> level & 1) != 0; ++level) node = hash_node(nodes_[level], node);
  nodes_[level] = node;
  ++count_;
}

Bytes32 MerkleRoot::root() const {
  // The whole subtrees, from the smallest on the right to the largest on the left.
  auto level = static_cast<size_t>(std::countr_zero(count_));
  Bytes32 node = nodes_[level];
  for (++level; level < nodes_.size(); ++level) {
    if ((count_ >> level & 1) != 0) node = hash_node(nodes_[level], node);
  }
  return node;
}

MerkleTree::MerkleTree(std::span<const Bytes> leaves) {
  std::vector<Bytes32>& hashes = levels_.emplace_back();
  hashes.reserve(leaves.size());
  for (const Bytes& leaf : leaves) hashes.push_back(hash_leaf(leaf));
  while (levels_.back().size() > 1) {
    const std::vector<Bytes32>& below = levels_.back();
    std::vector<Bytes32> level;
    level.reserve((below.size() + 1) / 2);
    for (size_t i = 0; i + 1 < below.size(); i += 2) {
      level.push_back(hash_node(below[i], below[i + 1]));
    }
    // A node without a sibling goes up as it is: its subtree is the right one of a higher node.
    if (below.size() % 2 != 0) level.push_back(below.back());
    levels_.push_back(std::move(level));
  }
}

MerklePath MerkleTree::path(size_t index) const {
  MerklePath path;
  for (const std::vector<Bytes32>& level : levels_) {
    if ((index ^ 1) < level.size()) path.push_back(level[index ^ 1]);
    index /= 2;
  }
  return path;
}

Bytes32 merkle_root(std::span<const Bytes> leaves) {
  MerkleRoot root;
  for (const Bytes& leaf : leaves) root.add(leaf);
  return root.root();
}

MerklePath merkle_path(std::span<const Bytes> leaves, size_t index) {
  return MerkleTree(leaves).path(index);
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

PointLeaf point_leaf(uint32_t index, const Point& point) {
  PointLeaf leaf;
  const auto number = encode_u32(index);
  std::copy(number.begin(), number.end(), leaf.begin());
  std::copy(point.bytes().begin(), point.bytes().end(), leaf.begin() + 4);
  return leaf;
}

std::vector<Bytes> point_leaves(std::span<const Point> points) {
  std::vector<Bytes> leaves;
  leaves.reserve(points.size());
  for (size_t i = 0; i < points.size(); ++i) {
    leaves.push_back(to_bytes(point_leaf(static_cast<uint32_t>(i), points[i])));
  }
  return leaves;
}

}  // namespace cafe::protocol
