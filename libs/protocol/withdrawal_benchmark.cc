// What registration, withdrawal and claims cost each role. The issuer's time for an order of n
// coins is BM_issuer_order/n; it is meant to stay below 250 µs and 100 µs more for each coin.
#include <benchmark/benchmark.h>

#include <cstdlib>

#include "libs/protocol/claim.h"
#include "libs/protocol/rebuild.h"
#include "libs/protocol/testing/world.h"

namespace cafe::protocol {
namespace {

using cafe::testing::kWorldNow_s;
using cafe::testing::WithdrawnCoin;
using cafe::testing::World;
using cafe::testing::WorldWallet;

// A benchmark of an operation that fails measures nothing.
template <typename T>
const T& must(const absl::StatusOr<T>& result) {
  if (!result.ok()) std::abort();
  return *result;
}
void must(const absl::Status& status) {
  if (!status.ok()) std::abort();
}

// An order of n coins, seven of a denomination.
struct OrderBench {
  explicit OrderBench(int64_t coins) {
    for (int64_t left = coins, value = 1; left > 0; left -= kMaxCoinsPerLine, ++value) {
      keys_.push_back(world.make_denomination(Kind::kCoin, {static_cast<uint64_t>(value)}));
      lines.push_back({keys_.back().id, static_cast<uint32_t>(std::min<int64_t>(left, 7))});
    }
    for (const DenominationKey& key : keys_) keys.push_back(&key);
    const OpenRequest request{std::string(World::kIssuer),
                              wallet.account.account,
                              1,
                              1,
                              world.signed_list.digest(),
                              lines};
    open_request = SignedDocument::sign(request.encode(), wallet.identity.account_key);
    Order order{open(), {}, {}};
    std::vector<Point> B_O;
    for (uint32_t line = 0; line < lines.size(); ++line) {
      for (uint32_t i = 0; i < lines[line].count; ++i) {
        const CoinPlace place{line, i, {*multiply(world.rng.scalar(), g1())}};
        B_O.push_back(place.B_O[0]);
        order.challenges.push_back(
            must(wallet_blind(wallet.coin_seed, order.opened, place, keys_[line].denomination,
                              wallet.account.points.m_coin, wallet.guardian_point(Kind::kCoin)))
                .challenges());
      }
    }
    order.attachment = seal_attachment(wallet.coin_seed, order.opened, B_O, world.rng);
    signed_order = SignedDocument::sign(order.encode(), wallet.identity.account_key);
  }

  OpenAnswer open() const {
    const NonceScope scope{wallet.account.account, 1, time_slot_of(kWorldNow_s), world.lineage};
    return must(issuer_open(world.issuer_secret, World::kIssuer, scope, wallet.account.points,
                            lines, keys));
  }
  // Both halves of an order as the issuer carries them out, signatures and encodings included.
  Bytes serve_open() const {
    must(open_request.check(wallet.account.registration.K));
    must(OpenRequest::decode(open_request.frame));
    return open().encode();
  }
  SignedDocument serve_complete() const {
    must(signed_order.check(wallet.account.registration.K));
    const Order order = must(Order::decode(signed_order.frame));
    must(check_own_answer(world.issuer_secret, order.opened, world.lineage));
    must(check_age(order.opened.time_slot, time_slot_of(kWorldNow_s)));
    const Bytes32 digest = signed_order.digest();
    Completion completion{
        std::string(World::kIssuer),
        order.opened.account,
        order.opened.order,
        order.opened.time_slot,
        digest,
        {{"EUR", 100}},
        must(issuer_respond(world.issuer_secret, order, digest, world.lineage, keys))};
    return SignedDocument::sign(completion.encode(), world.withdrawal_key);
  }

  World world{"benchmark"};
  WorldWallet wallet = world.make_wallet();
  std::vector<OrderLine> lines;
  std::vector<const DenominationKey*> keys;
  SignedDocument open_request;
  SignedDocument signed_order;

 private:
  std::vector<DenominationKey> keys_;
};

void BM_issuer_order(benchmark::State& state) {
  const OrderBench bench(state.range(0));
  for (auto _ : state) {
    benchmark::DoNotOptimize(bench.serve_open());
    benchmark::DoNotOptimize(bench.serve_complete());
  }
  state.counters["budget_us"] = static_cast<double>(250 + 100 * state.range(0));
}
BENCHMARK(BM_issuer_order)->Arg(1)->Arg(7)->Arg(14)->Arg(70)->Unit(benchmark::kMicrosecond);

void BM_issuer_open(benchmark::State& state) {
  const OrderBench bench(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(bench.serve_open());
}
BENCHMARK(BM_issuer_open)->Arg(1)->Arg(7)->Arg(14)->Unit(benchmark::kMicrosecond);

void BM_issuer_complete(benchmark::State& state) {
  const OrderBench bench(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(bench.serve_complete());
}
BENCHMARK(BM_issuer_complete)->Arg(1)->Arg(7)->Arg(14)->Unit(benchmark::kMicrosecond);

// The wallet's and everybody's operations on one coin with `slots` slots.
struct CoinBench {
  explicit CoinBench(bool split)
      : coin(world.withdraw(wallet, {{split ? world.split_coin.id : world.coin.id, 1}})[0]),
        opened{std::string(World::kIssuer),
               wallet.account.account,
               1,
               time_slot_of(kWorldNow_s),
               {coin.line},
               {}},
        place{0, 0, coin.B_O} {}
  const Point& m() const { return wallet.account.points.m_coin; }

  World world{"coin benchmark"};
  WorldWallet wallet = world.make_wallet();
  WithdrawnCoin coin;
  OpenAnswer opened;
  CoinPlace place;
};

void BM_wallet_blind(benchmark::State& state) {
  const CoinBench bench(state.range(0) == 5);
  for (auto _ : state) {
    benchmark::DoNotOptimize(must(wallet_blind(bench.wallet.coin_seed, bench.opened, bench.place,
                                               bench.coin.denomination, bench.m(),
                                               bench.wallet.guardian_point(Kind::kCoin))));
  }
}
BENCHMARK(BM_wallet_blind)->ArgName("slots")->Arg(1)->Arg(5)->Unit(benchmark::kMicrosecond);

void BM_wallet_unblind(benchmark::State& state) {
  const CoinBench bench(false);
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        must(wallet_unblind(bench.coin.secrets, bench.coin.denomination, bench.m(), bench.coin.line,
                            0, bench.coin.response)));
  }
}
BENCHMARK(BM_wallet_unblind)->Unit(benchmark::kMicrosecond);

void BM_seal_attachment(benchmark::State& state) {
  CoinBench bench(true);
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        seal_attachment(bench.wallet.coin_seed, bench.opened, bench.coin.B_O, bench.world.rng));
  }
}
BENCHMARK(BM_seal_attachment)->Unit(benchmark::kMicrosecond);

void BM_check_coin(benchmark::State& state) {
  const CoinBench bench(false);
  for (auto _ : state) must(check_coin(bench.coin.coin, bench.coin.denomination));
}
BENCHMARK(BM_check_coin)->Unit(benchmark::kMicrosecond);

void BM_check_claim(benchmark::State& state) {
  const CoinBench bench(false);
  const uint8_t beta = bench.coin.response.beta;
  const BlindedClause& clause = bench.coin.secrets.clauses[beta];
  const Session session{bench.coin.denomination.id(),   bench.m(), bench.coin.line.z,
                        bench.coin.line.coins[0][beta], clause.c,  bench.coin.response.r};
  for (auto _ : state) {
    must(check_claim(bench.coin.coin, session, {bench.coin.secrets.s, clause.u, clause.v}));
  }
}
BENCHMARK(BM_check_claim)->Unit(benchmark::kMicrosecond);

// Time for each coin of an order of seven; it is meant to stay below 1 ms.
void BM_rebuild_order(benchmark::State& state) {
  World world("rebuild benchmark");
  WorldWallet wallet = world.make_wallet();
  const DenominationKey& key = state.range(0) == 5 ? world.split_coin : world.coin;
  world.withdraw(wallet, {{key.id, kMaxCoinsPerLine}});
  for (auto _ : state) {
    const Order order = must(Order::decode(wallet.orders[0].order.frame));
    const Completion completion = must(Completion::decode(wallet.orders[0].completion.frame));
    const auto points = must(open_attachment(wallet.coin_seed, order.opened, order.attachment));
    benchmark::DoNotOptimize(must(rebuild_order(
        wallet.coin_seed, order, completion, points,
        [&](const DenomId&) { return &key.denomination; }, wallet.account.points,
        wallet.guardian_point(Kind::kCoin), wallet.guardian_point(Kind::kCheque))));
  }
  state.counters["per_coin"] =
      benchmark::Counter(static_cast<double>(state.iterations() * kMaxCoinsPerLine),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(BM_rebuild_order)->ArgName("slots")->Arg(1)->Arg(5)->Unit(benchmark::kMicrosecond);

void BM_check_registration(benchmark::State& state) {
  World world("registration benchmark");
  const WorldWallet wallet = world.make_wallet();
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        must(check_registration(wallet.registration, World::kIssuer, world.anchors, std::nullopt)));
  }
}
BENCHMARK(BM_check_registration)->Unit(benchmark::kMicrosecond);

void BM_begin_registration(benchmark::State& state) {
  World world("registration benchmark");
  const WorldWallet wallet = world.make_wallet();
  for (auto _ : state) {
    benchmark::DoNotOptimize(must(RegistrationDraft::begin(
        wallet.identity, World::kIssuer, {}, wallet.guardian_certificate, g(), world.rng)));
  }
}
BENCHMARK(BM_begin_registration)->Unit(benchmark::kMicrosecond);

void BM_open_list(benchmark::State& state) {
  const World world("list benchmark");
  for (auto _ : state) {
    benchmark::DoNotOptimize(must(open_list(world.signed_list, world.master_key.public_key())));
  }
}
BENCHMARK(BM_open_list)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace cafe::protocol
