// What each role's part in a payment costs on one core. EcdsaVerify is the yardstick: on the
// machine that the limits are stated for it takes 47 µs.
#include <benchmark/benchmark.h>

#include "libs/protocol/testing/market.h"
#include "libs/protocol/ticks.h"

namespace cafe::protocol {
namespace {

using testing::Guardian;
using testing::Market;
using testing::WithdrawnCoin;
using testing::WorldWallet;

// One wallet with a coin of each kind.
struct Stage {
  Market market{"benchmark"};
  WorldWallet wallet = market.make_wallet();
  WithdrawnCoin plain = market.take(wallet, market.coin);
  WithdrawnCoin split = market.take(wallet, market.split_coin);
  WithdrawnCoin cheque = market.take(wallet, market.cheque);
  SeededRng& rng = market.rng;
};

Stage& stage() {
  static Stage stage;
  return stage;
}

void EcdsaVerify(benchmark::State& state) {
  const SignedDocument terms = stage().market.sign_terms(stage().market.make_terms(500));
  for (auto _ : state) {
    benchmark::DoNotOptimize(terms.check(stage().market.terminal_key.public_key()));
  }
}
BENCHMARK(EcdsaVerify)->Unit(benchmark::kMicrosecond);

// A terminal's whole check, from the bytes that the wallet sent. It signed the terms itself.
void TerminalChecksPaymentOfOneSlot(benchmark::State& state) {
  Stage& s = stage();
  const Bytes bytes = s.market.pay(s.wallet, {{&s.plain, 0, 500}}, Guardian::kForgetful).encode();
  const PaymentContext context = s.market.context();
  for (auto _ : state) {
    const auto payment = Payment::decode(bytes);
    benchmark::DoNotOptimize(check_payment(*payment, context));
  }
}
BENCHMARK(TerminalChecksPaymentOfOneSlot)->Unit(benchmark::kMicrosecond);

// `count` payments of one slot, each with a coin of its own.
void AcquirerChecksSpends(benchmark::State& state) {
  Stage& s = stage();
  std::vector<Payment> payments;
  for (int64_t i = 0; i < state.range(0); ++i) {
    WithdrawnCoin coin = s.market.take(s.wallet, s.market.coin);
    payments.push_back(s.market.pay(s.wallet, {{&coin, 0, 500}}));
  }
  std::vector<SpendCheck> checks;
  for (const Payment& payment : payments) checks.push_back(s.market.check(payment));
  for (auto _ : state) benchmark::DoNotOptimize(check_spends(checks));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(AcquirerChecksSpends)->Arg(1)->Arg(100)->Unit(benchmark::kMicrosecond);

// Five payments with the slots of one coin: the coin is checked once.
void AcquirerChecksFiveSlotsOfOneCoin(benchmark::State& state) {
  Stage& s = stage();
  std::vector<Payment> payments;
  for (uint32_t slot = 0; slot < 5; ++slot) {
    payments.push_back(s.market.pay(s.wallet,
                                    {{&s.split, slot, s.split.denomination.slot_values[slot]}},
                                    Guardian::kForgetful));
  }
  std::vector<SpendCheck> checks;
  for (const Payment& payment : payments) checks.push_back(s.market.check(payment));
  for (auto _ : state) benchmark::DoNotOptimize(check_spends(checks));
  state.SetItemsProcessed(state.iterations() * 5);
}
BENCHMARK(AcquirerChecksFiveSlotsOfOneCoin)->Unit(benchmark::kMicrosecond);

void PaymentDecodes(benchmark::State& state) {
  Stage& s = stage();
  const Bytes bytes = s.market.pay(s.wallet, {{&s.plain, 0, 500}}, Guardian::kForgetful).encode();
  for (auto _ : state) benchmark::DoNotOptimize(Payment::decode(bytes));
}
BENCHMARK(PaymentDecodes)->Unit(benchmark::kMicrosecond);

void GuardianAnswersCoin(benchmark::State& state) {
  Stage& s = stage();
  const GuardianSlot slot = s.market.make_slots(s.market.coin.denomination)[0];
  const Scalar challenge = s.rng.scalar();
  for (auto _ : state) benchmark::DoNotOptimize(answer_coin(s.wallet.guardian, slot, challenge));
}
BENCHMARK(GuardianAnswersCoin)->Unit(benchmark::kMicrosecond);

void GuardianAnswersCheque(benchmark::State& state) {
  Stage& s = stage();
  const GuardianSlot slot = s.market.make_slots(s.market.cheque.denomination)[0];
  const GuardianCounter counter{std::string(Market::kIssuer), "EUR", 5000};
  const ChequeRequest request{counter.issuer_id, "EUR", 1234, s.rng.array<32>(), s.rng.array<32>()};
  for (auto _ : state) {
    benchmark::DoNotOptimize(answer_cheque(s.wallet.guardian, slot, counter, request));
  }
}
BENCHMARK(GuardianAnswersCheque)->Unit(benchmark::kMicrosecond);

TickState make_ticks(Rng& rng, uint32_t count) {
  TickState ticks;
  for (uint32_t i = 0; i < count; ++i) ticks.t.push_back(rng.scalar());
  return ticks;
}

TickRequest tick_request(Rng& rng, uint32_t count) {
  return {std::string(Market::kIssuer),
          "EUR",
          1,
          count,
          rng.array<32>(),
          rng.array<32>(),
          rng.array<32>()};
}

void GuardianOpensCallOf100Ticks(benchmark::State& state) {
  Stage& s = stage();
  const GuardianSlot slot = s.market.make_slots(s.market.cheque.denomination)[0];
  const GuardianCounter counter{std::string(Market::kIssuer), "EUR", 5000};
  const TickState ticks = make_ticks(s.rng, 100);
  const TickRequest request = tick_request(s.rng, 100);
  for (auto _ : state) {
    benchmark::DoNotOptimize(answer_ticks(s.wallet.guardian, slot, counter, ticks, request));
  }
}
BENCHMARK(GuardianOpensCallOf100Ticks)->Unit(benchmark::kMicrosecond);

void GuardianReleasesTick(benchmark::State& state) {
  Stage& s = stage();
  const GuardianCounter counter{std::string(Market::kIssuer), "EUR", 5000};
  TickState ticks = make_ticks(s.rng, 20);
  ticks.request = tick_request(s.rng, 20);
  for (auto _ : state) benchmark::DoNotOptimize(release_tick(ticks, counter, 0));
}
BENCHMARK(GuardianReleasesTick)->Unit(benchmark::kMicrosecond);

void WalletBlindsTick(benchmark::State& state) {
  Stage& s = stage();
  const Scalar t = s.rng.scalar();
  const Point P = *multiply(t, g1());
  const Bytes32 y_seed = s.rng.array<32>();
  for (auto _ : state) benchmark::DoNotOptimize(wallet_tick(t, P, y_seed, 7));
}
BENCHMARK(WalletBlindsTick)->Unit(benchmark::kMicrosecond);

void TerminalChecksTick(benchmark::State& state) {
  Stage& s = stage();
  std::vector<Point> points;
  const TickState ticks = make_ticks(s.rng, 100);
  for (const Scalar& t : ticks.t) points.push_back(*multiply(t, g1()));
  const Bytes32 root = tick_root(points);
  const TickReveal reveal{42, ticks.t[42], merkle_path(point_leaves(points), 42)};
  for (auto _ : state) benchmark::DoNotOptimize(check_tick(root, 100, reveal));
}
BENCHMARK(TerminalChecksTick)->Unit(benchmark::kMicrosecond);

void WalletResponds(benchmark::State& state) {
  Stage& s = stage();
  const SlotSecrets& secrets = s.plain.secrets.slots[0];
  const Scalar d = s.rng.scalar();
  const Scalar answer =
      guardian_answer(s.wallet.guardian.o_coin, s.plain.slots[0].o2, coin_request(d, secrets));
  for (auto _ : state) {
    benchmark::DoNotOptimize(wallet_respond(answer, d, secrets, s.wallet.identity.u1,
                                            s.plain.secrets.s, s.wallet.guardian_point(Kind::kCoin),
                                            s.plain.B_O[0]));
  }
}
BENCHMARK(WalletResponds)->Unit(benchmark::kMicrosecond);

CaseFile make_case(Stage& s) {
  const Payment first = s.market.pay(s.wallet, {{&s.plain, 0, 500}}, Guardian::kForgetful);
  const Payment second = s.market.pay(s.wallet, {{&s.plain, 0, 500}}, Guardian::kForgetful);
  return s.market.open_case(s.wallet, first, 0, second, 0);
}

void IssuerExtractsSecret(benchmark::State& state) {
  Stage& s = stage();
  const CaseFile file = make_case(s);
  const SpendTrace first = s.market.trace(file.first.payment);
  const SpendTrace second = s.market.trace(file.second.payment);
  for (auto _ : state) benchmark::DoNotOptimize(extract_secret(first, second));
}
BENCHMARK(IssuerExtractsSecret)->Unit(benchmark::kMicrosecond);

void JudgeVerifiesCase(benchmark::State& state) {
  Stage& s = stage();
  const Bytes bytes = s.market.sign_case(make_case(s)).encode();
  for (auto _ : state) {
    benchmark::DoNotOptimize(verify_case(*SignedCase::decode(bytes), s.market.anchors));
  }
}
BENCHMARK(JudgeVerifiesCase)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace cafe::protocol
