// The guardian's own code takes nothing from the heap: what a command allocates is what the
// protocol library's transition allocates, and nothing where no transition hashes.
//
// A test binary of its own, since it replaces the global operator new.
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

#include "device-sim/firmware/testing/chip.h"
#include "libs/protocol/guardian.h"

namespace {

size_t allocations = 0;

}  // namespace

// Not inlined, or the compiler sees malloc and free where it expects a pair of its own.
[[gnu::noinline]] void* operator new(size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace cafe::guardian {
namespace {

template <typename F>
size_t allocations_of(F f) {
  const size_t before = allocations;
  f();
  return allocations - before;
}

TEST(GuardianHeap, IsNotUsedByTheFirmware) {
  testing::Chip chip("heap");
  chip.manufacture(*protocol::SigningKey::create(protocol::Scalar::from_u64(5)),
                   protocol::Serial{{1}});
  protocol::SeededRng rng("heap");
  std::array<uint8_t, firmware::kMaxCommand> command;
  std::array<uint8_t, firmware::kMaxResponse> response;
  size_t length = 0;
  size_t got = 0;
  const auto run = [&](Ins ins, uint16_t p1p2, protocol::ByteView data, size_t expected) {
    length =
        firmware::format_command({kCla, static_cast<uint8_t>(ins), static_cast<uint8_t>(p1p2 >> 8),
                                  static_cast<uint8_t>(p1p2), data, expected},
                                 command);
    const auto view = protocol::ByteView(command).first(length);
    return allocations_of([&] { got = chip.transmit(view, response); });
  };

  // Warm: the library builds its tables at the first use.
  run(Ins::kMakeSlot, 0x0100, {}, 256);

  const size_t made = run(Ins::kMakeSlot, 0x0100, {}, 256);
  ASSERT_EQ(got, 4u + 65 + 2);
  // The simulated random stream hashes frames; a real chip has a hardware generator here.
  EXPECT_EQ(made, allocations_of([&] { rng.scalar(); }));

  std::array<uint8_t, 36> request;
  std::copy_n(response.begin(), 4, request.begin());
  const protocol::Scalar c = rng.scalar();
  std::copy_n(c.bytes().begin(), 32, request.begin() + 4);
  const protocol::GuardianKeys keys{rng.scalar(), rng.scalar()};
  const protocol::GuardianSlot slot{protocol::Kind::kCoin, rng.scalar(), {}};
  const size_t transition = allocations_of([&] { (void)protocol::answer_coin(keys, slot, c); });
  EXPECT_EQ(run(Ins::kAnswerCoin, 0, request, 32), transition);
  ASSERT_EQ(got, 34u);

  EXPECT_EQ(run(Ins::kSlotStatus, 0, protocol::ByteView(request).first(4), 2), 0u);
  EXPECT_EQ(run(Ins::kFreeSlot, 0, protocol::ByteView(request).first(4), 0), 0u);
  EXPECT_EQ(run(Ins::kGetCertificate, 0, {}, 512), 0u);
  EXPECT_EQ(run(Ins::kListSlots, 0, std::array<uint8_t, 2>{0, 0}, 256), 0u);
}

TEST(GuardianHeap, StateIsOfFixedSize) {
  static_assert(sizeof(Guardian) < 1024);
  static_assert(kMemorySize < size_t{256} * 1024);
}

}  // namespace
}  // namespace cafe::guardian
