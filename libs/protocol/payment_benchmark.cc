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

enum class Wrong { kAnswer, kCoin };
enum class Money { kCoin, kCheque, kTicks };

// A payment with money of its own.
Payment pay_with(Stage& s, Money money) {
  WithdrawnCoin coin =
      s.market.take(s.wallet, money == Money::kCoin ? s.market.coin : s.market.cheque);
  if (money != Money::kTicks) return s.market.pay(s.wallet, {{&coin, 0, 500}});
  return s.market.open_call(s.wallet, coin, 5, 100).shown(43);
}

// Payments of one slot, each with a coin of its own; `wrong` of them, spread evenly, do not fit
// their terms or were not signed.
class SpendsToCheck {
 public:
  SpendsToCheck(size_t count, size_t wrong, Wrong what = Wrong::kAnswer,
                Money money = Money::kCoin) {
    Stage& s = stage();
    for (size_t i = 0; i < count; ++i) {
      payments_.push_back(pay_with(s, money));
      if (wrong > 0 && i % (count / wrong) == 0) {
        Payment& payment = payments_.back();
        Scalar& victim = what == Wrong::kAnswer ? payment.spends[0].r1 : payment.coins[0].r;
        victim = victim + Scalar::from_u64(1);
      }
    }
    for (const Payment& payment : payments_) checks_.push_back(s.market.check(payment));
  }
  std::span<const SpendCheck> checks() const { return checks_; }

 private:
  std::vector<Payment> payments_;
  std::vector<SpendCheck> checks_;
};

void check_all(benchmark::State& state, const SpendsToCheck& spends) {
  for (auto _ : state) benchmark::DoNotOptimize(check_spends(spends.checks()));
  const auto count = static_cast<double>(spends.checks().size());
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(count));
  state.counters["each"] = benchmark::Counter(
      count, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

// range(0) spends in one call.
void AcquirerChecksSpends(benchmark::State& state) {
  check_all(state, SpendsToCheck(static_cast<size_t>(state.range(0)), 0));
}
BENCHMARK(AcquirerChecksSpends)
    ->Arg(1)
    ->Arg(10)
    ->Arg(100)
    ->Arg(500)
    ->Arg(1000)
    ->Unit(benchmark::kMicrosecond);

// The same with cheques that were written out, and with calls of 100 ticks that show one.
void AcquirerChecksCheques(benchmark::State& state) {
  check_all(state, SpendsToCheck(static_cast<size_t>(state.range(0)), 0, {}, Money::kCheque));
}
BENCHMARK(AcquirerChecksCheques)->Arg(1)->Arg(1000)->Unit(benchmark::kMicrosecond);

void AcquirerChecksCalls(benchmark::State& state) {
  check_all(state, SpendsToCheck(static_cast<size_t>(state.range(0)), 0, {}, Money::kTicks));
}
BENCHMARK(AcquirerChecksCalls)->Arg(1)->Arg(1000)->Unit(benchmark::kMicrosecond);

// 1,000 spends of which range(0) are wrong.
void AcquirerFindsWrongSpends(benchmark::State& state) {
  check_all(state, SpendsToCheck(1000, static_cast<size_t>(state.range(0))));
}
BENCHMARK(AcquirerFindsWrongSpends)
    ->Arg(1)
    ->Arg(10)
    ->Arg(100)
    ->Arg(1000)
    ->Unit(benchmark::kMicrosecond);

// The same with coins that were not signed, which are the cheapest to refuse one by one.
void AcquirerFindsWrongCoins(benchmark::State& state) {
  check_all(state, SpendsToCheck(1000, static_cast<size_t>(state.range(0)), Wrong::kCoin));
}
BENCHMARK(AcquirerFindsWrongCoins)->Arg(1)->Arg(1000)->Unit(benchmark::kMicrosecond);

// 1,000 wrong coins, one call for each.
void AcquirerFindsWrongCoinsOneByOne(benchmark::State& state) {
  const SpendsToCheck spends(1000, 1000, Wrong::kCoin);
  for (auto _ : state) {
    for (const SpendCheck& check : spends.checks()) {
      benchmark::DoNotOptimize(check_spends({&check, 1}));
    }
  }
  state.counters["each"] = benchmark::Counter(
      1000, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}
BENCHMARK(AcquirerFindsWrongCoinsOneByOne)->Unit(benchmark::kMicrosecond);

// 1,000 spends, one call for each: what a batch is compared with.
void AcquirerChecksSpendsOneByOne(benchmark::State& state) {
  const SpendsToCheck spends(1000, 0);
  for (auto _ : state) {
    for (const SpendCheck& check : spends.checks()) {
      benchmark::DoNotOptimize(check_spends({&check, 1}));
    }
  }
  state.counters["each"] = benchmark::Counter(
      1000, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}
BENCHMARK(AcquirerChecksSpendsOneByOne)->Unit(benchmark::kMicrosecond);

// Signatures of terms by one terminal.
void AcquirerChecksSignatures(benchmark::State& state) {
  Stage& s = stage();
  std::vector<SignatureCheck> checks;
  for (int64_t i = 0; i < state.range(0); ++i) {
    const SignedDocument terms = s.market.sign_terms(s.market.make_terms(500));
    checks.push_back({&s.market.terminal_key.public_key(), terms.digest(), terms.signature});
  }
  for (auto _ : state) benchmark::DoNotOptimize(check_signatures_var(checks));
  state.counters["each"] = benchmark::Counter(
      static_cast<double>(state.range(0)),
      benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}
BENCHMARK(AcquirerChecksSignatures)->Arg(20)->Arg(100)->Arg(500)->Unit(benchmark::kMicrosecond);

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
  const GuardianCounter counter{Market::kIssuer, "EUR", 5000};
  const ChequeRequest request{counter.issuer_id, "EUR", 1234, s.rng.array<32>(), s.rng.array<32>()};
  for (auto _ : state) {
    benchmark::DoNotOptimize(answer_cheque(s.wallet.guardian, slot, counter, request));
  }
}
BENCHMARK(GuardianAnswersCheque)->Unit(benchmark::kMicrosecond);

TickRequest tick_request(Rng& rng, uint32_t count) {
  return {Market::kIssuer, "EUR", 1, count, rng.array<32>(), rng.array<32>(), rng.array<32>()};
}

void GuardianOpensCallOf100Ticks(benchmark::State& state) {
  Stage& s = stage();
  const GuardianSlot slot = s.market.make_slots(s.market.cheque.denomination)[0];
  const GuardianCounter counter{Market::kIssuer, "EUR", 5000};
  const TickState ticks{100};
  const Seed seed = s.rng.seed();
  const auto t = [&](uint32_t i) { return tick_secret(seed, i); };
  const TickRequest request = tick_request(s.rng, 100);
  for (auto _ : state) {
    benchmark::DoNotOptimize(answer_ticks(s.wallet.guardian, slot, counter, ticks, t, request));
  }
}
BENCHMARK(GuardianOpensCallOf100Ticks)->Unit(benchmark::kMicrosecond);

void GuardianReleasesTick(benchmark::State& state) {
  Stage& s = stage();
  const GuardianCounter counter{Market::kIssuer, "EUR", 5000};
  const Seed seed = s.rng.seed();
  const auto t = [&](uint32_t i) { return tick_secret(seed, i); };
  const TickState ticks{20, 0, OpenCall{Market::kIssuer, "EUR", 1, {}}};
  for (auto _ : state) benchmark::DoNotOptimize(release_tick(ticks, counter, t, 0));
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
  std::vector<Scalar> t;
  for (uint32_t i = 0; i < 100; ++i) t.push_back(s.rng.scalar());
  for (const Scalar& t_i : t) points.push_back(*multiply(t_i, g1()));
  const Bytes32 root = tick_root(points);
  const TickReveal reveal{42, t[42], merkle_path(point_leaves(points), 42)};
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
