#include "loadtest/scenarios/authorize_scenario.h"

#include <cafe/v1/deposit.pb.h>

#include "absl/strings/str_cat.h"

namespace cafe::loadtest {

absl::Status AuthorizeScenario::prepare(const Progress& progress) {
  CAFE_ASSIGN_OR_RETURN(const auto withdrawal, connect(options_.issuer, "withdrawal"));
  CAFE_ASSIGN_OR_RETURN(deposit_, connect(options_.issuer, "deposit"));
  CAFE_ASSIGN_OR_RETURN(issuer_, fetch_issuer(options_.issuer, *withdrawal));
  CAFE_ASSIGN_OR_RETURN(terminals_, read_terminals(options_.issuer));
  CAFE_ASSIGN_OR_RETURN(
      const auto denominations,
      choose_denominations(options_.issuer, issuer_, Use::kMake, now_ms() / 1000));
  CAFE_ASSIGN_OR_RETURN(const auto spenders, make_spenders(options_, *withdrawal, progress));
  // Coins of its own, also beside a deposit scenario of the same seed.
  CAFE_ASSIGN_OR_RETURN(
      PaymentMill mill,
      PaymentMill::create(
          {.seed = options_.issuer.seed + "/authorize", .batch_size = 1, .mix = options_.mill.mix},
          terminals_, denominations, spenders));
  mill_ = std::make_unique<PaymentMill>(std::move(mill));
  return absl::OkStatus();
}

absl::Status AuthorizeScenario::prepare_run(uint64_t first_sequence, uint64_t requests,
                                            const Progress& progress) {
  static_cast<void>(first_sequence);
  if (requests > slots_.size()) {
    progress(absl::StrCat("making ", requests - slots_.size(), " coins"));
  }
  while (slots_.size() < requests) {
    CAFE_ASSIGN_OR_RETURN(slots_.emplace_back(), mill_->next_slot());
  }
  return absl::OkStatus();
}

void AuthorizeScenario::start(uint64_t sequence, Done done) {
  if (slots_.empty()) {
    return done({.fate = Fate::kFailed, .items = 0, .reason = "NOT_PREPARED"});
  }
  const SlotToSpend slot = std::move(slots_.front());
  slots_.pop_front();
  const Terminal& terminal = terminals_[sequence % terminals_.size()];
  const protocol::Terms terms = terms_for(terminal, slot, now_ms(), rng_.array<16>());
  auto signed_terms = protocol::SignedDocument::sign(terms.encode(), terminal.key);
  v1::AuthorizeRequest request;
  request.set_payment(protocol::to_string(pay(slot, std::move(signed_terms), false).encode()));
  deposit_->call(
      "/cafe.v1.Deposit/Authorize", serialize(request),
      [this, done = std::move(done)](const absl::Status& status, grpc::ByteBuffer& answer) {
        done(status.ok() ? judge(answer) : outcome_of(status));
      });
}

Outcome AuthorizeScenario::judge(grpc::ByteBuffer& answer) {
  const auto read = [&]() -> absl::StatusOr<protocol::Authorization> {
    CAFE_ASSIGN_OR_RETURN(const auto response, parse<v1::AuthorizeResponse>(answer));
    CAFE_ASSIGN_OR_RETURN(const auto frame, answers_.open(issuer_, response.authorization(),
                                                          response.key_certificate()));
    return protocol::Authorization::decode(frame);
  };
  const auto authorization = read();
  if (!authorization.ok()) return outcome_of(authorization.status());
  if (!authorization->granted) {
    return {.fate = Fate::kFailed, .items = 0, .reason = authorization->reason};
  }
  return {.fate = Fate::kOk, .items = 1, .reason = {}};
}

Facts AuthorizeScenario::facts() const {
  return {{"stored_rows", static_cast<double>(options_.issuer.preloaded)}};
}

}  // namespace cafe::loadtest
