#include "libs/protocol/slot_rows.h"

#include <gtest/gtest.h>

#include "libs/protocol/status.h"

namespace cafe::protocol {
namespace {

PackedSlot row_of(uint8_t fill) {
  PackedSlot row{.coin_id = {}, .deposit_until = 0x0102030405060708, .slot = 0x0a0b0c0d};
  row.coin_id.bytes.fill(fill);
  row.d.fill(static_cast<uint8_t>(fill + 1));
  return row;
}

TEST(SlotRowsTest, ARowIsItsFieldsOneAfterTheOther) {
  std::string packed;
  append_slot_row(packed, row_of(1));
  EXPECT_EQ(packed, std::string(32, '\x01') + std::string(32, '\x02') +
                        std::string("\x01\x02\x03\x04\x05\x06\x07\x08", 8) + "\x0a\x0b\x0c\x0d");
}

TEST(SlotRowsTest, RowsComeBackAsTheyWent) {
  std::string packed;
  append_slot_row(packed, row_of(1));
  append_slot_row(packed, row_of(9));
  const auto rows = SlotRows::open(packed);
  ASSERT_TRUE(rows.ok()) << rows.status();
  ASSERT_EQ(rows->size(), 2u);
  EXPECT_EQ((*rows)[0], row_of(1));
  EXPECT_EQ((*rows)[1], row_of(9));
}

TEST(SlotRowsTest, RefusesWhatIsNoWholeNumberOfRows) {
  std::string packed;
  append_slot_row(packed, row_of(1));
  for (const std::string& bytes : {packed + "x", packed.substr(1)}) {
    EXPECT_EQ(reason_of(SlotRows::open(bytes).status()), "BAD_LENGTH");
  }
  EXPECT_EQ(SlotRows::open("")->size(), 0u);
}

}  // namespace
}  // namespace cafe::protocol
