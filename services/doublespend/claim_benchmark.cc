// What a recovery asks of the coin store, at size: one caller after the other, without the network.
//
//   prefix    a look-up by the shortest prefix whose answer is half full on average, signed
//   short     a look-up without any bits: the store is asked how far to go, and says at once
//   mark      a claim of 1,000 coins, a slot each
//   locate    1,000 coins, half of them spent
//
//   claim_benchmark [stored rows [months that they lie in [seconds for each]]]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>

#include "libs/protocol/hash.h"
#include "libs/storage/session_settings.h"
#include "services/doublespend/claim_store.h"
#include "services/doublespend/coin_store.h"
#include "services/doublespend/columns.h"
#include "services/doublespend/prefix_lookups.h"
#include "services/doublespend/testing/rows.h"
#include "tests/support/private_postgres.h"

namespace cafe::doublespend {
namespace {

using std::chrono::steady_clock;

constexpr uint64_t kFirstDeadline = 1'900'000'000, kClaimUntil = 2'000'000'000;
constexpr uint64_t kMonth_s = 31 * testing::kDay_s;
constexpr size_t kClaimCoins = 1000;

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

// A row that coinstore.preload_fill made.
protocol::CoinId preloaded_coin(uint64_t deposit_until, uint64_t number) {
  protocol::Bytes data = protocol::to_bytes(protocol::view_of("cafe/v1/preloaded"));
  const auto month = static_cast<uint16_t>(month_of(deposit_until));
  data.push_back(static_cast<uint8_t>(month >> 8));
  data.push_back(static_cast<uint8_t>(month));
  protocol::append(data, protocol::encode_u64(number));
  return {protocol::sha256(data)};
}

class Bench {
 public:
  Bench(uint64_t rows, uint64_t months) : rows_(rows / months), months_(months) {
    require(postgres_->migrate());
    superuser_ = require(storage::Database::open({.url = postgres_->url()}));
    for (uint64_t month = 0; month < months_; ++month) {
      run("SELECT coinstore.preload_begin($1, $2)", deadline(month), kClaimUntil);
      run("SELECT coinstore.preload_fill($1, 0, $2)", deadline(month), rows_);
      run("SELECT coinstore.preload_finish($1)", deadline(month));
    }
    database_ = require(storage::Database::open(
        {.url = postgres_->url("cafe_doublespend"), .pool_size = 4, .settings = storage::kByKey}));
    coins_ = std::make_unique<CoinStore>(*database_, clock_);
    claims_ = std::make_unique<ClaimStore>(*database_);
    prefixes_ = std::make_unique<PrefixLookups>(
        "bench", key_, [this](auto asked) { return coins_->spent_under(asked); }, clock_);
  }

  uint8_t prefix_bits() const {
    uint8_t bits = 0;
    while (bits < protocol::kMaxPrefixBits &&
           (rows_ * months_ >> bits) > protocol::kMaxPrefixSlots / 2) {
      bits += 2;
    }
    return bits;
  }

  void look_up(uint8_t bits) {
    const auto prefix = protocol::CoinPrefix::of(maker_.coin(), bits);
    require(require(prefixes_->answer_all({&prefix, 1})).front().status());
  }

  void look_up_all() {
    const protocol::CoinPrefix prefix{.bits = 0, .value = 0};
    if (require(prefixes_->answer_all({&prefix, 1})).front().ok()) std::exit(1);
  }

  // Drawn before the clock starts.
  std::vector<ClaimedCoin> new_claim() {
    std::vector<ClaimedCoin> coins;
    for (size_t i = 0; i < kClaimCoins; ++i) {
      coins.push_back({maker_.coin(), 1, deadline(i % months_), kClaimUntil});
    }
    return coins;
  }
  void mark(const std::vector<ClaimedCoin>& coins) { require(claims_->mark(++claim_, coins)); }

  std::vector<protocol::CoinId> half_spent() {
    std::vector<protocol::CoinId> coins;
    for (size_t i = 0; i < kClaimCoins; ++i) {
      const uint64_t number = next_++ * 7919 % rows_;  // all over the table
      coins.push_back(i % 2 == 0 ? preloaded_coin(deadline(i / 2 % months_), number)
                                 : maker_.coin());
    }
    return coins;
  }
  void locate(const std::vector<protocol::CoinId>& coins) {
    if (require(claims_->locate(coins)).size() != kClaimCoins / 2) std::exit(1);
  }

 private:
  static uint64_t deadline(uint64_t month) { return kFirstDeadline + month * kMonth_s; }

  template <class... Args>
  void run(std::string_view sql, const Args&... args) {
    require(superuser_->transaction(
        {.statement_timeout = std::chrono::milliseconds(0)},
        [&](storage::Transaction& tx) { return tx.query(sql, args...).status(); }));
  }

  static storage::OnlineKey make_key() {
    protocol::SeededRng rng("claim benchmark");
    const protocol::SigningKey key = require(protocol::SigningKey::create(rng.scalar()));
    const protocol::KeyCertificate certificate{.issuer_id = "bench",
                                               .purpose = std::string(protocol::kPurposeCoinstore),
                                               .key = key.public_key(),
                                               .valid_from = 1,
                                               .valid_until = kClaimUntil};
    return {key, protocol::SignedDocument::sign(certificate.encode(), key), certificate};
  }

  const uint64_t rows_;  // in each month
  const uint64_t months_;
  std::unique_ptr<cafe::testing::PrivatePostgres> postgres_ =
      require(cafe::testing::PrivatePostgres::start({.settings = {{"shared_buffers", "1GB"}}}));
  std::unique_ptr<storage::Database> superuser_, database_;
  platform::SystemClock clock_;
  const storage::OnlineKey key_ = make_key();
  testing::RowMaker maker_{"claim benchmark", kFirstDeadline, kClaimUntil};
  std::unique_ptr<CoinStore> coins_;
  std::unique_ptr<ClaimStore> claims_;
  std::unique_ptr<PrefixLookups> prefixes_;
  uint64_t claim_ = 0;
  uint64_t next_ = 0;
};

// Runs `step` on what `draw` made until the time is over.
template <class Draw, class Step>
void measure(const char* what, double seconds, Draw draw, Step step) {
  std::vector<double> ms;
  const auto end = steady_clock::now() + std::chrono::duration<double>(seconds);
  while (ms.empty() || steady_clock::now() < end) {
    const auto input = draw();
    const auto begin = steady_clock::now();
    step(input);
    ms.push_back(std::chrono::duration<double, std::milli>(steady_clock::now() - begin).count());
  }
  std::sort(ms.begin(), ms.end());
  std::printf("%-8s p50 %7.2f ms   p99 %7.2f ms   of %zu\n", what, ms[ms.size() / 2],
              ms[ms.size() * 99 / 100], ms.size());
  std::fflush(stdout);
}

void run(uint64_t rows, uint64_t months, double seconds) {
  const auto begin = steady_clock::now();
  Bench bench(rows, months);
  const uint8_t bits = bench.prefix_bits();
  std::printf("%llu rows in %llu months, stored in %.1f s; prefixes of %u bits\n",
              static_cast<unsigned long long>(rows), static_cast<unsigned long long>(months),
              std::chrono::duration<double>(steady_clock::now() - begin).count(), bits);
  measure(
      "prefix", seconds, [&] { return bits; }, [&](uint8_t bits) { bench.look_up(bits); });
  measure(
      "short", seconds, [] { return 0; }, [&](int) { bench.look_up_all(); });
  measure(
      "mark", seconds, [&] { return bench.new_claim(); },
      [&](const auto& coins) { bench.mark(coins); });
  measure(
      "locate", seconds, [&] { return bench.half_spent(); },
      [&](const auto& coins) { bench.locate(coins); });
}

}  // namespace
}  // namespace cafe::doublespend

int main(int argc, char** argv) {
  const auto number = [&](int at, double otherwise) {
    return argc > at ? std::atof(argv[at]) : otherwise;
  };
  cafe::doublespend::run(static_cast<uint64_t>(number(1, 1'000'000)),
                         static_cast<uint64_t>(number(2, 12)), number(3, 3));
}
