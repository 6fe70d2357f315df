// What a payment costs on its way through a deposit, step by step: the whole flow against a
// PostgreSQL of its own, with a coin store that finds everything fresh. The steps' times are wall
// clock; the CPU times tell this process and the database's apart.
#include <benchmark/benchmark.h>

#include "absl/synchronization/blocking_counter.h"
#include "libs/platform/clock.h"
#include "libs/storage/session_settings.h"
#include "services/deposit/authorize.h"
#include "services/deposit/deposit_flow.h"
#include "services/deposit/testing/back_end.h"
#include "tests/support/cpu_time.h"

namespace cafe::deposit {
namespace {

using cafe::testing::children_cpu_s;
using cafe::testing::own_cpu_s;
using protocol::Bytes;
using testing::BackEnd;
using testing::Shop;
using testing::TestCoin;
using testing::Till;

constexpr uint64_t kNow_s = 1'800'000'000;
constexpr size_t kMostPayments = 1000;

class FreshCoinStore : public CoinStore {
 public:
  absl::StatusOr<std::vector<RecordedSlot>> record(uint64_t, std::span<const SpentSlot> slots,
                                                   absl::Time) override {
    return std::vector<RecordedSlot>(
        slots.size(), RecordedSlot{.outcome = RecordedSlot::Outcome::kFresh, .other = {}});
  }
  absl::StatusOr<std::vector<Reservation>> reserve(std::span<const SlotsToReserve> wanted,
                                                   uint32_t hold_ms, absl::Time) override {
    std::vector<Reservation> all;
    for (const SlotsToReserve& each : wanted) {
      all.push_back({true,
                     std::vector<ReservationState>(each.slots.size(), ReservationState::kReserved),
                     hold_ms});
    }
    return all;
  }
};

class OneList : public Withdrawal {
 public:
  explicit OneList(Bytes list) : list_(std::move(list)) {}
  absl::StatusOr<Bytes> newest_list() override { return list_; }
  absl::Status stop_denomination(const protocol::DenomId&, std::string_view) override {
    return absl::OkStatus();
  }

 private:
  const Bytes list_;
};

void require(const absl::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  std::abort();
}

std::unique_ptr<storage::Database> connect(const BackEnd& back_end) {
  auto database = storage::Database::open({.url = back_end.service_options().database_url,
                                           .pool_size = 4,
                                           .settings = storage::kByKey});
  require(database.status());
  return *std::move(database);
}

// One payee, its payments with coins of their own, and the flow.
struct Stage {
  Stage() {
    back_end.enrol(till);
    back_end.issue(back_end.shop.five, int64_t{1} << 50);
    require(denominations.refresh());
    for (size_t i = 0; i < kMostPayments; ++i) {
      const TestCoin coin = back_end.shop.mint(back_end.shop.five);
      payments.push_back(back_end.shop.pay(till, {{&coin, 0}}));
    }
  }

  BackEnd back_end{kNow_s};
  Shop& shop = back_end.shop;
  Till till = shop.make_till();
  std::vector<Bytes> payments;

  platform::ManualClock clock{absl::FromUnixSeconds(kNow_s)};
  platform::Metrics registry{"deposit"};
  DepositMetrics metrics{registry};
  std::unique_ptr<storage::Database> database = connect(back_end);
  std::unique_ptr<storage::Ledger> ledger = storage::make_postgres_ledger();
  FreshCoinStore coin_store;
  OneList withdrawal{shop.signed_list.encode()};
  Denominations denominations{std::string(Shop::kIssuer),
                              shop.master_key.public_key(),
                              *database,
                              withdrawal,
                              clock,
                              registry,
                              false};
  TerminalOpener terminals{shop.anchors, std::string(Shop::kIssuer)};
  platform::WorkPool check_pool{{.name = "check", .workers = 1}, clock, registry};
  const DepositParts parts{std::string(Shop::kIssuer),
                           shop.anchors,
                           shop.deposit_key,
                           *database,
                           *ledger,
                           coin_store,
                           denominations,
                           terminals,
                           check_pool,
                           1,
                           clock,
                           metrics};
  DepositFlow flow{parts, kMostPayments, [] {}};
};

Stage& stage() {
  static Stage stage;
  return stage;
}

// Seconds that a step of the flow took so far.
double step_s(platform::Metrics& metrics, const std::string& step) {
  const std::string all = metrics.expose();
  const std::string name =
      "cafe_deposit_step_seconds_sum{service=\"deposit\",step=\"" + step + "\"} ";
  const size_t at = all.find(name);
  return at == std::string::npos ? 0 : std::strtod(all.c_str() + at + name.size(), nullptr);
}

void DepositBatch(benchmark::State& state) {
  Stage& s = stage();
  const std::span<const Bytes> payments(s.payments.data(), static_cast<size_t>(state.range(0)));
  const std::vector<std::string> steps = {"admit", "check", "store", "record", "credit"};
  std::vector<double> began;
  for (const std::string& step : steps) began.push_back(step_s(s.registry, step));
  const pid_t server = testing::shared_postgres().pid();
  const double database_began = children_cpu_s(server);
  double own = 0;
  for (auto _ : state) {
    state.PauseTiming();
    const Bytes order = s.shop.order(s.till, s.shop.rng.array<16>(), payments);
    const double own_began = own_cpu_s();
    state.ResumeTiming();
    const auto answer = s.flow.deposit(order, payments, {}, absl::InfiniteFuture());
    state.PauseTiming();
    own += own_cpu_s() - own_began;
    require(answer.status());
    state.ResumeTiming();
  }
  const double paid = static_cast<double>(state.iterations() * state.range(0));
  const auto us = [&](double seconds) { return seconds * 1e6 / paid; };
  for (size_t i = 0; i < steps.size(); ++i) {
    state.counters[steps[i] + "_us"] = us(step_s(s.registry, steps[i]) - began[i]);
  }
  state.counters["own_cpu_us"] = us(own);
  state.counters["database_cpu_us"] = us(children_cpu_s(server) - database_began);
  state.counters["payments/s"] = benchmark::Counter(paid, benchmark::Counter::kIsRate);
}
BENCHMARK(DepositBatch)->Arg(1)->Arg(500)->Arg(1000)->Unit(benchmark::kMillisecond)->UseRealTime();

// A call that nobody made.
class CountedCall : public platform::LateCall {
 public:
  explicit CountedCall(absl::BlockingCounter& open) : open_(open) {}
  const platform::CallInfo& info() const override { return info_; }
  void finish(const absl::Status& status) override {
    require(status);
    open_.DecrementCount();
  }

 private:
  const platform::CallInfo info_{
      .request_id = "benchmark", .peer = {}, .deadline = absl::InfiniteFuture(), .cancelled = [] {
        return false;
      }};
  absl::BlockingCounter& open_;
};

// `range` questions that come at the same time.
void Authorize(benchmark::State& state) {
  Stage& s = stage();
  AuthorizeFlow flow(s.parts, {}, s.registry);
  const pid_t server = testing::shared_postgres().pid();
  const double database_began = children_cpu_s(server);
  const double own_began = own_cpu_s();
  for (auto _ : state) {
    absl::BlockingCounter open(static_cast<int>(state.range(0)));
    for (int64_t i = 0; i < state.range(0); ++i) {
      require(flow.submit({.payment = s.payments[static_cast<size_t>(i)],
                           .call = std::make_shared<CountedCall>(open),
                           .answer = [](const AuthorizationAnswer&) {}}));
    }
    open.Wait();
  }
  const double asked = static_cast<double>(state.iterations() * state.range(0));
  state.counters["own_cpu_us"] = (own_cpu_s() - own_began) * 1e6 / asked;
  state.counters["database_cpu_us"] = (children_cpu_s(server) - database_began) * 1e6 / asked;
}
BENCHMARK(Authorize)->Arg(1)->Arg(4)->Arg(16)->Unit(benchmark::kMillisecond)->UseRealTime();

void ReadPayments(benchmark::State& state) {
  Stage& s = stage();
  for (auto _ : state) {
    for (const Bytes& payment : s.payments) benchmark::DoNotOptimize(read_payment(payment));
  }
  state.counters["us"] =
      benchmark::Counter(static_cast<double>(state.iterations() * s.payments.size()) / 1e6,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(ReadPayments)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace cafe::deposit
