// The world's terminal: real firmware on a simulated memory.
#pragma once

#include "device-sim/firmware/common/memory_image.h"
#include "device-sim/firmware/pos/terminal.h"
#include "libs/protocol/testing/world.h"

namespace cafe::testing {

inline constexpr uint64_t kWorldNow_ms = kWorldNow_s * 1000;

// The world's terminal.
class Till {
 public:
  Till(World& world, std::string_view seed, size_t memory_size = size_t{1024} * 1024);
  absl::Status restart();
  void reseed(std::string_view seed) { rng_ = protocol::SeededRng(seed); }

  firmware::MemoryImage memory;
  std::unique_ptr<pos::Terminal> terminal;

 private:
  World& world_;
  protocol::SeededRng rng_;
};

// The terms of an encoded offer or call offer.
protocol::SignedDocument terms_of(protocol::ByteView offer);

}  // namespace cafe::testing
