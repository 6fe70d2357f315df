// What a terminal pays for payments of one coin and of one cheque, and for ticks; and the bytes of
// every message of a call.
#include <benchmark/benchmark.h>

#include <cstdlib>

#include "device-sim/firmware/testing/caller.h"
#include "device-sim/firmware/testing/till.h"
#include "libs/protocol/ticks.h"

namespace cafe::pos {
namespace {

using protocol::Bytes;
using testing::Caller;
using testing::kWorldNow_ms;

void must(bool ok) {
  if (!ok) std::abort();
}

struct Shop {
  testing::Market market{"shop"};
  testing::WorldWallet alice = market.make_wallet();
  testing::Till till{market, "till", size_t{16} * 1024 * 1024};
  Terminal& terminal = *till.terminal;

  // A call and its caller, accepted.
  Caller open_call(uint32_t ticks, Bytes* offer = nullptr) {
    const Bytes offered = *terminal.make_call_offer("EUR", 1, ticks, "10 s", kWorldNow_ms);
    if (offer != nullptr) *offer = offered;
    const auto cheque = market.take(alice, market.cheque);
    Caller caller(market, alice, cheque, testing::terms_of(offered), {1, ticks});
    const auto result = terminal.on_payment(caller.payment().encode(), kWorldNow_ms);
    must(result.ok() && result->decision == Decision::kAccepted);
    return caller;
  }
};

// From the payment's bytes to the signed acceptance: all checks, one durable batch. Of 5 EUR, by a
// coin (0) or a cheque (1).
void terminal_accept(benchmark::State& state) {
  Shop shop;
  const auto& denomination = state.range(0) == 0 ? shop.market.coin : shop.market.cheque;
  size_t bytes = 0;
  for (auto _ : state) {
    state.PauseTiming();
    const Bytes offer = *shop.terminal.make_offer("EUR", 500, kWorldNow_ms);
    const protocol::SignedDocument terms = testing::terms_of(offer);
    auto money = shop.market.take(shop.alice, denomination);
    protocol::Payment payment =
        shop.market.pay(shop.alice, {{&money, 0, 500}}, *protocol::Terms::decode(terms.frame));
    payment.terms = terms;
    const Bytes encoded = payment.encode();
    bytes = encoded.size();
    state.ResumeTiming();
    const auto result = shop.terminal.on_payment(encoded, kWorldNow_ms);
    must(result.ok() && result->decision == Decision::kAccepted);
  }
  state.counters["payment_bytes"] = static_cast<double>(bytes);
}
BENCHMARK(terminal_accept)->Unit(benchmark::kMicrosecond)->Arg(0)->Arg(1)->Iterations(500);

// The checks alone, of a coin (0), a cheque (1), the opening of a call (2).
void check_payment(benchmark::State& state) {
  testing::Market market{"check"};
  testing::WorldWallet alice = market.make_wallet();
  auto money = market.take(alice, state.range(0) == 0 ? market.coin : market.cheque);
  const protocol::Payment payment =
      state.range(0) < 2
          ? market.pay(alice, {{&money, 0, 500}})
          : Caller(market, alice, money, market.sign_terms(market.make_terms(0)), {1, 500})
                .payment();
  const protocol::PaymentContext context = market.context();
  for (auto _ : state) must(protocol::check_payment(payment, context).ok());
}
BENCHMARK(check_payment)->Unit(benchmark::kMicrosecond)->DenseRange(0, 2);

// From the demand to the durable tick, of calls with so many ticks.
void terminal_tick(benchmark::State& state) {
  Shop shop;
  const auto ticks = static_cast<uint32_t>(state.range(0));
  std::vector<Bytes> messages;
  protocol::Bytes32 terms;
  const auto next_call = [&] {
    const Caller caller = shop.open_call(ticks);
    terms = caller.payment().terms.digest();
    messages.clear();
    for (uint32_t i = 0; i < ticks; ++i) messages.push_back(caller.tick(i));
  };
  next_call();
  uint32_t i = 0;
  for (auto _ : state) {
    if (i == ticks) {
      state.PauseTiming();
      next_call();
      i = 0;
      state.ResumeTiming();
    }
    auto demand = shop.terminal.next_tick_demand(terms, kWorldNow_ms);
    benchmark::DoNotOptimize(demand);
    must(shop.terminal.on_tick(messages[i++], kWorldNow_ms).ok());
  }
  state.counters["ticks_per_s"] =
      benchmark::Counter(static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}
BENCHMARK(terminal_tick)->Unit(benchmark::kMicrosecond)->Arg(100)->Arg(5000)->MinTime(1);

// What of that is arithmetic: the multiplication and the path.
void check_tick(benchmark::State& state) {
  testing::Market market{"tick"};
  testing::WorldWallet alice = market.make_wallet();
  const auto money = market.take(alice, market.cheque);
  const Caller caller(market, alice, money, market.sign_terms(market.make_terms(0)), {1, 5000});
  const auto root = *protocol::to_array<32>(caller.payment().spends[0].tick_root);
  const protocol::TickReveal reveal = caller.reveal(4321);
  for (auto _ : state) must(protocol::check_tick(root, 5000, reveal).ok());
}
BENCHMARK(check_tick)->Unit(benchmark::kMicrosecond);

// The bytes of each message of a call with so many ticks.
void message_bytes(benchmark::State& state) {
  Shop shop;
  const auto ticks = static_cast<uint32_t>(state.range(0));
  Bytes offer;
  const Caller caller = shop.open_call(ticks, &offer);
  const protocol::Bytes32 terms = caller.payment().terms.digest();
  const Bytes payment = caller.payment().encode();
  const auto count = [&](const char* name, const Bytes& message) {
    state.counters[name] = static_cast<double>(message.size());
  };
  count("call_offer", offer);
  count("payment", payment);
  count("answer", shop.terminal.on_payment(payment, kWorldNow_ms)->message);
  count("demand", *shop.terminal.next_tick_demand(terms, kWorldNow_ms));
  count("tick", caller.tick(0));
  count("hang_up", firmware::HangUp{terms}.encode());
  count("call_end", *shop.terminal.end_call(terms, kWorldNow_ms));
  for (auto _ : state) benchmark::DoNotOptimize(offer);
}
BENCHMARK(message_bytes)->Arg(100)->Arg(1000)->Arg(5000)->Iterations(1);

}  // namespace
}  // namespace cafe::pos
