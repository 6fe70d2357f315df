#include "tests/integration/cheque_holder.h"

#include <chrono>

#include "device-sim/host/files.h"
#include "libs/protocol/deposit.h"
#include "libs/protocol/payment_answer.h"

namespace cafe::testing {

using protocol::Bytes;
using protocol::SignedDocument;

namespace {

uint64_t system_now_s() {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(
                                   std::chrono::system_clock::now().time_since_epoch())
                                   .count());
}

absl::Status unexpected(const std::string& what) {
  return protocol::make_error(absl::StatusCode::kInternal, "CHEQUE_HOLDER", what);
}

}  // namespace

absl::StatusOr<std::unique_ptr<ChequeHolder>> ChequeHolder::join(Cluster& cluster,
                                                                 const std::string& seed) {
  std::unique_ptr<ChequeHolder> holder(new ChequeHolder(seed));
  holder->market_.now_s = system_now_s();
  CAFE_RETURN_IF_ERROR(holder->connect(cluster));
  CAFE_RETURN_IF_ERROR(holder->enrol());
  CAFE_RETURN_IF_ERROR(
      cluster
          .cafectl({"account", "fund", "--account", holder->account().hex(), "--currency", "EUR",
                    "--amount", "100000", "--reference", seed})
          .status());
  return holder;
}

/// Whom she deals with: the services, the issuer's list and load key, a shop.
absl::Status ChequeHolder::connect(Cluster& cluster) {
  CAFE_ASSIGN_OR_RETURN(
      backend_, host::Backend::connect({.withdrawal_address = cluster.address("withdrawal"),
                                        .deposit_address = cluster.address("deposit"),
                                        .doublespend_address = cluster.address("doublespend"),
                                        .recovery_address = cluster.address("recovery"),
                                        .tls_ca = cluster.file("tls/ca.pem"),
                                        .operator_cert = {},
                                        .operator_key = {}},
                                       latencies_));
  CAFE_ASSIGN_OR_RETURN(market_.anchors, host::read_trust(cluster.trust()));
  CAFE_ASSIGN_OR_RETURN(market_.manufacturer_key,
                        host::read_signing_key(cluster.file("manufacturer.key")));
  CAFE_ASSIGN_OR_RETURN(const auto load_keys, host::read_load_keys(cluster.trust()));
  if (load_keys.size() != 1) return unexpected("trust.json names no load key, or several");
  load_key_ = load_keys[0];

  CAFE_ASSIGN_OR_RETURN(const auto issuer, backend_->denominations());
  CAFE_ASSIGN_OR_RETURN(market_.signed_list, SignedDocument::decode(issuer.list));
  CAFE_ASSIGN_OR_RETURN(market_.list,
                        protocol::DenominationList::decode(market_.signed_list.frame));
  for (const protocol::Denomination& d : market_.list.denominations) {
    const bool smaller = !cheque_ || d.value() < cheque_->value();
    if (d.kind == protocol::Kind::kCheque && d.currency == "EUR" && smaller) cheque_ = d;
    if (d.kind == protocol::Kind::kCoin && d.currency == "EUR" &&
        d.slot_values == std::vector<uint64_t>{100}) {
      coin_ = d;
    }
  }
  if (!cheque_.has_value() || !coin_.has_value()) {
    return unexpected("the issuer has no cheques, or no coins of 1.00 EUR");
  }

  CAFE_ASSIGN_OR_RETURN(const auto shop, host::read_terminal(cluster.terminal_file(0)));
  market_.terminal_key = shop.key;
  market_.terminal_credential = shop.credential;
  CAFE_ASSIGN_OR_RETURN(market_.terminal,
                        market_.terminal_credential.open(market_.anchors, std::nullopt));
  return absl::OkStatus();
}

absl::Status ChequeHolder::enrol() {
  protocol::SeededRng& rng = market_.rng;
  const protocol::GuardianKeys guardian{rng.scalar(), rng.scalar()};
  const auto point = [](const protocol::Scalar& o) {
    return protocol::not_identity(protocol::multiply(o, protocol::g1()));
  };
  CAFE_ASSIGN_OR_RETURN(const auto A_O, point(guardian.o_coin));
  CAFE_ASSIGN_OR_RETURN(const auto A_Q, point(guardian.o_cheque));
  const protocol::GuardianCertificate certificate{protocol::Serial{rng.array<16>()}, A_O, A_Q};
  const auto signed_certificate =
      SignedDocument::sign(certificate.encode(), market_.manufacturer_key);
  const protocol::Seed identity_seed = rng.seed(), coin_seed = rng.seed();
  CAFE_ASSIGN_OR_RETURN(const auto identity, protocol::WalletIdentity::derive(
                                                 identity_seed, kClusterIssuer, certificate));
  CAFE_ASSIGN_OR_RETURN(const auto nonce, backend_->begin_registration());
  const protocol::Scalar o2 = rng.scalar();
  CAFE_ASSIGN_OR_RETURN(const auto B_O, point(o2));
  CAFE_ASSIGN_OR_RETURN(const auto draft,
                        protocol::RegistrationDraft::begin(identity, kClusterIssuer, nonce,
                                                           signed_certificate, B_O, rng));
  CAFE_ASSIGN_OR_RETURN(const auto file,
                        draft.finish(draft.guardian_challenge() * guardian.o_coin + o2));
  CAFE_ASSIGN_OR_RETURN(const auto checked,
                        protocol::check_registration(file, kClusterIssuer, market_.anchors, nonce));
  CAFE_RETURN_IF_ERROR(backend_->register_wallet(file.encode()).status());
  wallet_ =
      WorldWallet{guardian, signed_certificate, identity_seed, coin_seed, identity, file, checked};
  return absl::OkStatus();
}

Bytes ChequeHolder::sign(Bytes frame) const {
  return SignedDocument::sign(std::move(frame), wallet_->identity.account_key).encode();
}

Bytes ChequeHolder::load_order(uint64_t amount) const {
  return sign(
      protocol::LoadOrder{kClusterIssuer, account(), "EUR", amount, last_load_ + 1}.encode());
}

Bytes ChequeHolder::load_query(uint64_t sequence) const {
  return sign(protocol::LoadQuery{kClusterIssuer, account(), sequence}.encode());
}

absl::Status ChequeHolder::load(uint64_t amount) {
  CAFE_ASSIGN_OR_RETURN(const Bytes answer, backend_->load(load_order(amount)));
  CAFE_ASSIGN_OR_RETURN(const auto document, SignedDocument::decode(answer));
  CAFE_ASSIGN_OR_RETURN(const auto loaded, protocol::Loaded::decode(document.frame));
  CAFE_ASSIGN_OR_RETURN(
      const auto result,
      protocol::apply_load(wallet_->account.registration.serial,
                           {load_key_.issuer_id, load_key_.public_key_der, last_load_},
                           {kClusterIssuer, "EUR", loaded_}, loaded.load, loaded.load_signature));
  last_load_ = result.key.last_sequence;
  loaded_ = result.counter.amount;
  return absl::OkStatus();
}

absl::StatusOr<std::vector<WithdrawnCoin>> ChequeHolder::withdraw_of(
    const protocol::Denomination& denomination, uint32_t count) {
  const protocol::OpenRequest request{kClusterIssuer,
                                      account(),
                                      wallet_->completed_orders + 1,
                                      market_.list.number,
                                      market_.signed_list.digest(),
                                      {{denomination.id(), count}}};
  CAFE_ASSIGN_OR_RETURN(const Bytes answer, backend_->open_order(sign(request.encode())));
  CAFE_ASSIGN_OR_RETURN(const auto opened, protocol::OpenAnswer::decode(answer));
  const protocol::Point& m = protocol::m_for(denomination.kind, wallet_->account.points);
  std::vector<WithdrawnCoin> coins;
  protocol::Order order{opened, {}, {}};
  for (uint32_t i = 0; i < count; ++i) {
    auto slots = market_.make_slots(denomination);
    auto points = points_of_slots(slots);
    CAFE_ASSIGN_OR_RETURN(
        auto blinded,
        protocol::wallet_blind(wallet_->coin_seed, opened, {0, i, points}, denomination, m,
                               wallet_->guardian_point(denomination.kind)));
    order.challenges.push_back(blinded.challenges());
    coins.push_back(
        {.coin = {{}, protocol::g(), {}, protocol::g(), protocol::g(), protocol::g(), {}},
         .denomination = denomination,
         .secrets = std::move(blinded),
         .slots = std::move(slots),
         .B_O = std::move(points),
         .line = opened.lines[0],
         .i = i,
         .response = {},
         .order = request.order});
  }
  CAFE_ASSIGN_OR_RETURN(const Bytes completed, backend_->complete_order(sign(order.encode())));
  CAFE_ASSIGN_OR_RETURN(const auto document, SignedDocument::decode(completed));
  CAFE_ASSIGN_OR_RETURN(const auto completion, protocol::Completion::decode(document.frame));
  // Blank cheques cost nothing.
  if (completion.responses.size() != count ||
      completion.debits.empty() != (denomination.kind == protocol::Kind::kCheque)) {
    return unexpected("the completion lacks answers, or debits what it should not");
  }
  for (WithdrawnCoin& coin : coins) {
    coin.response = completion.responses[coin.i];
    CAFE_ASSIGN_OR_RETURN(coin.coin, protocol::wallet_unblind(coin.secrets, denomination, m,
                                                              coin.line, coin.i, coin.response));
  }
  ++wallet_->completed_orders;
  return coins;
}

absl::StatusOr<std::vector<WithdrawnCoin>> ChequeHolder::withdraw(uint32_t cheques) {
  return withdraw_of(*cheque_, cheques);
}

absl::StatusOr<std::vector<WithdrawnCoin>> ChequeHolder::withdraw_coins(uint32_t count) {
  return withdraw_of(*coin_, count);
}

protocol::Payment ChequeHolder::pay(WithdrawnCoin& cheque, uint64_t amount) {
  return market_.pay(*wallet_, {{&cheque, 0, amount}});
}

protocol::Payment ChequeHolder::pay(WithdrawnCoin& coin) {
  return market_.pay(*wallet_, {{&coin, 0, coin.denomination.slot_values[0]}});
}

TickCall ChequeHolder::call(WithdrawnCoin& cheque, uint64_t tick_value, uint32_t tick_count) {
  return market_.open_call(*wallet_, cheque, tick_value, tick_count);
}

absl::StatusOr<uint64_t> ChequeHolder::deposit(const protocol::Payment& payment) {
  const std::vector<Bytes> payments = {payment.encode()};
  const protocol::DepositOrder order{market_.terminal.acquirer_id, market_.terminal.payee_id,
                                     market_.terminal.terminal_id, market_.rng.array<16>(),
                                     protocol::payments_digest(payments)};
  CAFE_ASSIGN_OR_RETURN(
      const auto answer,
      backend_->deposit(SignedDocument::sign(order.encode(), market_.terminal_key).encode(),
                        payments));
  CAFE_ASSIGN_OR_RETURN(const auto document, SignedDocument::decode(answer.receipt));
  CAFE_ASSIGN_OR_RETURN(const auto receipt, protocol::Receipt::decode(document.frame));
  if (receipt.verdicts.size() != 1) return unexpected("a receipt of one payment");
  const protocol::PaymentVerdict& verdict = receipt.verdicts[0];
  if (verdict.code != protocol::VerdictCode::kAccepted) {
    return unexpected(std::string(protocol::verdict_name(verdict.code)) + " " + verdict.reason);
  }
  return verdict.credited;
}

protocol::VoidPayment ChequeHolder::refuse(const protocol::Payment& payment) const {
  const protocol::Refusal refusal{.acquirer_id = market_.terminal.acquirer_id,
                                  .payee_id = market_.terminal.payee_id,
                                  .terminal_id = market_.terminal.terminal_id,
                                  .terms_digest = payment.terms.digest(),
                                  .payment_digest = std::nullopt,
                                  .reason = "WITHDRAWN",
                                  .time_ms = system_now_s() * 1000};
  return {payment.encode(), market_.terminal_credential.encode(),
          SignedDocument::sign(refusal.encode(), market_.terminal_key).encode()};
}

}  // namespace cafe::testing
