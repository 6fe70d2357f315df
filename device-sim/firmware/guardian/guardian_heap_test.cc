// The guardian's own code takes nothing from the heap: what a command allocates is what the
// protocol library's transition allocates, and nothing where no transition hashes.
//
// A test binary of its own, since it replaces the global operator new.
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

#include "device-sim/firmware/testing/loaded_chip.h"
#include "libs/protocol/ticks.h"

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

class GuardianHeap : public ::testing::Test {
 protected:
  // What the chip allocates while it carries out one command; its response is in response_.
  size_t run(Ins ins, uint16_t p1p2, protocol::ByteView data, size_t expected) {
    const size_t length =
        firmware::format_command({kCla, static_cast<uint8_t>(ins), static_cast<uint8_t>(p1p2 >> 8),
                                  static_cast<uint8_t>(p1p2), data, expected},
                                 command_);
    const auto view = protocol::ByteView(command_).first(length);
    return allocations_of([&] { got_ = loaded_.chip.transmit(view, response_); });
  }
  // A slot's handle with what follows it.
  protocol::Bytes with_handle(protocol::Kind kind, protocol::ByteView rest) {
    protocol::Bytes data = handle_of(loaded_.chip.make_slot(kind));
    protocol::append(data, rest);
    return data;
  }
  static protocol::Bytes euros(uint64_t amount) {
    protocol::Bytes sum = protocol::to_bytes(protocol::view_of("EUR"));
    protocol::append(sum, protocol::encode_u64(amount));
    return sum;
  }
  // The response was this many bytes and 9000.
  void answered(size_t size) {
    ASSERT_EQ(got_, size + 2);
    ASSERT_EQ(response_[size], 0x90);
  }

  testing::LoadedChip loaded_{"heap"};
  protocol::SeededRng rng_{"heap"};
  const protocol::GuardianKeys keys_{rng_.scalar(), rng_.scalar()};
  const protocol::GuardianCounter counter_{testing::kIssuerA, "EUR", testing::kLoaded};
  std::array<uint8_t, firmware::kMaxCommand> command_;
  std::array<uint8_t, firmware::kMaxResponse> response_;
  size_t got_ = 0;
};

TEST_F(GuardianHeap, IsNotUsedForCoins) {
  const protocol::Bytes worth = euros(100);
  // Warm: the library builds its tables at the first use.
  run(Ins::kMakeSlot, 0x0100, worth, 256);

  const size_t made = run(Ins::kMakeSlot, 0x0100, worth, 256);
  answered(4 + 65);
  // The simulated random stream hashes frames; a real chip has a hardware generator here.
  EXPECT_EQ(made, allocations_of([&] { rng_.scalar(); }));

  const protocol::Scalar c = rng_.scalar();
  const protocol::Bytes request = with_handle(protocol::Kind::kCoin, c.bytes());
  const protocol::GuardianSlot slot{protocol::Kind::kCoin, rng_.scalar(), {}};
  const size_t transition = allocations_of([&] { (void)protocol::answer_coin(keys_, slot, c); });
  EXPECT_EQ(run(Ins::kAnswerCoin, 0, request, 32), transition);
  answered(32);

  const auto handle = protocol::ByteView(request).first(4);
  EXPECT_EQ(run(Ins::kSlotStatus, 0, handle, 2), 0u);
  EXPECT_EQ(run(Ins::kFreeSlot, 0, handle, 0), 0u);
  EXPECT_EQ(run(Ins::kGetCertificate, 0, {}, 512), 0u);
  EXPECT_EQ(run(Ins::kListSlots, 0, std::array<uint8_t, 2>{0, 0}, 256), 0u);
}

TEST_F(GuardianHeap, IsNotUsedForCheques) {
  const protocol::ChequeRequest cheque = loaded_.cheque(100);
  const protocol::Bytes data = with_handle(protocol::Kind::kCheque, cheque.encode());
  const protocol::GuardianSlot slot{protocol::Kind::kCheque, rng_.scalar(), rng_.array<32>()};
  const size_t transition =
      allocations_of([&] { (void)protocol::answer_cheque(keys_, slot, counter_, cheque); });
  EXPECT_EQ(run(Ins::kAnswerCheque, 0, data, 64), transition);
  answered(64);
  EXPECT_EQ(run(Ins::kFreeSlot, 0, protocol::ByteView(data).first(4), 0), 0u);
}

TEST_F(GuardianHeap, IsNotUsedForLoads) {
  const auto& key = testing::load_key_of(testing::kIssuerA);
  const protocol::Load load{loaded_.serial, testing::kIssuerA, "EUR", 100, 2};
  const protocol::Bytes frame = load.encode();
  const protocol::Bytes signature = *protocol::sign_load(load, key.private_der);
  protocol::Bytes data = frame;
  protocol::append(data, signature);
  const size_t library = allocations_of([&] {
    (void)protocol::Load::decode(frame);
    (void)protocol::apply_load(loaded_.serial, {testing::kIssuerA, key.public_der, 1}, counter_,
                               frame, signature);
  });
  EXPECT_EQ(run(Ins::kLoad, 0, data, 0), library);
  answered(0);
  EXPECT_EQ(run(Ins::kListCounters, 0, {}, kMaxCountersSize), 0u);
}

TEST_F(GuardianHeap, IsNotUsedForTicks) {
  constexpr uint32_t kTicks = 50;
  const protocol::TickRequest call = loaded_.call(1, kTicks);
  const protocol::Seed seed = rng_.seed();
  const auto t = [&](uint32_t i) { return protocol::tick_secret(seed, i); };
  const protocol::GuardianSlot slot{protocol::Kind::kCheque, rng_.scalar(), rng_.array<32>()};
  protocol::TickState ticks{kTicks};

  const protocol::Bytes request = with_handle(protocol::Kind::kCheque, call.encode());
  const auto numbered = [&](uint32_t number) {
    protocol::Bytes data(request.begin(), request.begin() + 4);
    protocol::append(data, protocol::encode_u32(number));
    return data;
  };
  EXPECT_LE(run(Ins::kDrawTicks, 0, numbered(kTicks), 0),
            allocations_of([&] { rng_.array<64>(); }));
  answered(0);
  EXPECT_EQ(run(Ins::kTickPoints, 0, numbered(0), 1024), allocations_of([&] {
              for (uint32_t i = 0; i < kTickPointsPerList; ++i) t(i);
            }));
  answered(kTickPointsPerList * 65);
  EXPECT_EQ(run(Ins::kAnswerTicks, 0, request, 96), allocations_of([&] {
              (void)protocol::answer_ticks(keys_, slot, counter_, ticks, t, call);
            }));
  answered(96);
  ticks.call = {testing::kIssuerA, "EUR", 1, {}};
  EXPECT_EQ(run(Ins::kReleaseTick, 0, numbered(0), 32),
            allocations_of([&] { (void)protocol::release_tick(ticks, counter_, t, 0); }));
  answered(32);
}

// Nothing but the simulated random stream, which draws the salts.
TEST_F(GuardianHeap, IsNotUsedForPins) {
  constexpr uint16_t kPayment = 0x0200, kWithdrawal = 0x0100;
  const auto pin = [](std::string_view digits) { return protocol::view_of(digits); };
  const size_t salt = allocations_of([&] { rng_.array<16>(); });
  EXPECT_EQ(run(Ins::kChangePin, kPayment, pin(testing::kPaymentPin), 0), salt);
  answered(0);
  for (const auto& [kind, digits] :
       {std::pair{kPayment, testing::kPaymentPin}, {kWithdrawal, testing::kWithdrawalPin}}) {
    EXPECT_EQ(run(Ins::kVerifyPin, kind, pin("0000"), 0), 0u);
    EXPECT_EQ(run(Ins::kVerifyPin, kind, pin(digits), 0), 0u);
    answered(0);
  }
  EXPECT_EQ(run(Ins::kUnlock, 0, euros(500), 0), 0u);
  answered(0);
  EXPECT_EQ(run(Ins::kWalletKey, 0, {}, kWalletKeySize), 0u);
  answered(kWalletKeySize);
  EXPECT_EQ(run(Ins::kPinStatus, 0, {}, kPinStatusSize), 0u);
  EXPECT_EQ(run(Ins::kListAllowances, 0, {}, 256), 0u);
  answered(kAllowanceEntrySize);
  // What takes from an allowance allocates no more than what takes from none.
  const protocol::Scalar c = rng_.scalar();
  const protocol::Bytes request = with_handle(protocol::Kind::kCoin, c.bytes());
  const protocol::GuardianSlot slot{protocol::Kind::kCoin, rng_.scalar(), {}};
  const size_t transition = allocations_of([&] { (void)protocol::answer_coin(keys_, slot, c); });
  EXPECT_EQ(run(Ins::kAnswerCoin, 0, request, 32), transition);
  answered(32);
  EXPECT_EQ(run(Ins::kLockPayments, 0, {}, 0), 0u);
  EXPECT_EQ(run(Ins::kForgetPins, 0, {}, 0), 0u);
}

TEST_F(GuardianHeap, StateIsOfFixedSize) {
  static_assert(sizeof(Guardian) < 1024);
  static_assert(kMemorySize < size_t{256} * 1024);
}

}  // namespace
}  // namespace cafe::guardian
