// The wallet's part of a recovery of 1,000 coins: what the issuer does in between is not counted.
// Reference: end to end below 3 s, rebuilding at most 1 ms a coin.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <thread>

#include "device-sim/firmware/testing/recovery_desk.h"

namespace cafe::testing {
namespace {

constexpr size_t kPerLine = 7;

void must(const absl::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "benchmark: %s\n", status.ToString().c_str());
  std::abort();
}

template <typename T>
T must(absl::StatusOr<T> result) {
  must(result.status());
  return *std::move(result);
}

// A wallet that withdrew `coins` coins, seven of each of three denominations an order, and paid
// with all of them; nothing has been deposited, so all of them are claimed.
struct Loss {
  explicit Loss(size_t coins) {
    std::vector<protocol::OrderLine> lines{{world.coin.id, kPerLine}};
    uint64_t sum = kPerLine * world.coin.denomination.value();
    for (const uint64_t value : {100, 200}) {
      lines.push_back({world.add_denomination(protocol::Kind::kCoin, {value}).id, kPerLine});
      sum += kPerLine * value;
    }
    till = std::make_unique<Till>(world, "till", size_t{16} << 20);
    lost.set_up(issuer, *till->terminal);
    fresh.set_up(issuer, *till->terminal);
    for (size_t made = 0; made < coins; made += lines.size() * kPerLine) {
      lost.withdraw(issuer, lines);
      must(lost.wallet
               ->on_offer(must(till->terminal->make_offer("EUR", sum, kWorldNow_ms)), kWorldNow_ms)
               .status());
    }
    card.emplace(must(wallet::BackupCard::decode(must(lost.wallet->backup_card()))));
    desk.report_loss(card->account);
    desk.replace(card->account, must(fresh.wallet->account()));
    memory = fresh.memory.snapshot();
  }
  std::unique_ptr<wallet::Recovery> begin() {
    fresh.memory.restore(memory);
    must(fresh.restart());
    return must(wallet::Recovery::with_card(*fresh.wallet, *card));
  }

  World world{"loss"};
  TestIssuer issuer{world};
  std::unique_ptr<Till> till;
  RecoveryDesk desk{world, issuer};
  Device lost{world, "lost", size_t{16} << 20};
  Device fresh{world, "fresh", size_t{16} << 20};
  std::optional<wallet::BackupCard> card;
  protocol::Bytes memory;
};

void rebuild_in_threads(wallet::Recovery& recovery, size_t threads) {
  std::vector<std::thread> workers;
  const size_t each = (recovery.orders() + threads - 1) / threads;
  for (size_t n = 0; n < threads; ++n) {
    workers.emplace_back([&recovery, n, each] { recovery.rebuild(n * each, (n + 1) * each); });
  }
  for (std::thread& worker : workers) worker.join();
}

// From the first listing to the signed claims.
void recover_coins(benchmark::State& state) {
  static Loss loss(static_cast<size_t>(state.range(0)));
  size_t claimed = 0;
  for (auto _ : state) {
    state.PauseTiming();
    const auto recovery = loss.begin();
    state.ResumeTiming();
    while (!recovery->listed()) {
      const auto query = must(recovery->orders_query(kWorldNow_ms));
      state.PauseTiming();
      const auto page = must(loss.desk.list_orders(query));
      state.ResumeTiming();
      must(recovery->on_orders(page));
    }
    rebuild_in_threads(*recovery, static_cast<size_t>(state.range(1)));
    must(look_up_all(loss.desk, *recovery));
    const auto digests = must(recovery->claim({}, kWorldNow_ms));
    state.PauseTiming();
    claimed = 0;
    for (const auto& digest : digests) {
      const auto bytes = must(wallet::Claims(*loss.fresh.wallet).bytes(digest));
      const auto document = must(protocol::SignedDocument::decode(bytes));
      claimed += must(protocol::Claim::decode(document.frame)).coins.size();
    }
    state.ResumeTiming();
  }
  state.counters["coins"] = static_cast<double>(claimed);
}
BENCHMARK(recover_coins)
    ->Args({1000, 1})
    ->Args({1000, 2})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime()
    ->Iterations(3);

// Rebuilding alone, on one thread.
void rebuild_coins(benchmark::State& state) {
  static Loss loss(static_cast<size_t>(state.range(0)));
  const auto recovery = loss.begin();
  must(list_and_rebuild(loss.desk, *recovery));
  for (auto _ : state) recovery->rebuild(0, recovery->orders());
  state.counters["coins"] = static_cast<double>(recovery->orders() * 3 * kPerLine);
}
BENCHMARK(rebuild_coins)->Arg(210)->Unit(benchmark::kMillisecond)->Iterations(5);

}  // namespace
}  // namespace cafe::testing
