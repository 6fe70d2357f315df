// The primitives that everything else is made of.
#include <benchmark/benchmark.h>

#include "libs/protocol/ecdsa.h"
#include "libs/protocol/hash.h"
#include "libs/protocol/rng.h"

namespace cafe::protocol {
namespace {

SeededRng rng("primitives");
const Scalar k = rng.scalar();
const Scalar l = rng.scalar();
const Point P = *multiply(rng.scalar(), g());
const Point Q = *multiply(rng.scalar(), g());

void BM_scalar_multiply(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(k * l);
}
BENCHMARK(BM_scalar_multiply);

void BM_scalar_inverse(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(k.inverse());
}
BENCHMARK(BM_scalar_inverse);

void BM_prf_scalar(benchmark::State& state) {
  const Frame frame = Frame("cafe/v1/benchmark").add(k).add(P);
  for (auto _ : state) benchmark::DoNotOptimize(prf_scalar(l.bytes(), frame));
}
BENCHMARK(BM_prf_scalar);

void BM_point_decode(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(Point::decode(P.bytes()));
}
BENCHMARK(BM_point_decode);

void BM_multiply_generator(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(multiply(k, g1()));
}
BENCHMARK(BM_multiply_generator);

void BM_multiply_point(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(multiply(k, P));
}
BENCHMARK(BM_multiply_point);

void BM_two_points(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(linear_combination({{k, P}, {l, Q}}));
}
BENCHMARK(BM_two_points);

// Time for all of them.
void BM_multiples_of_point(benchmark::State& state) {
  std::vector<Scalar> ks;
  for (int64_t n = 0; n < state.range(0); ++n) ks.push_back(rng.scalar());
  for (auto _ : state) benchmark::DoNotOptimize(multiples(ks, P));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_multiples_of_point)->Arg(1)->Arg(14);

void BM_ecdsa_sign(benchmark::State& state) {
  const SigningKey key = SigningKey::create(k).value();
  for (auto _ : state) benchmark::DoNotOptimize(key.sign(P.bytes()));
}
BENCHMARK(BM_ecdsa_sign);

void BM_ecdsa_verify(benchmark::State& state) {
  const SigningKey key = SigningKey::create(k).value();
  const Signature signature = key.sign(P.bytes());
  for (auto _ : state) benchmark::DoNotOptimize(verify(key.public_key(), P.bytes(), signature));
}
BENCHMARK(BM_ecdsa_verify);

}  // namespace
}  // namespace cafe::protocol
