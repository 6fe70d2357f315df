#include "loadtest/scenarios/coinstore_scenario.h"

#include <cafe/v1/doublespend.pb.h>

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "libs/protocol/hash.h"
#include "libs/protocol/lookup.h"
#include "libs/protocol/spend_rows.h"
#include "loadtest/generator/mix.h"

namespace cafe::loadtest {

using protocol::Bytes32;
using protocol::CoinId;
using protocol::view_of;

namespace {

constexpr uint32_t kPositions = 128'000;    // in a batch
constexpr uint64_t kLookupSalt = 0x100c0b;  // draws of look-ups are others than those of rows

// 32 bytes that look random.
Bytes32 bytes_at(uint64_t seed, uint64_t number) {
  Bytes32 out;
  for (uint64_t i = 0; i < 4; ++i) {
    std::ranges::copy(protocol::encode_u64(mix(seed ^ mix(4 * number + i))),
                      out.begin() + static_cast<ptrdiff_t>(8 * i));
  }
  return out;
}

// A canonical scalar: its first byte is zero.
Bytes32 scalar_at(uint64_t seed, uint64_t number) {
  Bytes32 out = bytes_at(seed, number);
  out[0] = 0;
  return out;
}

}  // namespace

void add_coinstore_options(CLI::App& command, CoinstoreOptions& options) {
  command.add_option("--record-rows", options.record_rows, "Rows in a Record")
      ->check(CLI::Range(1, 50'000))
      ->capture_default_str();
  command
      .add_option("--repeats", options.repeats, "Share of rows that are recorded already, 0 to 0.5")
      ->check(CLI::Range(0.0, 0.5))
      ->capture_default_str();
  command.add_option("--lookup-coins", options.lookup_coins, "Coin ids in a Lookup")
      ->check(CLI::Range(size_t{1}, protocol::kMaxLookup))
      ->capture_default_str();
  command.add_option("--lookup-share", options.lookup_share, "Share of requests that look up")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
}

uint32_t CoinstoreScenario::items_per_request() const {
  const double mean = (1 - options_.lookup_share) * options_.record_rows +
                      options_.lookup_share * options_.lookup_coins;
  return static_cast<uint32_t>(std::max(1.0, std::round(mean)));
}

absl::Status CoinstoreScenario::prepare(const Progress& progress) {
  CAFE_ASSIGN_OR_RETURN(const auto withdrawal, connect(options_.issuer, "withdrawal"));
  CAFE_ASSIGN_OR_RETURN(doublespend_, connect(options_.issuer, "doublespend"));
  CAFE_ASSIGN_OR_RETURN(issuer_, fetch_issuer(options_.issuer, *withdrawal));
  CAFE_ASSIGN_OR_RETURN(
      const auto denominations,
      choose_denominations(options_.issuer, issuer_, Use::kMake, now_ms() / 1000));
  denomination_ = denominations.front();
  seed_ = seed_number(options_.issuer.seed);
  planted_.emplace(seed_, options_.repeats, options_.record_rows);
  progress(absl::StrCat("rows are recorded for the denomination ", denomination_->id().hex()));
  return absl::OkStatus();
}

CoinId CoinstoreScenario::coin_of(uint64_t sequence, uint32_t row) const {
  return CoinId{bytes_at(seed_, planted_->spend_of(sequence * options_.record_rows + row))};
}

CoinId CoinstoreScenario::preloaded_coin(uint64_t number) const {
  const absl::CivilMonth deadline =
      absl::ToCivilMonth(absl::FromUnixSeconds(static_cast<int64_t>(denomination_->deposit_until)),
                         absl::UTCTimeZone());
  const auto month = static_cast<uint16_t>(deadline - absl::CivilMonth(1970, 1));
  protocol::Bytes data = protocol::to_bytes(view_of("cafe/v1/preloaded"));
  data.push_back(static_cast<uint8_t>(month >> 8));
  data.push_back(static_cast<uint8_t>(month));
  protocol::append(data, protocol::encode_u64(number));
  return CoinId{protocol::sha256(data)};
}

void CoinstoreScenario::start(uint64_t sequence, Done done) {
  if (unit(mix(seed_ ^ kLookupSalt ^ mix(sequence))) < options_.lookup_share) {
    look_up(sequence, std::move(done));
  } else {
    record(sequence, std::move(done));
  }
}

void CoinstoreScenario::record(uint64_t sequence, Done done) {
  v1::RecordRequest request;
  std::string& rows = *request.mutable_rows();
  rows.reserve(options_.record_rows * protocol::kSpendRowSize);
  for (uint32_t row = 0; row < options_.record_rows; ++row) {
    const uint64_t number = sequence * options_.record_rows + row;
    const uint64_t spend = planted_->spend_of(number);
    protocol::append_spend_row(rows, {.coin_id = coin_of(sequence, row),
                                      .d = scalar_at(~seed_, 3 * spend),
                                      .r1 = scalar_at(~seed_, 3 * spend + 1),
                                      .r2 = scalar_at(~seed_, 3 * spend + 2),
                                      .deposit_until = denomination_->deposit_until,
                                      .claim_until = denomination_->claim_until,
                                      .batch = protocol::kLoadtestBatch,
                                      .position = static_cast<uint32_t>(number % kPositions),
                                      .slot = 0});
  }
  doublespend_->call("/cafe.v1.DoubleSpend/Record", serialize(request),
                     [this, sequence, done = std::move(done)](const absl::Status& status,
                                                              grpc::ByteBuffer& answer) {
                       done(status.ok() ? judge_record(sequence, answer) : outcome_of(status));
                     });
}

// Every row is fresh but those that are planted.
bool CoinstoreScenario::judge_rows(uint64_t sequence, const v1::RecordResponse& response) {
  if (response.rows() != options_.record_rows) return false;
  if (options_.repeats == 0) return response.verdicts_size() == 0;
  auto verdict = response.verdicts().begin();
  for (uint32_t row = 0; row < options_.record_rows; ++row) {
    const uint64_t number = sequence * options_.record_rows + row;
    std::optional<uint64_t> other;
    if (verdict != response.verdicts().end() && verdict->row() == row) {
      other = planted_->partner_of(number);
      if (!other || verdict->outcome() != v1::RecordVerdict::REPEAT ||
          verdict->other_batch() != protocol::kLoadtestBatch ||
          verdict->other_position() != *other % kPositions) {
        return false;
      }
      ++verdict;
    }
    if (!planted_->take(number, other)) return false;
  }
  return verdict == response.verdicts().end();
}

Outcome CoinstoreScenario::judge_record(uint64_t sequence, grpc::ByteBuffer& answer) {
  const auto response = parse<v1::RecordResponse>(answer);
  if (!response.ok()) return outcome_of(response.status());
  if (!judge_rows(sequence, *response)) {
    return {.fate = Fate::kFailed, .items = 0, .reason = "WRONG_VERDICT"};
  }
  recorded_ += options_.record_rows - static_cast<uint32_t>(response->verdicts_size());
  if (options_.lookup_share > 0) {
    const std::lock_guard lock(mutex_);
    recorded_requests_.push_back(sequence);
  }
  return {.fate = Fate::kOk, .items = options_.record_rows, .reason = {}};
}

void CoinstoreScenario::look_up(uint64_t sequence, Done done) {
  v1::LookupRequest request;
  std::vector<CoinId> asked;
  asked.reserve(options_.lookup_coins);
  uint64_t spent = 0;
  for (uint32_t i = 0; i < options_.lookup_coins; ++i) {
    const uint64_t draw = mix(seed_ ^ ~kLookupSalt ^ mix(sequence * options_.lookup_coins + i));
    // Half of them were never seen; the others are preloaded, or were recorded by this load.
    std::optional<CoinId> known;
    if (i % 2 == 0 && options_.issuer.preloaded > 0) {
      known = preloaded_coin(draw % options_.issuer.preloaded);
    } else if (i % 2 == 0) {
      const std::lock_guard lock(mutex_);
      if (!recorded_requests_.empty()) {
        known = coin_of(recorded_requests_[draw % recorded_requests_.size()],
                        static_cast<uint32_t>(mix(draw) % options_.record_rows));
      }
    }
    if (known) ++spent;
    asked.push_back(known.value_or(CoinId{bytes_at(seed_ ^ kLookupSalt, draw)}));
    request.add_coin_ids(protocol::to_string(asked.back()));
  }
  doublespend_->call("/cafe.v1.DoubleSpend/Lookup", serialize(request),
                     [this, asked = std::move(asked), spent, done = std::move(done)](
                         const absl::Status& status, grpc::ByteBuffer& answer) {
                       done(status.ok() ? judge_lookup(asked, spent, answer) : outcome_of(status));
                     });
}

Outcome CoinstoreScenario::judge_lookup(const std::vector<CoinId>& asked, uint64_t spent,
                                        grpc::ByteBuffer& answer) {
  const auto read = [&]() -> absl::StatusOr<protocol::SpentSlotsAnswer> {
    CAFE_ASSIGN_OR_RETURN(const auto response, parse<v1::LookupResponse>(answer));
    CAFE_ASSIGN_OR_RETURN(const auto frame,
                          answers_.open(issuer_, response.answer(), response.key_certificate()));
    return protocol::SpentSlotsAnswer::decode(frame);
  };
  const auto found = read();
  if (!found.ok()) return outcome_of(found.status());
  if (found->coin_ids != asked || found->spent.size() != spent) {
    return {.fate = Fate::kFailed, .items = 0, .reason = "WRONG_ANSWER"};
  }
  return {.fate = Fate::kOk, .items = static_cast<uint32_t>(asked.size()), .reason = {}};
}

Facts CoinstoreScenario::facts() const {
  return {{"stored_rows", static_cast<double>(options_.issuer.preloaded + recorded_)},
          {"record_rows", options_.record_rows}};
}

absl::Status CoinstoreScenario::finish(const Progress& progress) {
  progress(absl::StrCat("recorded ", recorded_.load(), " rows"));
  return absl::OkStatus();
}

}  // namespace cafe::loadtest
