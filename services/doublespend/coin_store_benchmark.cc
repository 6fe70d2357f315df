// How fast the coin store is, against the floor: the bare insertion of the same rows into the same
// PostgreSQL. In one run, with everything that makes the server durable left on:
//
//   bare      two clients, 1,000 rows a statement, (coin id, slot) as primary key, 96 bytes payload
//   store     requests of 500 rows that share commits (group_commit.h), without the network
//   Record    the same through gRPC, client and service in this process
//   Reserve   one slot a call, as authorizations ask
//   Lookup    50 coin ids a call, half of them stored
//
//   bench-coin-store [rounds [seconds a round [preloaded rows]]]
//
// Rounds take turns, so that what else the machine does falls on all of them alike.
#include <grpcpp/create_channel.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <functional>
#include <thread>

#include "libs/platform/server.h"
#include "libs/storage/session_settings.h"
#include "services/doublespend/columns.h"
#include "services/doublespend/doublespend_service.h"
#include "services/doublespend/testing/rows.h"
#include "tests/support/private_postgres.h"

namespace cafe::doublespend {
namespace {

using std::chrono::steady_clock;
using Rates = std::vector<double>;

constexpr uint64_t kDepositUntil = 1'900'000'000, kClaimUntil = 1'950'000'000;
constexpr size_t kRequestRows = 500, kBareRows = 1000, kBareClients = 2;
constexpr size_t kOutstanding = 64;  // Record requests that are under way at a time

void require(const absl::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  std::exit(1);
}

template <class T>
T require(absl::StatusOr<T> value) {
  require(value.status());
  return *std::move(value);
}

// Spends of random coins, fast: nobody's secret.
class Spends {
 public:
  explicit Spends(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15 + 1) {}

  SpendRow next() {
    SpendRow row{.key = {{}, 0, kDepositUntil},
                 .place = {.batch = 1 + count_ / 128'000,
                           .position = static_cast<uint32_t>(count_ % 128'000)},
                 .trace = {},
                 .claim_until = kClaimUntil};
    ++count_;
    fill(row.key.coin_id.bytes);
    for (protocol::Bytes32* part : {&row.trace.d, &row.trace.r1, &row.trace.r2}) {
      fill(*part);
      (*part)[0] = 0;  // canonical
    }
    return row;
  }
  std::vector<SpendRow> next(size_t count) {
    std::vector<SpendRow> rows;
    rows.reserve(count);
    for (size_t i = 0; i < count; ++i) rows.push_back(next());
    return rows;
  }
  uint64_t draw() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
  }

 private:
  void fill(protocol::Bytes32& bytes) {
    for (size_t i = 0; i < 4; ++i) {
      const auto part = protocol::encode_u64(draw());
      std::copy(part.begin(), part.end(), bytes.begin() + static_cast<std::ptrdiff_t>(8 * i));
    }
  }
  uint64_t state_;
  uint64_t count_ = 0;
};

std::atomic<uint64_t> g_seed = 0;

// Runs `step`, which returns how much it did, on each of `threads` until the time is over. What is
// done a second.
double measure(size_t threads, double seconds, const std::function<size_t(Spends&)>& step) {
  std::atomic<size_t> done = 0;
  const auto begin = steady_clock::now();
  const auto elapsed = [&] {
    return std::chrono::duration<double>(steady_clock::now() - begin).count();
  };
  std::vector<std::thread> workers;
  for (size_t i = 0; i < threads; ++i) {
    workers.emplace_back([&] {
      Spends spends(++g_seed);
      while (elapsed() < seconds) done += step(spends);
    });
  }
  for (std::thread& worker : workers) worker.join();
  return static_cast<double>(done) / elapsed();
}

double percentile(std::vector<double>& values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(share * static_cast<double>(values.size() - 1))];
}

double median(Rates rates) { return percentile(rates, 0.5); }

// The server, the bare table in it, and the service on top of it.
class Bench {
 public:
  Bench() {
    require(postgres_->migrate());
    superuser_ = require(storage::Database::open({.url = postgres_->url()}));
    require(superuser_->transaction({}, [](storage::Transaction& tx) {
      return tx.run_script(
          "CREATE SCHEMA bare; CREATE TABLE bare.spent (coin_id bytea, slot integer, payload bytea,"
          " PRIMARY KEY (coin_id, slot)); ALTER TABLE bare.spent ALTER coin_id SET STORAGE "
          "EXTERNAL,"
          " ALTER payload SET STORAGE EXTERNAL");
    }));
    database_ = require(storage::Database::open(
        {.url = postgres_->url("cafe_doublespend"), .pool_size = 16, .settings = storage::kByKey}));
  }

  void preload(int64_t rows) {
    constexpr int64_t kStep = 500'000;
    run("SELECT coinstore.preload_begin($1, $2)", kDepositUntil, kClaimUntil);
    std::atomic<int64_t> next = 0;
    std::vector<std::thread> fillers;
    for (int i = 0; i < 2; ++i) {
      fillers.emplace_back([&] {
        for (int64_t first; (first = next.fetch_add(kStep)) < rows;) {
          run("SELECT coinstore.preload_fill($1, $2, $3)", kDepositUntil, first,
              std::min(kStep, rows - first));
        }
      });
    }
    for (std::thread& filler : fillers) filler.join();
    run("SELECT coinstore.preload_finish($1)", kDepositUntil);
  }

  void serve() {
    coins_ = std::make_unique<CoinStore>(*database_, clock_);
    cases_ = std::make_unique<CaseStore>(*database_);
    claims_ = std::make_unique<ClaimStore>(*database_);
    options_.service = "doublespend";
    options_.listen = "127.0.0.1:0";
    options_.tls.insecure = true;
    host_ = std::make_unique<platform::ServiceHost>(options_, clock_);
    commits_ =
        std::make_unique<GroupCommit>(GroupCommitOptions{}, *coins_, clock_, host_->metrics());
    lookups_ = std::make_unique<Lookups>(
        "bench", key_, [this](auto ids) { return coins_->spent_slots(ids); }, cache_, clock_);
    prefixes_ = std::make_unique<PrefixLookups>(
        "bench", key_, [this](auto asked) { return coins_->spent_under(asked); }, clock_);
    host_->serve(std::make_unique<DoubleSpendService>(
        host_->runtime(), host_->metrics(),
        ServiceParts{*commits_, *coins_, *cases_, *claims_, *lookups_, *prefixes_, nullptr, nullptr,
                     clock_, [] {}}));
    require(host_->start());
    stub_ = v1::DoubleSpend::NewStub(grpc::CreateChannel(
        "127.0.0.1:" + std::to_string(host_->grpc_port()), grpc::InsecureChannelCredentials()));
  }
  ~Bench() {
    if (host_ != nullptr) host_->drain(absl::Seconds(10));
  }

  size_t insert_bare(Spends& spends) {
    std::vector<SpendRow> rows = spends.next(kBareRows);
    std::sort(rows.begin(), rows.end());
    storage::ByteaArray ids(rows.size(), 32), payloads(rows.size(), 96);
    storage::SmallintArray slots(rows.size());
    for (const SpendRow& row : rows) {
      ids.add(row.key.coin_id);
      slots.add(static_cast<int16_t>(row.key.slot));
      payloads.add(pack_trace(row.trace));
    }
    run("INSERT INTO bare.spent SELECT unnest($1::bytea[]), unnest($2::smallint[]), "
        "unnest($3::bytea[]) ON CONFLICT DO NOTHING",
        ids.bytes(), slots.bytes(), payloads.bytes());
    return rows.size();
  }

  size_t record_directly(Spends& spends) {
    return require(commits_->record(spends.next(kRequestRows))).size();
  }

  size_t record(Spends& spends) {
    v1::RecordRequest request;
    request.mutable_rows()->reserve(kRequestRows * protocol::kSpendRowSize);
    for (size_t i = 0; i < kRequestRows; ++i) {
      const SpendRow row = spends.next();
      if (i == 0) remember(row.key.coin_id);
      testing::append_packed(*request.mutable_rows(), row);
    }
    v1::RecordResponse response;
    call(&v1::DoubleSpend::Stub::Record, request, response);
    return response.rows();
  }

  size_t reserve(Spends& spends) {
    const SpendRow row = spends.next();
    v1::ReserveRequest request;
    request.set_hold_ms(60'000);
    testing::append_slot(*request.add_payments()->mutable_slots(), row);
    v1::ReserveResponse response;
    call(&v1::DoubleSpend::Stub::Reserve, request, response);
    return 1;
  }

  size_t look_up(Spends& spends) {
    constexpr int kIds = 50;
    v1::LookupRequest request;
    for (int i = 0; i < kIds; ++i) {
      const protocol::CoinId known = stored_[spends.draw() % stored_.size()];
      request.add_coin_ids(protocol::to_string(i % 2 == 0 ? known : spends.next().key.coin_id));
    }
    v1::LookupResponse response;
    call(&v1::DoubleSpend::Stub::Lookup, request, response);
    return kIds;
  }

  // Latencies since the last time, in ms.
  std::vector<double> take_latencies() {
    const std::lock_guard lock(mutex_);
    return std::exchange(latencies_, {});
  }

  double bytes_a_row(const std::string& table, const std::string& part) {
    return require(
        superuser_->transaction({}, [&](storage::Transaction& tx) -> absl::StatusOr<double> {
          CAFE_ASSIGN_OR_RETURN(const storage::Rows rows,
                                tx.query("SELECT (1000 * " + part + "('" + table +
                                         "') / (SELECT count(*) FROM " + table + "))::bigint"));
          return static_cast<double>(rows.front().get<int64_t>(0)) / 1000;
        }));
  }

 private:
  template <class... Args>
  void run(std::string_view sql, const Args&... args) {
    require(superuser_->transaction(
        {.statement_timeout = std::chrono::milliseconds(0)},
        [&](storage::Transaction& tx) { return tx.query(sql, args...).status(); }));
  }

  template <class Request, class Response>
  void call(grpc::Status (v1::DoubleSpend::Stub::*method)(grpc::ClientContext*, const Request&,
                                                          Response*),
            const Request& request, Response& response) {
    const auto begin = steady_clock::now();
    grpc::ClientContext context;
    const grpc::Status status = (stub_.get()->*method)(&context, request, &response);
    if (!status.ok()) {
      std::fprintf(stderr, "%s\n", status.error_message().c_str());
      std::exit(1);
    }
    const double took_ms =
        std::chrono::duration<double, std::milli>(steady_clock::now() - begin).count();
    const std::lock_guard lock(mutex_);
    latencies_.push_back(took_ms);
  }
  void remember(const protocol::CoinId& coin) {
    const std::lock_guard lock(mutex_);
    stored_.push_back(coin);
  }

  static storage::OnlineKey make_key() {
    protocol::SeededRng rng("coin store benchmark");
    const protocol::SigningKey key = require(protocol::SigningKey::create(rng.scalar()));
    const protocol::KeyCertificate certificate{.issuer_id = "bench",
                                               .purpose = std::string(protocol::kPurposeCoinstore),
                                               .key = key.public_key(),
                                               .valid_from = 1,
                                               .valid_until = kClaimUntil};
    return {key, protocol::SignedDocument::sign(certificate.encode(), key), certificate};
  }

  std::unique_ptr<cafe::testing::PrivatePostgres> postgres_ = require(
      cafe::testing::PrivatePostgres::start({.settings = {{"shared_buffers", "2GB"},
                                                          {"max_wal_size", "16GB"},
                                                          {"wal_compression", "lz4"},
                                                          {"checkpoint_timeout", "30min"}}}));
  std::unique_ptr<storage::Database> superuser_, database_;
  platform::SystemClock clock_;
  platform::ServiceOptions options_;
  const storage::OnlineKey key_ = make_key();
  SpentCache cache_{nullptr, key_.key, std::chrono::milliseconds(0)};
  std::unique_ptr<CoinStore> coins_;
  std::unique_ptr<CaseStore> cases_;
  std::unique_ptr<ClaimStore> claims_;
  std::unique_ptr<platform::ServiceHost> host_;
  std::unique_ptr<GroupCommit> commits_;
  std::unique_ptr<Lookups> lookups_;
  std::unique_ptr<PrefixLookups> prefixes_;
  std::unique_ptr<v1::DoubleSpend::Stub> stub_;
  std::mutex mutex_;
  std::vector<double> latencies_;
  std::vector<protocol::CoinId> stored_;
};

void print_latencies(const char* what, const char* unit, double rate, std::vector<double> ms) {
  std::printf("%-8s %9.0f %s/s   p50 %.2f ms  p99 %.2f ms\n", what, rate, unit, percentile(ms, 0.5),
              percentile(ms, 0.99));
}

void run(int rounds, double seconds, int64_t preloaded) {
  Bench bench;
  if (preloaded > 0) {
    const auto begin = steady_clock::now();
    bench.preload(preloaded);
    std::printf("preloaded %lld rows in %.1f s\n", static_cast<long long>(preloaded),
                std::chrono::duration<double>(steady_clock::now() - begin).count());
  }
  bench.serve();
  Rates bare, store, record;
  for (int round = 0; round < rounds; ++round) {
    bare.push_back(
        measure(kBareClients, seconds, [&](Spends& spends) { return bench.insert_bare(spends); }));
    store.push_back(measure(kOutstanding, seconds,
                            [&](Spends& spends) { return bench.record_directly(spends); }));
    record.push_back(
        measure(kOutstanding, seconds, [&](Spends& spends) { return bench.record(spends); }));
    std::printf("round %d: bare %.0f, store %.0f, Record %.0f rows/s\n", round + 1, bare.back(),
                store.back(), record.back());
    std::fflush(stdout);
  }
  std::printf("bare     %9.0f rows/s\n", median(bare));
  std::printf("store    %9.0f rows/s   %3.0f %% of bare\n", median(store),
              100 * median(store) / median(bare));
  std::printf(
      "Record   %9.0f rows/s   %3.0f %% of bare   p99 %.0f ms with %zu requests under way\n",
      median(record), 100 * median(record) / median(bare),
      [&] {
        auto ms = bench.take_latencies();
        return percentile(ms, 0.99);
      }(),
      kOutstanding);
  const double reserved =
      measure(16, seconds, [&](Spends& spends) { return bench.reserve(spends); });
  print_latencies("Reserve", "slots", reserved, bench.take_latencies());
  const double looked_up =
      measure(1, seconds, [&](Spends& spends) { return bench.look_up(spends); });
  print_latencies("Lookup", "coins", looked_up, bench.take_latencies());
  const std::string leaf = "coinstore.spent_203003";
  std::printf("bytes a row: table %.1f + index %.1f = %.1f; bare %.1f + %.1f\n",
              bench.bytes_a_row(leaf, "pg_table_size"), bench.bytes_a_row(leaf, "pg_indexes_size"),
              bench.bytes_a_row(leaf, "pg_total_relation_size"),
              bench.bytes_a_row("bare.spent", "pg_table_size"),
              bench.bytes_a_row("bare.spent", "pg_indexes_size"));
}

}  // namespace
}  // namespace cafe::doublespend

int main(int argc, char** argv) {
  const auto number = [&](int at, double otherwise) {
    return argc > at ? std::atof(argv[at]) : otherwise;
  };
  cafe::doublespend::run(static_cast<int>(number(1, 3)), number(2, 2),
                         static_cast<int64_t>(number(3, 0)));
}
