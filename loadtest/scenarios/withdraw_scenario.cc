#include "loadtest/scenarios/withdraw_scenario.h"

#include <cafe/v1/withdrawal.pb.h>

#include "absl/strings/str_cat.h"
#include "libs/protocol/frame.h"
#include "loadtest/generator/batch_signer.h"

namespace cafe::loadtest {

using protocol::Bytes;
using protocol::Order;
using protocol::SignedDocument;
using protocol::to_string;
using protocol::view_of;

namespace {

// More than any load test takes out.
constexpr uint64_t kFunds = 1'000'000'000'000;
// AES-256-GCM: IV and tag around the points.
constexpr size_t kSealOverhead = 12 + 16;

}  // namespace

WithdrawScenario::~WithdrawScenario() {
  withdrawal_.reset();  // waits for the calls under way, which refer to the accounts
}

absl::Status WithdrawScenario::prepare(const Progress& progress) {
  CAFE_ASSIGN_OR_RETURN(withdrawal_, connect(options_.issuer, "withdrawal"));
  CAFE_ASSIGN_OR_RETURN(issuer_, fetch_issuer(options_.issuer, *withdrawal_));
  CAFE_ASSIGN_OR_RETURN(
      const auto denominations,
      choose_denominations(options_.issuer, issuer_, Use::kWithdraw, now_ms() / 1000));
  denomination_ = denominations.front();
  CAFE_ASSIGN_OR_RETURN(
      std::vector<Account> accounts,
      register_accounts(options_.issuer, options_.accounts, "customers", *withdrawal_, progress));
  CAFE_RETURN_IF_ERROR(fund_accounts(options_.issuer, accounts, denomination_->currency, kFunds));
  progress(absl::StrCat("funded ", accounts.size(), " accounts"));
  holders_.reserve(accounts.size());
  for (Account& account : accounts) holders_.push_back({std::move(account), 1, {}});
  for (Holder& holder : holders_) free_.push_back(&holder);
  return absl::OkStatus();
}

protocol::OpenRequest WithdrawScenario::open_request(const Holder& holder, uint64_t order) const {
  return {options_.issuer.issuer_id,
          holder.account.id(),
          order,
          issuer_.list.number,
          issuer_.list_digest,
          {{denomination_->id(), options_.coins_per_order}}};
}

absl::Status WithdrawScenario::sign_ahead(Holder& holder, uint64_t count) {
  if (holder.opens.size() >= count) return absl::OkStatus();
  std::vector<Bytes> frames;
  for (uint64_t i = holder.opens.size(); i < count; ++i) {
    frames.push_back(open_request(holder, holder.next_order + i).encode());
  }
  CAFE_ASSIGN_OR_RETURN(const auto signatures, sign_each(holder.account.key(), frames));
  for (size_t i = 0; i < frames.size(); ++i) {
    holder.opens.push_back(SignedDocument{std::move(frames[i]), signatures[i]}.encode());
  }
  return absl::OkStatus();
}

absl::Status WithdrawScenario::prepare_run(uint64_t first_sequence, uint64_t requests,
                                           const Progress& progress) {
  static_cast<void>(first_sequence);
  const uint64_t each = requests / holders_.size() + 2;
  for (Holder& holder : holders_) CAFE_RETURN_IF_ERROR(sign_ahead(holder, each));
  progress(absl::StrCat("signed ", each * holders_.size(), " requests to open an order"));
  return absl::OkStatus();
}

WithdrawScenario::Holder* WithdrawScenario::take_holder() {
  const std::lock_guard lock(mutex_);
  if (free_.empty()) return nullptr;
  Holder* holder = free_.front();
  free_.pop_front();
  return holder;
}

void WithdrawScenario::give_back(Holder* holder) {
  const std::lock_guard lock(mutex_);
  free_.push_back(holder);
}

void WithdrawScenario::start(uint64_t sequence, Done done) {
  Holder* holder = take_holder();
  if (holder == nullptr) {
    return done({.fate = Fate::kFailed, .items = 0, .reason = "NO_FREE_ACCOUNT"});
  }
  if (const absl::Status signed_one = sign_ahead(*holder, 1); !signed_one.ok()) {
    give_back(holder);
    return done(outcome_of(signed_one));
  }
  // Spread evenly: the whole part of the share grows by one here.
  const auto whole = [&](uint64_t n) {
    return static_cast<uint64_t>(static_cast<double>(n) * options_.checked_share);
  };
  auto pending =
      std::make_shared<Pending>(Pending{.holder = holder,
                                        .open = open_request(*holder, holder->next_order),
                                        .checked = whole(sequence + 1) != whole(sequence),
                                        .blinded = {},
                                        .opened = std::nullopt,
                                        .done = std::move(done)});
  v1::OpenOrderRequest request;
  request.set_open(to_string(holder->opens.front()));
  withdrawal_->call("/cafe.v1.Withdrawal/Open", serialize(request),
                    [this, pending](const absl::Status& status, grpc::ByteBuffer& answer) {
                      on_opened(pending, status, answer);
                    });
}

void WithdrawScenario::on_opened(std::shared_ptr<Pending> pending, const absl::Status& status,
                                 grpc::ByteBuffer& answer) {
  const absl::StatusOr<Bytes> order =
      status.ok() ? make_order(*pending, answer) : absl::StatusOr<Bytes>(status);
  if (!order.ok()) {
    // Open changes nothing: the account is free again, at the same number.
    give_back(pending->holder);
    return pending->done(outcome_of(order.status()));
  }
  v1::CompleteOrderRequest request;
  request.set_order(to_string(*order));
  withdrawal_->call("/cafe.v1.Withdrawal/Complete", serialize(request),
                    [this, pending](const absl::Status& completed, grpc::ByteBuffer& completion) {
                      on_completed(*pending, completed, completion);
                    });
}

absl::Status WithdrawScenario::blind(Pending& pending, Order& order) {
  const Account& account = pending.holder->account;
  protocol::SystemRng rng;
  std::vector<protocol::Point> all_B_O;
  for (uint32_t i = 0; i < options_.coins_per_order; ++i) {
    protocol::CoinPlace place{0, i, {}};
    for (size_t j = 0; j < denomination_->slot_values.size(); ++j) {
      CAFE_ASSIGN_OR_RETURN(
          const auto B_O, protocol::not_identity(protocol::multiply(rng.scalar(), protocol::g1())));
      place.B_O.push_back(B_O);
      all_B_O.push_back(B_O);
    }
    CAFE_ASSIGN_OR_RETURN(
        auto blinded,
        protocol::wallet_blind(account.coin_seed(), order.opened, place, *denomination_,
                               account.points().m_coin, account.A_O()));
    order.challenges.push_back(blinded.challenges());
    pending.blinded.push_back(std::move(blinded));
  }
  order.attachment = protocol::seal_attachment(account.coin_seed(), order.opened, all_B_O, rng);
  return absl::OkStatus();
}

absl::StatusOr<Bytes> WithdrawScenario::make_order(Pending& pending, grpc::ByteBuffer& answer) {
  CAFE_ASSIGN_OR_RETURN(const auto response, parse<v1::OpenOrderResponse>(answer));
  Bytes frame;
  if (pending.checked) {
    CAFE_ASSIGN_OR_RETURN(auto opened, protocol::OpenAnswer::decode(view_of(response.answer())));
    CAFE_RETURN_IF_ERROR(protocol::check_open_answer(pending.open, opened));
    Order order{std::move(opened), {}, {}};
    CAFE_RETURN_IF_ERROR(blind(pending, order));
    frame = order.encode();
    pending.opened = std::move(order.opened);
  } else {
    frame = random_order(view_of(response.answer()));
  }
  const SignedDocument document =
      SignedDocument::sign(std::move(frame), pending.holder->account.key());
  pending.order_digest = document.digest();
  return document.encode();
}

Bytes WithdrawScenario::random_order(protocol::ByteView opened) const {
  const size_t coins = options_.coins_per_order;
  Bytes challenges(coins * 2 * protocol::Scalar::kSize);
  Bytes attachment(kSealOverhead +
                   coins * denomination_->slot_values.size() * protocol::Point::kSize);
  protocol::SystemRng rng;
  rng.fill(challenges);
  rng.fill(attachment);
  // Numbers below 2^255 are scalars.
  for (size_t i = 0; i < challenges.size(); i += protocol::Scalar::kSize) challenges[i] &= 0x7f;
  return protocol::Frame("cafe/v1/order").add(opened).add(challenges).add(attachment).take();
}

void WithdrawScenario::on_completed(Pending& pending, const absl::Status& status,
                                    grpc::ByteBuffer& answer) {
  if (!status.ok()) {
    // Where the service said no, nothing completed. Where nobody said anything, it may have: the
    // account is not used again, since its next number is not known.
    const bool said_no = absl::IsResourceExhausted(status) || absl::IsFailedPrecondition(status) ||
                         absl::IsAborted(status);
    if (said_no) {
      give_back(pending.holder);
    } else {
      ++lost_;
    }
    return pending.done(outcome_of(status));
  }
  const absl::Status checked = check_completion(pending, answer);
  ++pending.holder->next_order;
  pending.holder->opens.pop_front();
  give_back(pending.holder);
  pending.done(checked.ok() ? Outcome{.fate = Fate::kOk, .items = 1, .reason = {}}
                            : outcome_of(checked));
}

absl::Status WithdrawScenario::check_completion(const Pending& pending,
                                                grpc::ByteBuffer& answer) const {
  CAFE_ASSIGN_OR_RETURN(const auto response, parse<v1::CompleteOrderResponse>(answer));
  CAFE_ASSIGN_OR_RETURN(const auto document,
                        SignedDocument::decode(view_of(response.completion())));
  CAFE_ASSIGN_OR_RETURN(const auto completion, protocol::Completion::decode(document.frame));
  if (completion.order_digest != pending.order_digest ||
      completion.responses.size() != options_.coins_per_order) {
    return protocol::invalid("ANSWER_MISMATCH", "The completion answers another order.");
  }
  // Unblinding checks both equations of the issuer's answer; then the coin is what a shop sees.
  for (uint32_t i = 0; i < pending.blinded.size(); ++i) {
    CAFE_ASSIGN_OR_RETURN(
        const protocol::Coin coin,
        protocol::wallet_unblind(pending.blinded[i], *denomination_,
                                 pending.holder->account.points().m_coin,
                                 pending.opened->lines.front(), i, completion.responses[i]));
    CAFE_RETURN_IF_ERROR(protocol::check_coin(coin, *denomination_));
  }
  return absl::OkStatus();
}

absl::Status WithdrawScenario::finish(const Progress& progress) {
  if (lost_ > 0) {
    progress(absl::StrCat(lost_.load(), " accounts were given up: their last order got no answer"));
  }
  return absl::OkStatus();
}

}  // namespace cafe::loadtest
