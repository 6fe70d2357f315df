// What it costs to check a claim's coins.
#include <benchmark/benchmark.h>

#include <cstdlib>

#include "libs/protocol/testing/claims.h"

namespace cafe::protocol {
namespace {

using cafe::testing::WithdrawnCoin;
using cafe::testing::World;
using cafe::testing::WorldWallet;

// The issuer's, and a judge's, check of a claim of so many coins of four denominations: what it
// costs for each.
void BM_open_claimed_coins(benchmark::State& state) {
  World world{"claim benchmark"};
  WorldWallet wallet = world.make_wallet();
  std::vector<OrderLine> lines = {{world.coin.id, 7}, {world.split_coin.id, 7}};
  for (const uint64_t value : {20, 100}) {
    lines.push_back({world.add_denomination(Kind::kCoin, {value}).id, 7});
  }
  std::vector<ClaimedCoin> claimed;
  std::vector<Session> sessions;
  const auto count = static_cast<size_t>(state.range(0));
  for (uint64_t order = 1; claimed.size() < count; ++order) {
    for (const WithdrawnCoin& coin : world.withdraw(wallet, lines)) {
      claimed.push_back(cafe::testing::claimed(coin, order));
      sessions.push_back(cafe::testing::session_of(wallet, coin));
    }
  }
  for (auto _ : state) {
    for (const auto& coin : open_claimed_coins_var(std::span(claimed).first(count), sessions)) {
      if (!coin.ok()) std::abort();  // it would measure nothing
    }
  }
  state.counters["each"] =
      benchmark::Counter(static_cast<double>(count), benchmark::Counter::kIsIterationInvariantRate |
                                                         benchmark::Counter::kInvert);
}
BENCHMARK(BM_open_claimed_coins)
    ->Arg(1)
    ->Arg(12)
    ->Arg(24)
    ->Arg(48)
    ->Arg(100)
    ->Arg(1000)
    ->Unit(benchmark::kMicrosecond);

// Reading it: points on the curve, each coin and session once.
void BM_decode_claim(benchmark::State& state) {
  World world{"claim benchmark"};
  WorldWallet wallet = world.make_wallet();
  const WithdrawnCoin coin = world.withdraw(wallet, {{world.coin.id, 1}})[0];
  Claim claim{std::string(World::kIssuer),
              wallet.account.account,
              wallet.account.account,
              ClaimKind::kCoins,
              1,
              {},
              {}};
  for (uint64_t order = 1; order <= static_cast<uint64_t>(state.range(0)); ++order) {
    claim.coins.push_back(cafe::testing::claimed(coin, order));
    claim.coins.back().root = world.rng.array<32>();
  }
  const Bytes bytes = claim.encode();
  for (auto _ : state) {
    const auto decoded = Claim::decode(bytes);
    if (!decoded.ok()) std::abort();
  }
}
BENCHMARK(BM_decode_claim)->Arg(1000)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace cafe::protocol
