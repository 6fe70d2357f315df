#include "services/deposit/archive.h"

#include <gtest/gtest.h>

#include "libs/protocol/deposit.h"
#include "libs/protocol/hash.h"
#include "libs/protocol/rng.h"

namespace cafe::deposit {
namespace {

using protocol::Bytes;
using protocol::reason_of;

TEST(Archive, GivesBackEveryItem) {
  const std::vector<Bytes> items = {{1, 2, 3}, {}, Bytes(70'000, 7), {9}};
  const absl::StatusOr<std::vector<Bytes>> read = decode_list(encode_list(items), items.size());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, items);
}

TEST(Archive, IsWhatThePaymentsDigestIsTakenOver) {
  const std::vector<Bytes> items = {{1, 2, 3}, {4}};
  EXPECT_EQ(protocol::sha256(encode_list(items)), protocol::payments_digest(items));
}

TEST(Archive, KeepsReasons) {
  const std::vector<std::string> reasons = {"", "SPEND_INVALID", ""};
  EXPECT_EQ(*decode_texts(encode_list(reasons), 3), reasons);
}

TEST(Archive, RefusesDamage) {
  const std::vector<Bytes> items = {{1, 2, 3}, {4, 5}};
  const Bytes good = encode_list(items);
  for (size_t length = 0; length < good.size(); ++length) {
    const auto read = decode_list(protocol::ByteView(good).first(length), 2);
    EXPECT_EQ(reason_of(read.status()), "ARCHIVE_DAMAGED") << length;
  }
  Bytes longer = good;
  longer.push_back(0);
  EXPECT_EQ(reason_of(decode_list(longer, 2).status()), "ARCHIVE_DAMAGED");
  EXPECT_EQ(reason_of(decode_list(good, 1).status()), "ARCHIVE_DAMAGED");
  EXPECT_EQ(reason_of(decode_list(good, 3).status()), "ARCHIVE_DAMAGED");
  Bytes huge = good;
  huge[0] = 0xff;  // a length far beyond the end
  EXPECT_EQ(reason_of(decode_list(huge, 2).status()), "ARCHIVE_DAMAGED");
}

TEST(Archive, KeepsEvidence) {
  protocol::SeededRng rng("evidence");
  const std::vector<Evidence> evidence = {
      {0, 3, {rng.scalar(), rng.scalar(), rng.scalar()}},
      {999, 127, {rng.scalar(), rng.scalar(), rng.scalar()}},
  };
  Bytes encoded = encode_evidence(evidence);
  const absl::StatusOr<std::vector<Evidence>> read = decode_evidence(encoded);
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_EQ(read->size(), 2u);
  EXPECT_EQ((*read)[1].payment, 999u);
  EXPECT_EQ((*read)[1].spend, 127u);
  EXPECT_EQ((*read)[1].first.d, evidence[1].first.d);
  EXPECT_EQ((*read)[0].first.r1, evidence[0].first.r1);
  EXPECT_EQ((*read)[0].first.r2, evidence[0].first.r2);

  std::fill(encoded.begin() + 8, encoded.begin() + 40, 0xff);  // d >= q
  EXPECT_EQ(reason_of(decode_evidence(encoded).status()), "ARCHIVE_DAMAGED");
  encoded.pop_back();
  EXPECT_EQ(reason_of(decode_evidence(encoded).status()), "ARCHIVE_DAMAGED");
}

}  // namespace
}  // namespace cafe::deposit
