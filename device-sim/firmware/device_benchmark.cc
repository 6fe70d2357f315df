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

// The same by a cheque, with the guardian's answer.
void wallet_pay_cheque(benchmark::State& state) {
  Street street;
  street.device.load(street.issuer, 1'000'000);
  for (auto _ : state) {
    state.PauseTiming();
    if (street.device.wallet->coin_count() == 0) {
      street.device.withdraw(street.issuer, {{street.world.cheque.id, 7}});
    }
    const Bytes bill = *street.till.terminal->make_offer("EUR", 321, kWorldNow_ms);
    state.ResumeTiming();
    auto outgoing = street.device.wallet->on_offer(bill, kWorldNow_ms);
    if (!outgoing.ok()) std::abort();
    benchmark::DoNotOptimize(outgoing->payment);
  }
}
BENCHMARK(wallet_pay_cheque)->Unit(benchmark::kMicrosecond)->Iterations(300);

// From a call's offer to its payment: the guardian draws the ticks, and both sides make the tree.
void wallet_open_call(benchmark::State& state) {
  Street street;
  street.device.load(street.issuer, 1'000'000);
  const auto ticks = static_cast<uint32_t>(state.range(0));
  for (auto _ : state) {
    state.PauseTiming();
    if (street.device.wallet->coin_count() == 0) {
      street.device.withdraw(street.issuer, {{street.world.cheque.id, 7}});
    }
    const Bytes offer =
        *street.till.terminal->make_call_offer("EUR", 1, ticks, "10 s", kWorldNow_ms);
    state.ResumeTiming();
    auto outgoing = street.device.wallet->on_call_offer(offer, kWorldNow_ms);
    if (!outgoing.ok()) std::abort();
    state.PauseTiming();
    const auto terms = firmware::CallOffer::decode(offer)->terms.digest();
    if (!street.device.wallet->hang_up(terms).ok()) std::abort();
    state.ResumeTiming();
  }
}
BENCHMARK(wallet_open_call)->Arg(100)->Arg(1000)->Unit(benchmark::kMicrosecond)->Iterations(50);

// One tick, from the terminal's demand to its bytes, with the guardian's part: at most 100 µs.
void wallet_pay_tick(benchmark::State& state) {
  Street street;
  street.device.load(street.issuer, 1'000'000);
  street.device.withdraw(street.issuer, {{street.world.cheque.id, 1}});
  const Bytes offer = *street.till.terminal->make_call_offer("EUR", 1, 4000, "10 s", kWorldNow_ms);
  const auto terms = firmware::CallOffer::decode(offer)->terms.digest();
  const auto opened = street.device.wallet->on_call_offer(offer, kWorldNow_ms);
  const auto answer = street.till.terminal->on_payment(opened->payment, kWorldNow_ms);
  if (!street.device.wallet->on_payment_answer(answer->message).ok()) std::abort();
  uint32_t index = 0;
  size_t bytes = 0;
  for (auto _ : state) {
    const Bytes demand = firmware::TickDemand{terms, index++}.encode();
    const auto tick = street.device.wallet->on_tick_demand(demand, kWorldNow_ms);
    if (!tick.ok()) std::abort();
    bytes = tick->tick.size();
  }
  state.counters["tick_bytes"] = static_cast<double>(bytes);
  state.counters["demand_bytes"] =
      static_cast<double>(firmware::TickDemand{terms, 0}.encode().size());
  state.counters["payment_bytes"] = static_cast<double>(opened->payment.size());
  state.counters["offer_bytes"] = static_cast<double>(offer.size());
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(wallet_pay_tick)->Unit(benchmark::kMicrosecond)->Iterations(2000);

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
