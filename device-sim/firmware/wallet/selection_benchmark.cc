// What it costs a wallet to find out how to pay, and what to withdraw.
#include <benchmark/benchmark.h>

#include "device-sim/firmware/wallet/planning.h"
#include "libs/protocol/rng.h"

namespace cafe::wallet {
namespace {

using protocol::Kind;

// 500 slots: coins of two issues, coins that split, whole and begun, and cheques where asked for.
Holdings large(protocol::SeededRng& rng, bool cheques) {
  constexpr uint64_t kValues[] = {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000};
  Holdings holdings;
  const auto add = [&](std::initializer_list<uint64_t> slots, uint64_t until, bool used) {
    const size_t coin = holdings.candidates.size();
    for (uint64_t value : slots) {
      holdings.candidates.push_back({value, until, coin, Kind::kCoin, used});
    }
  };
  while (holdings.candidates.size() < 480) {
    const uint64_t until = rng.below(2) == 0 ? 1'000'000 : 6'000'000;
    const uint64_t drawn = rng.below(14);
    if (drawn < 12) add({kValues[drawn]}, until, false);
    if (drawn == 12) add({400, 200, 100, 100}, until, false);
    if (drawn == 13) add({200, 100}, until, true);
  }
  for (size_t i = 0; cheques && i < 20; ++i) {
    holdings.candidates.push_back(
        {i % 2 == 0 ? 10'000U : 50'000U, 1'000'000, holdings.candidates.size(), Kind::kCheque});
  }
  holdings.counter = cheques ? 200'000 : 0;
  return holdings;
}

void choose_among_500(benchmark::State& state) {
  protocol::SeededRng rng("selection benchmark");
  const Holdings holdings = large(rng, state.range(0) != 0);
  const auto most = static_cast<uint64_t>(state.range(1));
  for (auto _ : state) benchmark::DoNotOptimize(choose(holdings, 1 + rng.below(most)));
}
BENCHMARK(choose_among_500)
    ->ArgNames({"cheques", "up_to"})
    ->Args({0, 5'000})
    ->Args({0, 150'000})
    ->Args({1, 5'000})
    ->Args({1, 250'000})
    ->Unit(benchmark::kMicrosecond);

void prove_every_amount(benchmark::State& state) {
  protocol::SeededRng rng("selection benchmark");
  const Holdings holdings = large(rng, true);
  for (auto _ : state) {
    benchmark::DoNotOptimize(payable_up_to(holdings, 1, static_cast<uint64_t>(state.range(0))));
  }
}
BENCHMARK(prove_every_amount)->Arg(10'000)->Arg(250'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace cafe::wallet
