// What wallet and terminal pay for a payment of one slot. The guardian's part:
// guardian_benchmark.cc.
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
