#include "loadtest/scenarios/deposit_scenario.h"

#include <cafe/v1/deposit.pb.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace cafe::loadtest {

using protocol::Bytes;
using protocol::to_string;
namespace {

// Batches between two lines of progress, and at least so long between them.
constexpr absl::Duration kProgressEvery = absl::Seconds(2);

}  // namespace

CLI::Option* add_mix_option(CLI::App& command, MoneyMix& mix) {
  const auto take = [&mix](const std::string& text) {
    const auto parsed = MoneyMix::parse(text);
    if (!parsed.ok()) throw CLI::ValidationError("--mix", std::string(parsed.status().message()));
    mix = *parsed;
  };
  return command
      .add_option_function<std::string>(
          "--mix", take,
          "Shares of payments: coins (of one slot), split (coins of several), cheques, calls (by "
          "the tick), e.g. coins=70,split=10,cheques=15,calls=5")
      ->default_str(mix.text());
}

void add_mill_options(CLI::App& command, MillOptions& options) {
  const auto option = [&](const char* name, auto& value, const char* help) {
    return command.add_option(name, value, help)->capture_default_str();
  };
  add_mix_option(command, options.mix);
  option("--batch-size", options.batch_size, "Payments in a deposit")->check(CLI::Range(1, 1000));
  option("--repeats", options.repeats, "Share of payments that were deposited before, 0 to 1")
      ->check(CLI::Range(0.0, 1.0));
  option("--double-spends", options.double_spends,
         "Share of payments whose slot paid before under other terms")
      ->check(CLI::Range(0.0, 1.0));
  option("--invalid", options.invalid,
         "Share of payments that are wrong, in six to eight ways by kind")
      ->check(CLI::Range(0.0, 1.0));
}

absl::StatusOr<std::vector<SpenderSecrets>> make_spenders(const DepositOptions& options,
                                                          Connections& withdrawal,
                                                          const Progress& progress) {
  std::vector<SpenderSecrets> spenders;
  if (options.mill.double_spends > 0) {
    CAFE_ASSIGN_OR_RETURN(const auto accounts, register_accounts(options.issuer, options.spenders,
                                                                 "spenders", withdrawal, progress));
    for (const Account& account : accounts) {
      spenders.push_back({account.coin_secret(), account.cheque_secret()});
    }
    return spenders;
  }
  // Nobody will ever learn whose these are.
  protocol::SeededRng rng("spenders of " + options.issuer.seed);
  for (uint32_t i = 0; i < options.spenders; ++i) {
    const protocol::Scalar coin = rng.scalar();
    spenders.push_back({coin, rng.scalar()});
  }
  return spenders;
}

absl::Status DepositScenario::prepare(const Progress& progress) {
  if (options_.mill.repeats + options_.mill.double_spends + options_.mill.invalid > 1) {
    return protocol::invalid("BAD_OPTION",
                             "--repeats, --double-spends and --invalid together are at most 1.");
  }
  CAFE_ASSIGN_OR_RETURN(const auto withdrawal, connect(options_.issuer, "withdrawal"));
  CAFE_ASSIGN_OR_RETURN(deposit_, connect(options_.issuer, "deposit"));
  CAFE_ASSIGN_OR_RETURN(issuer_, fetch_issuer(options_.issuer, *withdrawal));
  CAFE_ASSIGN_OR_RETURN(terminals_, read_terminals(options_.issuer));
  RequestFileHeader header{.issuer_id = options_.issuer.issuer_id,
                           .payments = options_.mill.batch_size,
                           .list_digest = issuer_.list_digest,
                           .terminals = {},
                           .made_ms = now_ms(),
                           .mix = options_.mill.mix};
  for (const Terminal& terminal : terminals_) header.terminals.push_back(terminal.terminal_id);
  if (!options_.replay.empty()) {
    CAFE_ASSIGN_OR_RETURN(file_, RequestFile::open(options_.replay));
    CAFE_RETURN_IF_ERROR(file_->check_fits(header));
    options_.mill.batch_size = file_->header().payments;
    options_.mill.mix = file_->header().mix;
    progress(absl::StrCat("replaying ", file_->size(), " requests of ", options_.mill.batch_size,
                          " payments (", item_mix(), ") from ", options_.replay));
    return absl::OkStatus();
  }
  CAFE_ASSIGN_OR_RETURN(
      const auto denominations,
      choose_denominations(options_.issuer, issuer_, Use::kMake, now_ms() / 1000));
  CAFE_ASSIGN_OR_RETURN(const auto spenders, make_spenders(options_, *withdrawal, progress));
  options_.mill.seed = options_.issuer.seed;
  CAFE_ASSIGN_OR_RETURN(PaymentMill mill,
                        PaymentMill::create(options_.mill, terminals_, denominations, spenders));
  mill_ = std::make_unique<PaymentMill>(std::move(mill));
  CAFE_ASSIGN_OR_RETURN(file_, RequestFile::create(options_.save, header));
  return absl::OkStatus();
}

absl::StatusOr<RecordedRequest> DepositScenario::record(Batch batch) const {
  const Terminal& terminal = terminals_[batch.terminal];
  RecordedRequest out;
  v1::DepositRequest request;
  std::vector<Bytes> encoded;
  encoded.reserve(batch.payments.size());
  for (PlannedPayment& planned : batch.payments) {
    out.roles.push_back({planned.role, planned.fault, planned.money, planned.pair});
    request.add_payments(to_string(planned.encoded));
    encoded.push_back(std::move(planned.encoded));
  }
  protocol::SystemRng rng;
  const protocol::DepositOrder order{.acquirer_id = terminal.acquirer_id,
                                     .payee_id = terminal.payee_id,
                                     .terminal_id = terminal.terminal_id,
                                     .idempotency_key = rng.array<16>(),
                                     .payments_digest = protocol::payments_digest(encoded)};
  request.set_order(
      to_string(protocol::SignedDocument::sign(order.encode(), terminal.key).encode()));
  out.bytes = request.SerializeAsString();
  return out;
}

absl::Status DepositScenario::make_requests(uint64_t count, const Progress& progress) {
  const absl::Time begin = absl::Now();
  absl::Time told = begin;
  uint64_t made = 0;
  const auto tell = [&] {
    const double seconds = absl::ToDoubleSeconds(absl::Now() - begin);
    const double payments = static_cast<double>(made) * options_.mill.batch_size;
    progress(absl::StrCat("made ", made, " of ", count, " requests, ",
                          static_cast<uint64_t>(payments / std::max(seconds, 1e-3)),
                          " payments/s"));
    told = absl::Now();
  };
  CAFE_RETURN_IF_ERROR(
      mill_->make(count, now_ms(), options_.issuer.threads, [&](Batch batch) -> absl::Status {
        CAFE_ASSIGN_OR_RETURN(const RecordedRequest recorded, record(std::move(batch)));
        CAFE_RETURN_IF_ERROR(file_->append(recorded));
        ++made;
        if (absl::Now() - told >= kProgressEvery) tell();
        return absl::OkStatus();
      }));
  CAFE_RETURN_IF_ERROR(file_->sync());
  tell();
  return absl::OkStatus();
}

absl::Status DepositScenario::prepare_run(uint64_t first_sequence, uint64_t requests,
                                          const Progress& progress) {
  base_ = used_;
  first_sequence_ = first_sequence;
  const uint64_t left = file_->size() - base_;
  if (requests <= left) return absl::OkStatus();
  if (mill_ == nullptr) {
    return protocol::refused("REPLAY_TOO_SHORT",
                             absl::StrCat("The run takes ", requests, " requests, the file has ",
                                          left, " left: lower --rate or --duration."));
  }
  return make_requests(requests - left, progress);
}

void DepositScenario::start(uint64_t sequence, Done done) {
  const uint64_t number = base_ + (sequence - first_sequence_);
  used_ = std::max(used_, number + 1);
  absl::StatusOr<RecordedRequest> request =
      number < file_->size()
          ? file_->read(number)
          : protocol::refused("NOT_PREPARED", "More requests were started than prepared.");
  if (!request.ok()) return done(outcome_of(request.status()));
  deposit_->call("/cafe.v1.Deposit/Deposit", to_buffer(request->bytes),
                 [this, roles = std::move(request->roles), done = std::move(done)](
                     const absl::Status& status, grpc::ByteBuffer& answer) {
                   done(status.ok() ? judge(roles, answer) : outcome_of(status));
                 });
}

Outcome DepositScenario::judge(const std::vector<PlannedRole>& roles, grpc::ByteBuffer& answer) {
  const auto read = [&]() -> absl::StatusOr<protocol::Receipt> {
    CAFE_ASSIGN_OR_RETURN(const auto response, parse<v1::DepositResponse>(answer));
    CAFE_ASSIGN_OR_RETURN(const auto frame,
                          answers_.open(issuer_, response.receipt(), response.key_certificate()));
    return protocol::Receipt::decode(frame);
  };
  const auto receipt = read();
  if (!receipt.ok()) return outcome_of(receipt.status());
  if (!checks_.take(roles, *receipt)) {
    return {.fate = Fate::kFailed, .items = 0, .reason = "WRONG_VERDICT"};
  }
  return {.fate = Fate::kOk, .items = static_cast<uint32_t>(roles.size()), .reason = {}};
}

Facts DepositScenario::facts() const {
  return {{"stored_rows", static_cast<double>(options_.issuer.preloaded + checks_.accepted())},
          {"batch_size", options_.mill.batch_size},
          {"terminals", static_cast<double>(terminals_.size())}};
}

absl::Status DepositScenario::finish(const Progress& progress) {
  progress("verdicts: " + checks_.summary());
  return checks_.finish();
}

}  // namespace cafe::loadtest
