// How many payments a second one core makes: what a load test can ask for.
#include <benchmark/benchmark.h>

#include "libs/protocol/loadtest_key.h"
#include "libs/protocol/testing/world.h"
#include "loadtest/generator/batch_signer.h"
#include "loadtest/generator/payment_mill.h"

namespace cafe::loadtest {
namespace {

using cafe::testing::World;

protocol::Denomination loadtest_denomination(protocol::Denomination denomination) {
  denomination.H = *protocol::multiply(protocol::loadtest_key(denomination), protocol::g());
  return denomination;
}

void BM_MakePayments(benchmark::State& state, const char* mix) {
  World world{"mill benchmark"};
  const std::vector<Terminal> terminals = {
      {std::string(World::kIssuer), protocol::PayeeId{world.rng.array<16>()},
       protocol::TerminalId{world.rng.array<16>()}, cafe::testing::make_key(world.rng)}};
  const std::vector<protocol::Denomination> denominations = {
      loadtest_denomination(world.coin.denomination),
      loadtest_denomination(world.split_coin.denomination),
      loadtest_denomination(world.cheque.denomination)};
  const std::vector<SpenderSecrets> spenders = {{world.rng.scalar(), world.rng.scalar()}};
  const MillOptions options{
      .seed = "benchmark", .batch_size = 500, .mix = MoneyMix::parse(mix).value()};
  auto mill = PaymentMill::create(options, terminals, denominations, spenders).value();
  for (auto _ : state) {
    const absl::Status made =
        mill.make(8, cafe::testing::kWorldNow_s * 1000, 1, [](const Batch& batch) {
          benchmark::DoNotOptimize(batch.payments.data());
          return absl::OkStatus();
        });
    if (!made.ok()) state.SkipWithError(made.ToString().c_str());
  }
  state.SetItemsProcessed(state.iterations() * 8 * 500);
}
BENCHMARK_CAPTURE(BM_MakePayments, coins, "coins=1")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_MakePayments, split, "split=1")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_MakePayments, cheques, "cheques=1")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_MakePayments, calls, "calls=1")->Unit(benchmark::kMillisecond);

void BM_MakeCoins(benchmark::State& state) {
  World world{"mill benchmark"};
  const std::vector<protocol::Scalar> spenders = {world.rng.scalar()};
  auto lanes =
      CoinLanes::create(loadtest_denomination(world.coin.denomination), spenders, 128, world.rng)
          .value();
  for (auto _ : state) benchmark::DoNotOptimize(lanes.next());
  state.SetItemsProcessed(state.iterations() * 128);
}
BENCHMARK(BM_MakeCoins)->Unit(benchmark::kMicrosecond);

void BM_SignEach(benchmark::State& state) {
  protocol::SeededRng rng("sign");
  const auto key = protocol::SigningKey::create(rng.scalar()).value();
  std::vector<protocol::Bytes> messages(500, protocol::Bytes(200, 7));
  for (size_t i = 0; i < messages.size(); ++i) messages[i][0] = static_cast<uint8_t>(i);
  for (auto _ : state) benchmark::DoNotOptimize(sign_each(key, messages));
  state.SetItemsProcessed(state.iterations() * 500);
}
BENCHMARK(BM_SignEach)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace cafe::loadtest
