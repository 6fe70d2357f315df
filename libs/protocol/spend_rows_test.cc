#include "libs/protocol/spend_rows.h"

#include <gtest/gtest.h>

#include "libs/protocol/rng.h"
#include "libs/protocol/scalar.h"

namespace cafe::protocol {
namespace {

PackedSpend make_row(SeededRng& rng) {
  return {.coin_id = {rng.array<32>()},
          .d = rng.scalar().bytes(),
          .r1 = rng.scalar().bytes(),
          .r2 = rng.scalar().bytes(),
          .deposit_until = 0x0102030405060708,
          .claim_until = 0x1112131415161718,
          .batch = 0x2122232425262728,
          .position = 0x31323334,
          .slot = 0x41424344,
          .ticks = 0x51525354};
}

TEST(SpendRowsTest, ReadsWhatWasAppended) {
  SeededRng rng("spend rows");
  std::vector<PackedSpend> rows;
  std::string packed;
  for (int i = 0; i < 5; ++i) {
    rows.push_back(make_row(rng));
    append_spend_row(packed, rows.back());
  }
  ASSERT_EQ(packed.size(), 5 * kSpendRowSize);
  const auto opened = SpendRows::open(packed);
  ASSERT_TRUE(opened.ok()) << opened.status();
  ASSERT_EQ(opened->size(), rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ((*opened)[i], rows[i]);
    EXPECT_TRUE(opened->has_canonical_scalars(i));
  }
}

// What the wire contract says, byte by byte.
TEST(SpendRowsTest, TheFieldsStandWhereTheContractSays) {
  SeededRng rng("layout");
  const PackedSpend row = make_row(rng);
  std::string packed;
  append_spend_row(packed, row);
  EXPECT_EQ(packed.substr(0, 32), to_string(row.coin_id));
  EXPECT_EQ(packed.substr(32, 32), to_string(row.d));
  EXPECT_EQ(packed.substr(64, 32), to_string(row.r1));
  EXPECT_EQ(packed.substr(96, 32), to_string(row.r2));
  EXPECT_EQ(to_hex(view_of(packed.substr(128))),
            "01020304050607081112131415161718212223242526272831323334"
            "4142434451525354");
}

TEST(SpendRowsTest, RefusesHalfARow) {
  EXPECT_EQ(SpendRows::open("")->size(), 0u);
  for (const size_t size : {1u, 163u, 165u, 327u}) {
    EXPECT_EQ(reason_of(SpendRows::open(std::string(size, 'x')).status()), "BAD_LENGTH") << size;
  }
}

TEST(SpendRowsTest, ScalarsAreCanonicalExactlyWhereScalarDecodesThem) {
  // q - 1, q, and the largest.
  Bytes32 below = (-Scalar::from_u64(1)).bytes();
  Bytes32 order = below;
  ++order[31];
  Bytes32 largest;
  largest.fill(0xff);
  for (const Bytes32& value : {Bytes32{}, below, order, largest}) {
    for (Bytes32 PackedSpend::*field : {&PackedSpend::d, &PackedSpend::r1, &PackedSpend::r2}) {
      PackedSpend row;
      row.*field = value;
      std::string packed;
      append_spend_row(packed, PackedSpend{});
      append_spend_row(packed, row);
      const auto rows = SpendRows::open(packed);
      EXPECT_TRUE(rows->has_canonical_scalars(0));
      EXPECT_EQ(rows->has_canonical_scalars(1), Scalar::decode(value).ok()) << to_hex(value);
    }
  }
}

}  // namespace
}  // namespace cafe::protocol
