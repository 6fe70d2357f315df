// cafectl loadtest: value and stored rows for load tests.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <thread>

#include "libs/protocol/hash.h"
#include "libs/protocol/loadtest_key.h"
#include "tools/cafectl/command.h"

namespace cafe::cafectl {

namespace {

using protocol::Denomination;

struct LoadtestOptions {
  std::string denomination;
  uint64_t amount = 0;
  std::string reference;
  uint64_t rows = 0;
  uint32_t jobs = 2;
};

absl::StatusOr<protocol::DenominationList> newest_list(storage::Database& db) {
  return db.transaction(
      {.read_only = true},
      [](storage::Transaction& tx) -> absl::StatusOr<protocol::DenominationList> {
        CAFE_ASSIGN_OR_RETURN(const auto rows,
                              tx.query("SELECT document FROM withdrawal.denomination_list "
                                       "ORDER BY number DESC LIMIT 1"));
        if (rows.empty()) {
          return protocol::make_error(absl::StatusCode::kNotFound, "NO_LIST",
                                      "No list of denominations is published yet.");
        }
        CAFE_ASSIGN_OR_RETURN(const auto document, protocol::SignedDocument::decode(
                                                       rows.front().get<protocol::Bytes>(0)));
        return protocol::DenominationList::decode(document.frame);
      });
}

// The one that is named, or for "all" every one for load tests; never any other.
absl::StatusOr<std::vector<Denomination>> choose(const protocol::DenominationList& list,
                                                 const std::string& name) {
  std::vector<Denomination> chosen;
  if (name == "all") {
    for (const Denomination& denomination : list.denominations) {
      if (protocol::is_loadtest(denomination)) chosen.push_back(denomination);
    }
  } else {
    CAFE_ASSIGN_OR_RETURN(const auto id, parse_id<protocol::DenomId>("--denomination", name));
    const Denomination* denomination = list.find(id);
    if (denomination == nullptr) {
      return protocol::make_error(absl::StatusCode::kNotFound, "UNKNOWN_DENOMINATION",
                                  "The newest published list does not hold this denomination.");
    }
    if (protocol::is_loadtest(*denomination)) chosen.push_back(*denomination);
  }
  if (chosen.empty()) {
    return protocol::refused(
        "NOT_LOADTEST",
        "This is for denominations for load tests only: give one \"loadtest\": "
        "true in the issuer's configuration.");
  }
  return chosen;
}

absl::StatusOr<Json> issue(Context& context, const LoadtestOptions& options) {
  if (options.amount == 0 || options.amount > INT64_MAX / 16) {
    return protocol::invalid("BAD_AMOUNT",
                             "--amount is a positive number of minor units, at most 2^59.");
  }
  CAFE_ASSIGN_OR_RETURN(const auto db, context.database());
  CAFE_ASSIGN_OR_RETURN(const auto list, newest_list(*db));
  CAFE_ASSIGN_OR_RETURN(const auto denominations, choose(list, options.denomination));
  const std::string reference =
      options.reference.empty() ? protocol::to_hex(context.rng.array<16>()) : options.reference;
  return db->transaction({}, [&](storage::Transaction& tx) -> absl::StatusOr<Json> {
    Json rows = Json::array();
    for (const Denomination& denomination : denominations) {
      const protocol::DenomId id = denomination.id();
      const bool is_cheque = denomination.kind == protocol::Kind::kCheque;
      const auto key =
          protocol::digest(protocol::Frame("cafe/loadtest-issue").add(id).add(reference));
      CAFE_ASSIGN_OR_RETURN(
          const auto posted,
          is_cheque ? tx.query("SELECT ledger.load_loadtest($1, $2, $3)", denomination.issuer_id,
                               protocol::to_bytes(key), options.amount)
                    : tx.query("SELECT ledger.issue_loadtest($1, $2, $3)", id.bytes,
                               protocol::to_bytes(key), options.amount));
      rows.push_back(
          {{"denomination", id.hex()},
           {"kind", is_cheque ? "cheque" : "coin"},
           {"issued", format_amount(static_cast<int64_t>(options.amount), denomination.currency)},
           {"reference", reference},
           {"new", posted.front().get<bool>(0)}});
    }
    return rows;
  });
}

// Rows that are written in one transaction: what an interruption loses at most.
constexpr uint64_t kRowsAtOnce = 500'000;

// Fills the ranges with several connections, and tells the progress and the time left.
class Preloader {
 public:
  Preloader(storage::Database& db, const Denomination& denomination, uint64_t rows)
      : db_(db), deposit_until_(denomination.deposit_until), rows_(rows) {}

  absl::Status fill(uint32_t jobs) {
    std::vector<absl::Status> ended(jobs);
    {
      std::vector<std::jthread> threads;
      for (uint32_t job = 0; job < jobs; ++job) {
        threads.emplace_back([this, &ended, job] { ended[job] = work(); });
      }
    }
    std::fputc('\n', stderr);
    for (const absl::Status& status : ended) CAFE_RETURN_IF_ERROR(status);
    return absl::OkStatus();
  }

 private:
  absl::Status work() {
    for (uint64_t first = next_.fetch_add(kRowsAtOnce); first < rows_ && !failed_;
         first = next_.fetch_add(kRowsAtOnce)) {
      const uint64_t count = std::min(kRowsAtOnce, rows_ - first);
      const absl::StatusOr<uint64_t> made = db_.transaction(
          {.idempotent = true}, [&](storage::Transaction& tx) -> absl::StatusOr<uint64_t> {
            CAFE_ASSIGN_OR_RETURN(const auto filled,
                                  tx.query("SELECT coinstore.preload_fill($1, $2, $3)",
                                           deposit_until_, first, count));
            return filled.front().get<uint64_t>(0);
          });
      if (!made.ok()) {
        failed_ = true;
        return made.status();
      }
      made_ += *made;
      tell(done_ += count);
    }
    return absl::OkStatus();
  }

  void tell(uint64_t done) const {
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
    // Ranges that were there already took no time and say nothing about those to come.
    const double rate = static_cast<double>(made_) / std::max(seconds, 1e-3);
    const double left = rate > 0 ? static_cast<double>(rows_ - done) / rate : 0;
    std::fprintf(stderr, "\r    %llu of %llu rows, %.0f rows/s, %.0f s left, then the index   ",
                 static_cast<unsigned long long>(done), static_cast<unsigned long long>(rows_),
                 rate, left);
    std::fflush(stderr);
  }

  storage::Database& db_;
  const uint64_t deposit_until_;
  const uint64_t rows_;
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  std::atomic<uint64_t> next_ = 0, done_ = 0, made_ = 0;
  std::atomic<bool> failed_ = false;
};

absl::StatusOr<Json> preload(const Context& context, const LoadtestOptions& options) {
  CAFE_ASSIGN_OR_RETURN(const auto db, context.database(static_cast<int>(options.jobs)));
  CAFE_ASSIGN_OR_RETURN(const auto list, newest_list(*db));
  CAFE_ASSIGN_OR_RETURN(const auto denominations, choose(list, options.denomination));
  const Denomination& denomination = denominations.front();
  CAFE_RETURN_IF_ERROR(db->transaction({}, [&](storage::Transaction& tx) -> absl::Status {
    return tx
        .query("SELECT coinstore.preload_begin($1, $2)", denomination.deposit_until,
               denomination.claim_until)
        .status();
  }));
  CAFE_RETURN_IF_ERROR(Preloader(*db, denomination, options.rows).fill(options.jobs));
  CAFE_ASSIGN_OR_RETURN(
      const uint64_t rows,
      db->transaction({}, [&](storage::Transaction& tx) -> absl::StatusOr<uint64_t> {
        CAFE_ASSIGN_OR_RETURN(const auto finished, tx.query("SELECT coinstore.preload_finish($1)",
                                                            denomination.deposit_until));
        return finished.front().get<uint64_t>(0);
      }));
  return Json{{"denomination", denomination.id().hex()}, {"rows", rows}};
}

}  // namespace

void register_loadtest(CLI::App& app, Context& context) {
  auto options = std::make_shared<LoadtestOptions>();
  CLI::App* loadtest = add_group(app, "loadtest", "Value and stored rows for load tests");
  CLI::App* command = add_command(*loadtest, context, "issue",
                                  "Put value into the escrow of a denomination for load tests, "
                                  "or under its issuer's cheques",
                                  [&context, options] { return issue(context, *options); });
  command->add_option("--denomination", options->denomination, "Its id, or all")->required();
  command->add_option("--amount", options->amount, "Minor units, for each")->required();
  command->add_option("--reference", options->reference,
                      "The same one again changes nothing (default: a new one)");
  command = add_command(*loadtest, context, "preload",
                        "Store rows of coins that nobody made; connect as superuser, before "
                        "anything is deposited. Interrupted, it goes on",
                        [&context, options] { return preload(context, *options); });
  command->add_option("--denomination", options->denomination, "Whose deposit deadline they have")
      ->required();
  command->add_option("--rows", options->rows, "How many")->required()->check(CLI::PositiveNumber);
  command->add_option("--jobs", options->jobs, "Connections that write at once")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
}

}  // namespace cafe::cafectl
