// Cuts the power of a whole device at every write of its memories, for tests.
#pragma once

#include <gtest/gtest.h>

#include <set>

#include "device-sim/firmware/testing/device.h"

namespace cafe::testing {

// Everything that keeps its content without power.
struct Image {
  protocol::Bytes wallet, chip;
};

inline Image image_of(Device& device) {
  return {device.memory.snapshot(), device.chip.memory().snapshot()};
}

inline void restore(Device& device, const Image& image) {
  device.memory.restore_power();
  device.chip.memory().restore_power();
  device.memory.restore(image.wallet);
  device.chip.memory().restore(image.chip);
  ASSERT_TRUE(device.restart().ok());
}

// In each write: its first byte, its second, one in the middle, its last. `ends` are where the
// writes end, counted from `start`.
inline std::vector<uint64_t> cut_points(uint64_t start, const std::vector<uint64_t>& ends) {
  std::set<uint64_t> points;
  uint64_t from = 0;
  for (uint64_t end : ends) {
    const uint64_t to = end - start;
    for (uint64_t at : {from, from + 1, (from + to) / 2, to - 1})
      points.insert(std::min(at, to - 1));
    from = to;
  }
  return {points.begin(), points.end()};
}

class PowerCutTest : public ::testing::Test {
 protected:
  void SetUp() override { device_.set_up(issuer_, *till_.terminal); }

  // Runs `act` to its end once, then with a cut at each point of each memory, each time followed by
  // a restart and `check`.
  template <typename Act, typename Check>
  void cut_everywhere(std::vector<firmware::MemoryImage*> memories, Act act, Check check) {
    const Image before = image_of(device_);
    for (firmware::MemoryImage* memory : memories) {
      restore(device_, before);
      const uint64_t start = memory->bytes_written();
      std::vector<uint64_t> ends;
      memory->log_writes(&ends);
      act();
      memory->log_writes(nullptr);
      ASSERT_FALSE(ends.empty());
      for (uint64_t cut : cut_points(start, ends)) {
        restore(device_, before);
        memory->cut_power_after(cut);
        EXPECT_THROW(act(), firmware::PowerLost) << cut;
        ASSERT_TRUE(device_.restart().ok()) << cut;
        check(cut);
        if (HasFatalFailure()) return;
      }
    }
  }
  size_t guardian_slots() {
    wallet::GuardianClient client(device_.chip);
    return client.list_slots()->size();
  }

  World world_{"power"};
  TestIssuer issuer_{world_};
  Till till_{world_, "till"};
  Device device_{world_, "device"};
};

}  // namespace cafe::testing
