#include "device-sim/firmware/common/record_store.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "device-sim/firmware/common/crc32.h"
#include "device-sim/firmware/common/memory_image.h"
#include "libs/protocol/frame.h"
#include "libs/protocol/rng.h"

namespace cafe::firmware {
namespace {

using protocol::Bytes;
using protocol::reason_of;
using protocol::view_of;

std::string value_of(const RecordStore& store, std::string_view key) {
  const Bytes* value = store.find(key);
  return value == nullptr ? "(none)" : protocol::to_string(*value);
}

std::map<std::string, std::string> content(const RecordStore& store) {
  std::map<std::string, std::string> out;
  store.scan("", [&](std::string_view key, protocol::ByteView value) {
    out.emplace(key, protocol::to_string(value));
  });
  return out;
}

TEST(RecordStore, KeepsRecordsOverARestart) {
  MemoryImage memory(4096);
  {
    auto store = *RecordStore::open(memory);
    ASSERT_TRUE(store->commit(Batch().put("a", view_of("1")).put("b", view_of("2"))).ok());
    ASSERT_TRUE(store->commit(Batch().put("a", view_of("3")).erase("b")).ok());
  }
  auto store = *RecordStore::open(memory);
  EXPECT_EQ(value_of(*store, "a"), "3");
  EXPECT_EQ(value_of(*store, "b"), "(none)");
  EXPECT_EQ(store->count(""), 1u);
}

TEST(RecordStore, ScansByPrefixInOrder) {
  MemoryImage memory(4096);
  auto store = *RecordStore::open(memory);
  ASSERT_TRUE(store
                  ->commit(Batch()
                               .put("coin/2", view_of("x"))
                               .put("coin/1", view_of("y"))
                               .put("order", view_of("z")))
                  .ok());
  std::string seen;
  store->scan("coin/", [&](std::string_view key, protocol::ByteView) { seen += key.back(); });
  EXPECT_EQ(seen, "12");
}

TEST(RecordStore, CompactsForeverInASmallMemory) {
  MemoryImage memory(2048);
  auto store = *RecordStore::open(memory);
  for (int i = 0; i < 2000; ++i) {
    const std::string value = std::to_string(i);
    ASSERT_TRUE(store->commit(Batch().put(absl::StrCat("k", i % 7), view_of(value))).ok());
    if (i % 100 == 0) store = *RecordStore::open(memory);
  }
  EXPECT_EQ(value_of(*store, "k4"), "1999");  // 1999 % 7 = 4
  EXPECT_EQ(value_of(*store, "k5"), "1993");
}

TEST(RecordStore, RefusesWhatDoesNotFitAndChangesNothing) {
  MemoryImage memory(2048);
  auto store = *RecordStore::open(memory);
  const Bytes big(500, 7);
  ASSERT_TRUE(store->commit(Batch().put("a", big)).ok());
  const Bytes before = memory.snapshot();
  const absl::Status status = store->commit(Batch().put("b", big));
  EXPECT_EQ(reason_of(status), "STORE_FULL");
  EXPECT_EQ(memory.snapshot(), before);
  // Space that was freed is found again.
  ASSERT_TRUE(store->commit(Batch().erase("a")).ok());
  EXPECT_TRUE(store->commit(Batch().put("b", big)).ok());
}

TEST(RecordStore, RefusesATinyMemory) {
  MemoryImage memory(100);
  EXPECT_EQ(reason_of(RecordStore::open(memory).status()), "STORE_TOO_SMALL");
}

// The power fails at every byte of every write of a run that also compacts several times: after
// each restart the store holds the state before the interrupted batch or after it.
TEST(RecordStore, SurvivesAPowerCutAtAnyByte) {
  constexpr int kSteps = 30;
  const auto batch = [](int i) {
    return Batch()
        .put(absl::StrCat("x", i % 5), Bytes(20 + i, static_cast<uint8_t>(i)))
        .put("last", view_of(std::to_string(i)))
        .erase(absl::StrCat("x", (i + 2) % 5));
  };
  std::vector<std::map<std::string, std::string>> states;
  MemoryImage rehearsal(1400);
  uint64_t total;
  {
    auto store = *RecordStore::open(rehearsal);
    states.push_back(content(*store));
    for (int i = 0; i < kSteps; ++i) {
      ASSERT_TRUE(store->commit(batch(i)).ok());
      states.push_back(content(*store));
    }
    total = rehearsal.bytes_written();
  }
  for (uint64_t cut = 0; cut < total; ++cut) {
    MemoryImage memory(1400);
    memory.cut_power_after(cut);
    int done = 0;
    try {
      auto store = *RecordStore::open(memory);
      for (; done < kSteps; ++done) ASSERT_TRUE(store->commit(batch(done)).ok());
      FAIL() << "the cut at byte " << cut << " never came";
    } catch (const PowerLost&) {
    }
    memory.restore_power();
    auto store = RecordStore::open(memory);
    ASSERT_TRUE(store.ok()) << cut << ": " << store.status();
    const auto now = content(**store);
    ASSERT_TRUE(now == states[done] || (done < kSteps && now == states[done + 1])) << cut;
    // And it goes on from there.
    ASSERT_TRUE((*store)->commit(batch(done)).ok());
    ASSERT_EQ(content(**RecordStore::open(memory)), states[done + 1]) << cut;
  }
}

// A torn entry whose value holds a well-formed entry, with the right CRC for its place: the next
// entry ends exactly before it, and it is still never read as one.
TEST(RecordStore, NeverReadsLeftoversOfATornWrite) {
  constexpr uint32_t kEpoch = 1;
  constexpr size_t kFirstEntry = 16;
  constexpr size_t kValueStart = kFirstEntry + 4 + 1 + 4 + 1 + 4;  // of key "v"
  constexpr size_t kEvilAt = 100;

  Bytes body = {1, 0, 0, 0, 4, 'e', 'v', 'i', 'l', 0, 0, 0, 1, 'x'};
  Bytes entry = protocol::to_bytes(protocol::encode_u32(static_cast<uint32_t>(body.size())));
  protocol::append(entry, body);
  const uint32_t place = crc32(protocol::encode_u32(kEvilAt), crc32(protocol::encode_u32(kEpoch)));
  protocol::append(entry, protocol::encode_u32(crc32(entry, place)));
  Bytes trap(300, 0xEE);
  std::copy(entry.begin(), entry.end(), trap.begin() + (kEvilAt - kValueStart));

  // The crafted entry is one that would be read: put where an entry is expected, it is.
  {
    MemoryImage memory(4096);
    auto store = *RecordStore::open(memory);
    ASSERT_TRUE(store->commit(Batch().put("k", Bytes(66, 1))).ok());
    memory.write(kEvilAt, entry);
    ASSERT_NE(RecordStore::open(memory).value()->find("evil"), nullptr);
  }

  MemoryImage memory(4096);
  {
    auto store = *RecordStore::open(memory);
    memory.cut_power_after(4 + 200);  // the end mark, and the entry up to behind the trap
    EXPECT_THROW(store->commit(Batch().put("v", trap)).IgnoreError(), PowerLost);
    memory.restore_power();
  }
  auto store = *RecordStore::open(memory);
  ASSERT_TRUE(store->commit(Batch().put("k", Bytes(66, 1))).ok());
  EXPECT_EQ(content(*RecordStore::open(memory).value()),
            (std::map<std::string, std::string>{{"k", std::string(66, 1)}}));
}

TEST(RecordStore, NeverCrashesOnADamagedMemory) {
  protocol::SeededRng rng("damage");
  MemoryImage memory(2048);
  {
    auto store = *RecordStore::open(memory);
    for (int i = 0; i < 10; ++i) {
      ASSERT_TRUE(store->commit(Batch().put(absl::StrCat("k", i), Bytes(30, 1))).ok());
    }
  }
  const Bytes good = memory.snapshot();
  for (int i = 0; i < 2000; ++i) {
    Bytes bad = good;
    for (int n = 0; n < 4; ++n) bad[rng.below(bad.size())] ^= static_cast<uint8_t>(rng.below(256));
    MemoryImage damaged(std::move(bad));
    auto store = RecordStore::open(damaged);
    if (store.ok()) {
      ASSERT_LE((*store)->count(""), 10u);
    } else {
      ASSERT_EQ(reason_of(store.status()), "STORE_DAMAGED");
    }
  }
}

}  // namespace
}  // namespace cafe::firmware
