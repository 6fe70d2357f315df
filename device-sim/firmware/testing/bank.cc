#include "device-sim/firmware/testing/bank.h"

#include <utility>

#include "libs/protocol/hash.h"

namespace cafe::testing {

using namespace cafe::protocol;  // NOLINT: it speaks of little else

Bytes32 Bank::begin_registration() {
  const Bytes32 nonce = issuer_.nonce();
  nonces_.insert(nonce);
  return nonce;
}

absl::StatusOr<Bytes> Bank::register_wallet(ByteView file_bytes) {
  CAFE_ASSIGN_OR_RETURN(const auto file, RegistrationFile::decode(file_bytes));
  CAFE_ASSIGN_OR_RETURN(const auto registration, Registration::decode(file.registration.frame));
  for (const auto& [account, known] : receipts_) {
    if (known.first == to_bytes(file_bytes)) return known.second;
  }
  if (!nonces_.contains(registration.nonce)) {
    return refused("UNKNOWN_NONCE", "Begin again.");
  }
  CAFE_ASSIGN_OR_RETURN(
      const CheckedRegistration checked,
      check_registration(file, World::kIssuer, world_.anchors, registration.nonce));
  if (receipts_.contains(checked.account)) {
    return refused("ACCOUNT_TAKEN", "This wallet and guardian have an account here already.");
  }
  CAFE_ASSIGN_OR_RETURN(Bytes receipt, issuer_.register_wallet(file_bytes, registration.nonce));
  receipts_.emplace(checked.account, std::make_pair(to_bytes(file_bytes), receipt));
  return receipt;
}

absl::StatusOr<Bytes> Bank::complete(ByteView signed_order) {
  if (std::exchange(restarts_, false)) world_.lineage = sha256(world_.lineage);
  CAFE_ASSIGN_OR_RETURN(Bytes bytes, issuer_.complete(signed_order));
  CAFE_ASSIGN_OR_RETURN(const auto document, SignedDocument::decode(bytes));
  CAFE_ASSIGN_OR_RETURN(const Completion completion, Completion::decode(document.frame));
  if (completed_.emplace(completion.order, bytes).second) {
    for (const Completion::Debit& debit : completion.debits) balance_ -= debit.amount;
  }
  return bytes;
}

absl::StatusOr<Bank::Settled> Bank::void_order(ByteView signed_request) {
  CAFE_ASSIGN_OR_RETURN(const auto document, SignedDocument::decode(signed_request));
  CAFE_ASSIGN_OR_RETURN(const VoidedOrder request, VoidedOrder::decode_request(document.frame));
  if (const auto done = completed_.find(request.order); done != completed_.end()) {
    return Settled{false, done->second};
  }
  CAFE_ASSIGN_OR_RETURN(Bytes statement, issuer_.void_order(signed_request));
  return Settled{true, std::move(statement)};
}

absl::StatusOr<Bytes> Bank::load(ByteView signed_order) {
  const uint64_t before = issuer_.loaded();
  CAFE_ASSIGN_OR_RETURN(Bytes answer, issuer_.load(signed_order));
  balance_ -= issuer_.loaded() - before;
  return answer;
}

absl::StatusOr<Bytes> Bank::authorize(ByteView payment_bytes) {
  CAFE_ASSIGN_OR_RETURN(const Payment payment, Payment::decode(payment_bytes));
  CAFE_ASSIGN_OR_RETURN(const PreparedPayment prepared,
                        check_payment(payment, {.denominations = &world_.table,
                                                .acquirer_id = std::string(World::kIssuer),
                                                .terminal_key = world_.terminal_key.public_key(),
                                                .payee_id = world_.terminal.payee_id,
                                                .terminal_id = world_.terminal.terminal_id,
                                                .authorized = true,
                                                .anchors = &world_.anchors}));
  bool spent = false;
  for (const Spend& spend : payment.spends) {
    spent |= spent_.contains({prepared.coin_ids[spend.coin], spend.slot});
  }
  const Bytes32 digest = sha256(payment_bytes);
  if (!spent) authorized_.insert(digest);
  const Authorization authorization{std::string(World::kIssuer),
                                    world_.terminal.payee_id,
                                    prepared.terms_digest,
                                    digest,
                                    !spent,
                                    spent ? "SLOT_SPENT" : "",
                                    spent ? 0 : kWorldNow_ms + 60'000};
  return SignedDocument::sign(authorization.encode(), world_.deposit_key).encode();
}

SlotVerdict Bank::take(const CoinId& coin, const Spend& spend, const Scalar& d) {
  const uint64_t worth = worth_of(spend);
  const auto [at, fresh] = spent_.try_emplace({coin, spend.slot}, Spent{d, 0});
  if (!fresh && at->second.d != d) {
    complaints_.push_back("a slot was spent twice");
    return {VerdictCode::kSpentBefore, 0, 1};
  }
  if (!fresh && worth <= at->second.worth) return {VerdictCode::kRepeat, 0, 0};
  return {VerdictCode::kAccepted, worth - std::exchange(at->second.worth, worth), 0};
}

PaymentVerdict Bank::judge(ByteView payment_bytes, const PaymentContext& context) {
  const auto payment = Payment::decode(payment_bytes);
  const auto prepared = payment.ok() ? check_payment(*payment, context) : payment.status();
  if (!prepared.ok()) {
    complaints_.push_back("a payment was refused: " + reason_of(prepared.status()));
    return {VerdictCode::kRefused, reason_of(prepared.status()), 0, "", {}};
  }
  PaymentVerdict verdict{VerdictCode::kAccepted, "", 0, prepared->terms.currency, {}};
  for (const Spend& spend : payment->spends) {
    const Scalar d = challenge_of(*prepared->denominations[spend.coin], payment->coins[spend.coin],
                                  spend, prepared->terms_digest);
    verdict.slots.push_back(take(prepared->coin_ids[spend.coin], spend, d));
    verdict.credited += verdict.slots.back().credited;
  }
  verdict.code = worst_of(verdict.slots);
  return verdict;
}

absl::StatusOr<Bytes> Bank::deposit(ByteView signed_order, const std::vector<Bytes>& payments,
                                    ByteView holder_credential) {
  CAFE_ASSIGN_OR_RETURN(const auto document, SignedDocument::decode(signed_order));
  CAFE_ASSIGN_OR_RETURN(const DepositOrder order, DepositOrder::decode(document.frame));
  PaymentContext context{.denominations = &world_.table,
                         .acquirer_id = std::string(World::kIssuer),
                         .terminal_key = world_.terminal_key.public_key(),
                         .payee_id = world_.terminal.payee_id,
                         .terminal_id = world_.terminal.terminal_id,
                         .anchors = &world_.anchors};
  const bool holder = !holder_credential.empty();
  if (holder) {
    CAFE_ASSIGN_OR_RETURN(const auto credential, HolderCredential::decode(holder_credential));
    CAFE_ASSIGN_OR_RETURN(const RegistrationReceipt registered, credential.open(world_.anchors));
    context.terminal_key = registered.K;
    context.payee_id = holder_payee_id(registered.account);
    context.terminal_id = holder_terminal_id(registered.account);
  }
  CAFE_RETURN_IF_ERROR(document.check(context.terminal_key));
  if (order.payee_id != context.payee_id || order.payments_digest != payments_digest(payments)) {
    return refused("DIGEST_MISMATCH", "The order is for other payments, or for another payee.");
  }
  const DepositKey key{order.payee_id, order.idempotency_key};
  if (const auto earlier = deposits_.find(key); earlier != deposits_.end()) {
    if (earlier->second.first == document.digest()) return earlier->second.second;
    return refused("IDEMPOTENCY_KEY_REUSED", "Another order was deposited under this key.");
  }
  Receipt receipt{order.acquirer_id,
                  order.payee_id,
                  order.idempotency_key,
                  document.digest(),
                  deposits_.size() + 1,
                  kWorldNow_ms,
                  {}};
  for (const Bytes& payment : payments) {
    context.authorized = holder || authorized_.contains(sha256(payment));
    receipt.verdicts.push_back(judge(payment, context));
    (holder ? balance_ : credited_) += receipt.verdicts.back().credited;
  }
  Bytes signed_receipt = SignedDocument::sign(receipt.encode(), world_.deposit_key).encode();
  deposits_.emplace(key, std::make_pair(document.digest(), signed_receipt));
  return signed_receipt;
}

}  // namespace cafe::testing
