#include "device-sim/firmware/common/mirrored_record.h"

#include <gtest/gtest.h>

#include "device-sim/firmware/common/memory_image.h"

namespace cafe::firmware {
namespace {

using Record = MirroredRecord<16>;
constexpr size_t kOffset = 8;

Record::Payload payload(uint8_t fill) {
  Record::Payload out;
  out.fill(fill);
  return out;
}

TEST(MirroredRecord, IsBlankUntilItIsStored) {
  MemoryImage memory(64);
  Record record(memory, kOffset, 1);
  Record::Payload out;
  EXPECT_EQ(record.recover(out), RecordState::kBlank);
  record.store(payload(7));
  EXPECT_EQ(record.load(out), RecordState::kValid);
  EXPECT_EQ(out, payload(7));
}

TEST(MirroredRecord, BelongsToItsPlace) {
  MemoryImage memory(64);
  Record(memory, kOffset, 1).store(payload(7));
  Record::Payload out;
  EXPECT_EQ(Record(memory, kOffset, 2).load(out), RecordState::kDamaged);
}

TEST(MirroredRecord, IsOldOrNewAfterAPowerCutAtAnyByte) {
  for (uint64_t cut = 0; cut < Record::kSize; ++cut) {
    MemoryImage memory(64);
    Record record(memory, kOffset, 1);
    record.store(payload(1));
    memory.cut_power_after(cut);
    EXPECT_THROW(record.store(payload(2)), PowerLost);
    memory.restore_power();

    Record::Payload out;
    ASSERT_EQ(record.recover(out), RecordState::kValid) << cut;
    // It has taken effect once the first copy is whole.
    ASSERT_EQ(out, payload(cut < Record::kCopySize ? 1 : 2)) << cut;
    // Recovered: both copies are equal, so that one may fail.
    const protocol::Bytes image = memory.snapshot();
    ASSERT_TRUE(std::equal(image.begin() + kOffset, image.begin() + kOffset + Record::kCopySize,
                           image.begin() + kOffset + Record::kCopySize))
        << cut;
  }
}

TEST(MirroredRecord, SurvivesAPowerCutDuringRecovery) {
  for (uint64_t first = 0; first < Record::kSize; ++first) {
    for (uint64_t second = 0; second < Record::kSize; ++second) {
      MemoryImage memory(64);
      Record record(memory, kOffset, 1);
      record.store(payload(1));
      memory.cut_power_after(first);
      EXPECT_THROW(record.store(payload(2)), PowerLost);
      memory.restore_power();
      memory.cut_power_after(second);
      Record::Payload out;
      try {
        record.recover(out);
      } catch (const PowerLost&) {
      }
      memory.restore_power();
      ASSERT_EQ(record.recover(out), RecordState::kValid);
      ASSERT_EQ(out, payload(first < Record::kCopySize ? 1 : 2)) << first << " " << second;
    }
  }
}

TEST(MirroredRecord, LeavesNoTraceOfThePayloadBefore) {
  MemoryImage memory(64);
  Record record(memory, kOffset, 1);
  record.store(payload(0xEE));
  record.store(payload(0));
  for (uint8_t byte : memory.snapshot()) EXPECT_NE(byte, 0xEE);
}

TEST(MirroredRecord, OneDamagedCopyDoesNotBringTheOldStateBack) {
  for (size_t copy = 0; copy < 2; ++copy) {
    MemoryImage memory(64);
    Record record(memory, kOffset, 1);
    record.store(payload(1));
    record.store(payload(2));
    protocol::Bytes image = memory.snapshot();
    image[kOffset + copy * Record::kCopySize + 3] ^= 0x10;
    memory.restore(image);
    Record::Payload out;
    ASSERT_EQ(record.recover(out), RecordState::kValid);
    EXPECT_EQ(out, payload(2));
  }
}

TEST(MirroredRecord, TwoDamagedCopiesAreToldFromABlankOne) {
  MemoryImage memory(64);
  Record record(memory, kOffset, 1);
  record.store(payload(1));
  protocol::Bytes image = memory.snapshot();
  image[kOffset] ^= 1;
  image[kOffset + Record::kCopySize] ^= 1;
  memory.restore(image);
  Record::Payload out;
  EXPECT_EQ(record.recover(out), RecordState::kDamaged);
}

TEST(MemoryImage, IsDeadUntilThePowerIsBack) {
  MemoryImage memory(8);
  const std::array<uint8_t, 4> data = {1, 2, 3, 4};
  memory.cut_power_after(2);
  EXPECT_THROW(memory.write(0, data), PowerLost);
  EXPECT_THROW(memory.write(4, data), PowerLost);
  std::array<uint8_t, 4> out;
  EXPECT_THROW(memory.read(0, out), PowerLost);
  memory.restore_power();
  memory.read(0, out);
  EXPECT_EQ(out[0], 1);
  EXPECT_EQ(out[1], 2);
  EXPECT_EQ(out[3], 0);
}

TEST(Crc32, IsTheStandardOne) {
  EXPECT_EQ(crc32(protocol::view_of("123456789")), 0xCBF43926u);
  EXPECT_EQ(crc32(protocol::view_of("6789"), crc32(protocol::view_of("12345"))), 0xCBF43926u);
}

TEST(Crc32, IsTheSameInOnePieceAndByteByByte) {
  protocol::Bytes data;
  for (size_t size = 0; size < 70; ++size) {
    uint32_t by_byte = 0;
    for (size_t i = 0; i < size; ++i)
      by_byte = crc32(protocol::ByteView(data).subspan(i, 1), by_byte);
    EXPECT_EQ(crc32(data), by_byte) << size;
    data.push_back(static_cast<uint8_t>(size * 151 + 7));
  }
}

}  // namespace
}  // namespace cafe::firmware
