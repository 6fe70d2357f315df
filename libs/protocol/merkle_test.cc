// Merkle trees of every small size: leaf by leaf, as a tree of nodes, and by RFC 6962's own words.
#include "libs/protocol/merkle.h"

#include <bit>

#include "gtest/gtest.h"
#include "libs/protocol/frame.h"
#include "libs/protocol/hash.h"

namespace cafe::protocol {
namespace {

std::vector<Bytes> leaves_of(size_t n) {
  std::vector<Bytes> leaves;
  for (uint32_t i = 0; i < n; ++i) leaves.push_back(to_bytes(encode_u32(i * 77)));
  return leaves;
}

// RFC 6962 section 2.1, as it is written there.
Bytes32 by_definition(std::span<const Bytes> leaves) {
  Bytes data{static_cast<uint8_t>(leaves.size() == 1 ? 0 : 1)};
  if (leaves.size() == 1) {
    append(data, leaves[0]);
  } else {
    const size_t k = std::bit_floor(leaves.size() - 1);
    append(data, by_definition(leaves.first(k)));
    append(data, by_definition(leaves.subspan(k)));
  }
  return sha256(data);
}

TEST(Merkle, RootsOfAllSmallTreesAreThoseOfTheDefinition) {
  MerkleRoot growing;
  for (size_t n = 1; n <= 130; ++n) {
    const std::vector<Bytes> leaves = leaves_of(n);
    growing.add(leaves.back());
    EXPECT_EQ(growing.root(), by_definition(leaves)) << n;
    EXPECT_EQ(merkle_root(leaves), by_definition(leaves)) << n;
    EXPECT_EQ(MerkleTree(leaves).root(), by_definition(leaves)) << n;
  }
}

TEST(Merkle, EveryPathLeadsToTheRootAndNowhereElse) {
  for (const size_t n : {1u, 2u, 3u, 5u, 8u, 13u, 100u}) {
    const std::vector<Bytes> leaves = leaves_of(n);
    const MerkleTree tree(leaves);
    for (size_t i = 0; i < n; ++i) {
      const MerklePath path = tree.path(i);
      EXPECT_EQ(path, merkle_path(leaves, i));
      EXPECT_TRUE(merkle_verify(tree.root(), n, i, leaves[i], path)) << n << ' ' << i;
      EXPECT_FALSE(merkle_verify(tree.root(), n, (i + 1) % (n + 1), leaves[i], path));
      EXPECT_FALSE(merkle_verify(tree.root(), n, i, leaves_of(n + 1).back(), path));
    }
  }
}

TEST(Merkle, ALeafOfAPointNamesItsIndex) {
  const PointLeaf leaf = point_leaf(0x01020304, g1());
  EXPECT_EQ(to_hex(ByteView(leaf).first(4)), "01020304");
  EXPECT_TRUE(std::equal(leaf.begin() + 4, leaf.end(), g1().bytes().begin()));
  EXPECT_EQ(point_leaves(std::vector{g1(), g2()})[1], to_bytes(point_leaf(1, g2())));
}

}  // namespace
}  // namespace cafe::protocol
