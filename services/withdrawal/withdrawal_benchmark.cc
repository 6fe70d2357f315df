// What an order costs the issuer: Open and Complete over gRPC without TLS, against a PostgreSQL and
// a Redis of their own. The wallet's arithmetic is left out.
#include <benchmark/benchmark.h>

#include <thread>

#include "services/withdrawal/wallet_fixture.h"
#include "tests/support/cpu_time.h"

namespace cafe::withdrawal {
namespace {

struct Stage {
  Stage() {
    issuer.options.orders_per_minute = 1'000'000'000;
    service.emplace(issuer, clock);
    wallet.emplace(issuer);
    wallet->join(service->stub(), /*funds=*/1'000'000'000'000);
  }
  TestIssuer issuer;
  platform::ManualClock clock{absl::FromUnixSeconds(testing::kWorldNow_s)};
  std::optional<InProcess> service;
  std::optional<Wallet> wallet;
  std::vector<std::unique_ptr<Wallet>> crowd;
};

Stage& stage() {
  static Stage stage;
  return stage;
}

void OpenAndComplete(benchmark::State& state) {
  Stage& s = stage();
  const std::vector<protocol::OrderLine> lines = {
      {s.issuer.coin.id, static_cast<uint32_t>(state.range(0))}};
  const pid_t server = s.issuer.postgres->pid();
  const double database_began = testing::children_cpu_s(server);
  double own = 0, open_s = 0, complete_s = 0;
  const auto timed = [&](double& wall_s, auto&& call) {
    const double cpu_began = testing::own_cpu_s();
    const absl::Time began = absl::Now();
    auto answer = call();
    wall_s += absl::ToDoubleSeconds(absl::Now() - began);
    own += testing::own_cpu_s() - cpu_began;
    return must(std::move(answer));
  };
  for (auto _ : state) {
    const auto request =
        protocol::SignedDocument::sign(s.wallet->open_request(lines).encode(), s.wallet->key());
    double order_s = 0;
    const std::string opened =
        timed(order_s, [&] { return call_open(s.service->stub(), request); });
    open_s += order_s;
    const PreparedOrder prepared =
        s.wallet->prepare(must(protocol::OpenAnswer::decode(protocol::view_of(opened))));
    const std::string order = protocol::to_string(prepared.document.encode());
    double rest_s = 0;
    timed(rest_s, [&] { return call_complete(s.service->stub(), order); });
    complete_s += rest_s;
    ++s.wallet->next_order;
    state.SetIterationTime(order_s + rest_s);
  }
  const double orders = static_cast<double>(state.iterations());
  state.counters["open_us"] = open_s * 1e6 / orders;
  state.counters["complete_us"] = complete_s * 1e6 / orders;
  state.counters["own_cpu_us"] = own * 1e6 / orders;
  state.counters["database_cpu_us"] =
      (testing::children_cpu_s(server) - database_began) * 1e6 / orders;
}
BENCHMARK(OpenAndComplete)->Arg(1)->Arg(5)->Unit(benchmark::kMicrosecond)->UseManualTime();

// Orders of different accounts, all opened at once and then all completed at once, so that they
// share statements and a commit.
void OrdersTogether(benchmark::State& state) {
  Stage& s = stage();
  const auto orders = static_cast<size_t>(state.range(0));
  while (s.crowd.size() < orders) {
    s.crowd.push_back(std::make_unique<Wallet>(s.issuer));
    s.crowd.back()->join(s.service->stub(), /*funds=*/1'000'000'000'000);
  }
  const pid_t server = s.issuer.postgres->pid();
  double own = 0, database = 0;
  const auto together = [&](auto&& call) {
    const double own_began = testing::own_cpu_s(), database_began = testing::children_cpu_s(server);
    const absl::Time began = absl::Now();
    {
      std::vector<std::jthread> threads;
      for (size_t i = 0; i < orders; ++i) threads.emplace_back([&, i] { call(i); });
    }
    const double took_s = absl::ToDoubleSeconds(absl::Now() - began);
    own += testing::own_cpu_s() - own_began;
    database += testing::children_cpu_s(server) - database_began;
    return took_s;
  };
  for (auto _ : state) {
    std::vector<std::string> documents(orders), opened(orders);
    for (size_t i = 0; i < orders; ++i) {
      const auto request = s.crowd[i]->open_request({{s.issuer.coin.id, 5}});
      documents[i] = protocol::to_string(
          protocol::SignedDocument::sign(request.encode(), s.crowd[i]->key()).encode());
    }
    double took_s =
        together([&](size_t i) { opened[i] = must(call_open(s.service->stub(), documents[i])); });
    for (size_t i = 0; i < orders; ++i) {
      const auto answer = must(protocol::OpenAnswer::decode(protocol::view_of(opened[i])));
      documents[i] = protocol::to_string(s.crowd[i]->prepare(answer).document.encode());
      ++s.crowd[i]->next_order;
    }
    took_s += together([&](size_t i) { must(call_complete(s.service->stub(), documents[i])); });
    state.SetIterationTime(took_s);
  }
  const auto done = static_cast<double>(state.iterations() * orders);
  state.counters["own_cpu_us"] = own * 1e6 / done;
  state.counters["database_cpu_us"] = database * 1e6 / done;
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(orders));
}
BENCHMARK(OrdersTogether)->Arg(4)->Arg(16)->Arg(64)->Unit(benchmark::kMillisecond)->UseManualTime();

}  // namespace
}  // namespace cafe::withdrawal
