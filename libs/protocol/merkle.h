// RFC 6962 Merkle trees of at least one leaf. A leaf's data here is u32 index ‖ point (section 1);
// no leaf is longer than kMaxLeafSize.
//
//   MerkleRoot root;                                // leaf by leaf, in fixed space
//   for (uint32_t i = 0; i < n; ++i) root.add(point_leaf(i, point(i)));
//   MerkleTree tree(point_leaves(points));          // all nodes: a path costs no hash
//   bool ok = merkle_verify(tree.root(), n, 7, point_leaf(7, points[7]), tree.path(7));
#pragma once

#include "libs/protocol/bytes.h"
#include "libs/protocol/point.h"

namespace cafe::protocol {

using MerklePath = std::vector<Bytes32>;

inline constexpr size_t kMaxLeafSize = 127;

// The tree hash of leaves that come one by one, at most 2^32 - 1. Takes nothing from the heap.
class MerkleRoot {
 public:
  void add(ByteView leaf);
  // Of the leaves added so far, at least one.
  Bytes32 root() const;

 private:
  // nodes_[k] is the hash of a whole subtree of 2^k leaves where bit k of count_ is set.
  std::array<Bytes32, 32> nodes_;
  uint32_t count_ = 0;
};

// A tree with all its nodes, some 64 bytes a leaf, for who gives many paths.
class MerkleTree {
 public:
  // `leaves` is not empty.
  explicit MerkleTree(std::span<const Bytes> leaves);

  const Bytes32& root() const { return levels_.back()[0]; }
  // The siblings from leaf `index` up to the root; index < the number of leaves.
  MerklePath path(size_t index) const;

 private:
  std::vector<std::vector<Bytes32>> levels_;  // the leaves' hashes first, the root last
};

// Tree hash over leaf data; `leaves` is not empty.
Bytes32 merkle_root(std::span<const Bytes> leaves);
// One path of a tree; MerkleTree where more than one is wanted.
MerklePath merkle_path(std::span<const Bytes> leaves, size_t index);
// RFC 9162 section 2.1.3.2. False for index >= size and for a path of the wrong length.
bool merkle_verify(const Bytes32& root, uint64_t size, uint64_t index, ByteView leaf,
                   std::span<const Bytes32> path);

using PointLeaf = std::array<uint8_t, 4 + Point::kSize>;
PointLeaf point_leaf(uint32_t index, const Point& point);
// The leaves of a list of points, in order.
std::vector<Bytes> point_leaves(std::span<const Point> points);

}  // namespace cafe::protocol
