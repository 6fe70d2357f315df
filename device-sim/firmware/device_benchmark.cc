// What each device pays for a payment of one slot: the guardian's answer through its APDUs (at most
// 10 µs), the wallet's part, the terminal's check.
#include <benchmark/benchmark.h>

#include <cstdlib>

#include "device-sim/firmware/testing/device.h"
#include "libs/protocol/frame.h"

namespace cafe {
namespace {

using protocol::Bytes;
using protocol::ByteView;
using testing::kWorldNow_ms;
using testing::kWorldNow_s;

// Bytes of an ANSWER_COIN command.
Bytes answer_command(ByteView handle, const protocol::Scalar& c) {
  Bytes command = {guardian::kCla, static_cast<uint8_t>(guardian::Ins::kAnswerCoin), 0, 0, 36};
  protocol::append(command, handle);
  protocol::append(command, c.bytes());
  command.push_back(32);
  return command;
}

void must_be_ok(ByteView response, size_t length) {
  if (length != 34 || response[32] != 0x90) std::abort();
}

struct Locked {
  Locked() {
    chip.manufacture(*protocol::SigningKey::create(protocol::Scalar::from_u64(7)),
                     protocol::Serial{{1}});
  }
  testing::Chip chip{"benchmark"};
  protocol::SeededRng rng{"benchmark"};
};

// The first answer of a slot: it is marked in the memory first.
void guardian_answer_coin(benchmark::State& state) {
  Locked locked;
  constexpr size_t kBatch = guardian::kSlots;
  std::vector<Bytes> commands;
  std::vector<Bytes> handles;
  std::array<uint8_t, firmware::kMaxResponse> response;
  size_t next = kBatch;
  for (auto _ : state) {
    if (next == kBatch) {
      state.PauseTiming();
      for (const Bytes& handle : handles) locked.chip.free_slot(handle);
      handles.clear();
      commands.clear();
      for (size_t i = 0; i < kBatch; ++i) {
        const testing::Response made = locked.chip.make_slot();
        handles.push_back(Bytes(made.data.begin(), made.data.begin() + 4));
        commands.push_back(answer_command(handles.back(), locked.rng.scalar()));
      }
      next = 0;
      state.ResumeTiming();
    }
    must_be_ok(response, locked.chip.transmit(commands[next++], response));
  }
}
BENCHMARK(guardian_answer_coin)->Unit(benchmark::kMicrosecond);

void guardian_answer_coin_again(benchmark::State& state) {
  Locked locked;
  const testing::Response made = locked.chip.make_slot();
  const Bytes command = answer_command(ByteView(made.data).first(4), locked.rng.scalar());
  std::array<uint8_t, firmware::kMaxResponse> response;
  for (auto _ : state) must_be_ok(response, locked.chip.transmit(command, response));
}
BENCHMARK(guardian_answer_coin_again)->Unit(benchmark::kMicrosecond);

void guardian_make_and_free_slot(benchmark::State& state) {
  Locked locked;
  for (auto _ : state) {
    const testing::Response made = locked.chip.make_slot();
    locked.chip.free_slot(ByteView(made.data).first(4));
  }
}
BENCHMARK(guardian_make_and_free_slot)->Unit(benchmark::kMicrosecond);

// A user, an issuer and a shop.
struct Street {
  Street() { device.set_up(issuer, *till.terminal); }
  // An offer of 5 EUR and the coin to pay it.
  Bytes bill() {
    if (device.wallet->coin_count() == 0) device.withdraw(issuer, {{world.coin.id, 7}});
    return *till.terminal->make_offer("EUR", 500, kWorldNow_ms);
  }
  testing::World world{"benchmark"};
  testing::TestIssuer issuer{world};
  testing::Till till{world, "till", size_t{16} * 1024 * 1024};
  testing::Device device{world, "device", size_t{16} * 1024 * 1024};
};

// From the offer's bytes to the payment's: checks, selection, two durable batches, the guardian.
void wallet_pay_one_slot(benchmark::State& state) {
  Street street;
  for (auto _ : state) {
    state.PauseTiming();
    const Bytes bill = street.bill();
    state.ResumeTiming();
    auto outgoing = street.device.wallet->on_offer(bill, kWorldNow_ms);
    if (!outgoing.ok()) std::abort();
    benchmark::DoNotOptimize(outgoing->payment);
  }
}
BENCHMARK(wallet_pay_one_slot)->Unit(benchmark::kMicrosecond)->Iterations(300);

// From the payment's bytes to the signed acceptance: all checks, one durable batch.
void terminal_accept_one_slot(benchmark::State& state) {
  Street street;
  for (auto _ : state) {
    state.PauseTiming();
    const auto outgoing = street.device.wallet->on_offer(street.bill(), kWorldNow_ms);
    state.ResumeTiming();
    const auto result = street.till.terminal->on_payment(outgoing->payment, kWorldNow_ms);
    if (!result.ok() || result->decision != pos::Decision::kAccepted) std::abort();
  }
}
BENCHMARK(terminal_accept_one_slot)->Unit(benchmark::kMicrosecond)->Iterations(300);

// Open's answer to signed order, for a coin of one slot.
void wallet_order_one_coin(benchmark::State& state) {
  Street street;
  for (auto _ : state) {
    state.PauseTiming();
    const Bytes open = *street.device.wallet->start_order({{street.world.coin.id, 1}}, kWorldNow_s);
    const Bytes answer = *street.issuer.open(open);
    state.ResumeTiming();
    const auto order = street.device.wallet->on_open_answer(answer, kWorldNow_s);
    if (!order.ok()) std::abort();
    state.PauseTiming();
    if (!street.device.wallet->on_completion(*street.issuer.complete(*order)).ok()) std::abort();
    state.ResumeTiming();
  }
}
BENCHMARK(wallet_order_one_coin)->Unit(benchmark::kMicrosecond)->Iterations(100);

}  // namespace
}  // namespace cafe
