// Money that goes back (section 5): the holder as payee of her own coins and cheques.
#include <algorithm>

#include "device-sim/firmware/guardian/commands.h"
#include "device-sim/firmware/wallet/state.h"
#include "libs/protocol/amount.h"
#include "libs/protocol/frame.h"

namespace cafe::wallet {

using firmware::Batch;
using protocol::Bytes;
using protocol::Bytes32;
using protocol::ByteView;
using protocol::DepositOrder;
using protocol::Receipt;
using protocol::SignedDocument;
using protocol::Terms;

namespace {

constexpr std::string_view kPaidBackLabel = "wallet/paid-back";

absl::Status no_pay_back() {
  return protocol::refused("NO_PAY_BACK", "The wallet pays nothing back now: start it.");
}

}  // namespace

// As many payments as slots need; each has terms of its own, and all are promised together.
absl::StatusOr<PayBack> Wallet::pay_back(std::string_view currency, uint64_t amount,
                                         uint64_t now_ms) {
  State& s = *state_;
  if (s.pay_back) {
    return protocol::refused("PAY_BACK_PENDING", "Money is on its way back: wait for its receipt.");
  }
  CAFE_RETURN_IF_ERROR(s.holder_credential().status());
  CAFE_ASSIGN_OR_RETURN(
      const std::vector<PlannedSpend> plan,
      s.select(currency, amount, now_ms / 1000, guardian::kSlots, State::PaidTo::kAccount));
  return s.with_account(PinUse::kPayBack, [&]() -> absl::StatusOr<PayBack> {
    CAFE_RETURN_IF_ERROR(s.allow_payment(currency, amount));
    return s.begin_pay_back(currency, plan, now_ms);
  });
}

absl::StatusOr<PayBack> Wallet::State::begin_pay_back(std::string_view currency,
                                                      const std::vector<PlannedSpend>& plan,
                                                      uint64_t now_ms) {
  State& s = *this;
  CAFE_ASSIGN_OR_RETURN(const auto credential, s.holder_credential());
  PayBackRecord record{s.rng.array<16>(), {}, {}};
  std::vector<State::NewPayment> fresh;
  for (auto from = plan.begin(); from != plan.end();) {
    const auto to = from + std::min<ptrdiff_t>(protocol::kMaxSpends, plan.end() - from);
    uint64_t sum = 0;
    for (auto each = from; each != to; ++each) sum += each->value;
    const Terms terms{s.config.issuer_id,
                      protocol::holder_payee_id(s.account),
                      protocol::holder_terminal_id(s.account),
                      std::string(currency),
                      sum,
                      now_ms,
                      s.rng.array<16>(),
                      {}};
    const auto signed_terms = SignedDocument::sign(terms.encode(), s.identity->account_key);
    // That the account is hers is what she says with these terms anyway: nobody has to ask her.
    CAFE_ASSIGN_OR_RETURN(
        State::NewPayment payment,
        s.plan_payment(PaymentKind::kPayBack, signed_terms, {from, to}, credential.encode(),
                       s.needs_identification(currency, sum)));
    record.terms.push_back(signed_terms.digest());
    fresh.push_back(std::move(payment));
    from = to;
  }
  Batch also;
  also.put(kPayBackKey, record.encode());
  CAFE_RETURN_IF_ERROR(s.promise(std::move(fresh), std::move(also)));
  s.pay_back = std::move(record);
  return s.finish_pay_back(now_ms);
}

// The payments and the order for them; the same bytes whenever it is called.
absl::StatusOr<PayBack> Wallet::State::finish_pay_back(uint64_t now_ms) {
  PayBack out;
  out.send_at_ms = now_ms;
  for (const Bytes32& digest : pay_back->terms) {
    if (payments.at(digest).state == PaymentState::kPromised) {
      CAFE_RETURN_IF_ERROR(finish(digest));
    }
    out.payments.push_back(payments.at(digest).payment);
    out.send_at_ms += kAnswerTime_ms * payments.at(digest).plan.size();
  }
  if (pay_back->order.empty()) CAFE_RETURN_IF_ERROR(order_pay_back(out.payments));
  out.deposit_order = pay_back->order;
  CAFE_ASSIGN_OR_RETURN(const auto credential, holder_credential());
  out.holder_credential = credential.encode();
  return out;
}

// Signed once, and stored: its receipt is checked without the PIN.
absl::Status Wallet::State::order_pay_back(const std::vector<Bytes>& signed_payments) {
  const DepositOrder order{config.issuer_id, protocol::holder_payee_id(account),
                           protocol::holder_terminal_id(account), pay_back->idempotency_key,
                           protocol::payments_digest(signed_payments)};
  PayBackRecord record = *pay_back;
  CAFE_RETURN_IF_ERROR(with_account(PinUse::kPayBack, [&] {
    record.order = SignedDocument::sign(order.encode(), identity->account_key).encode();
    return absl::OkStatus();
  }));
  CAFE_RETURN_IF_ERROR(store->commit(Batch().put(kPayBackKey, record.encode())));
  pay_back = std::move(record);
  return absl::OkStatus();
}

absl::StatusOr<PayBack> Wallet::pending_pay_back(uint64_t now_ms) {
  if (!state_->pay_back) return no_pay_back();
  return state_->with_one_pin([&] { return state_->finish_pay_back(now_ms); });
}

absl::StatusOr<Receipt> Wallet::on_pay_back_receipt(ByteView receipt_bytes,
                                                    ByteView key_certificate) {
  State& s = *state_;
  if (!s.pay_back) return no_pay_back();
  CAFE_ASSIGN_OR_RETURN(const auto document, SignedDocument::decode(receipt_bytes));
  CAFE_ASSIGN_OR_RETURN(Receipt receipt, Receipt::decode(document.frame));
  CAFE_ASSIGN_OR_RETURN(const auto certificate_document, SignedDocument::decode(key_certificate));
  CAFE_ASSIGN_OR_RETURN(
      const auto certificate,
      protocol::open_key_certificate(certificate_document, s.config.anchors,
                                     protocol::kPurposeDeposit, receipt.time_ms / 1000));
  CAFE_RETURN_IF_ERROR(document.check(certificate.key));
  CAFE_ASSIGN_OR_RETURN(const PayBack sent,
                        s.with_one_pin([&] { return s.finish_pay_back(receipt.time_ms); }));
  CAFE_ASSIGN_OR_RETURN(const auto order, SignedDocument::decode(sent.deposit_order));
  if (certificate.issuer_id != s.config.issuer_id || receipt.acquirer_id != s.config.issuer_id ||
      receipt.payee_id != protocol::holder_payee_id(s.account) ||
      receipt.idempotency_key != s.pay_back->idempotency_key ||
      receipt.order_digest != order.digest() || receipt.verdicts.size() != sent.payments.size()) {
    return protocol::invalid("RECEIPT_MISMATCH", "The receipt is for another deposit.");
  }
  Batch batch;
  std::vector<PaymentRecord> settled;
  for (size_t n = 0; n < receipt.verdicts.size(); ++n) {
    PaymentRecord record = s.payments.at(s.pay_back->terms[n]);
    const bool refused = receipt.verdicts[n].code == protocol::VerdictCode::kRefused;
    record.state = refused ? PaymentState::kRefused : PaymentState::kAccepted;
    batch.put(record_key(kPaymentPrefix, s.pay_back->terms[n]), record.encode());
    settled.push_back(std::move(record));
  }
  batch.put(record_key(kPaidBackPrefix, s.pay_back->idempotency_key),
            protocol::Frame(kPaidBackLabel).add(receipt_bytes).add(key_certificate).view());
  batch.erase(kPayBackKey);
  CAFE_RETURN_IF_ERROR(s.store->commit(batch));
  for (PaymentRecord& record : settled) {
    const Bytes32 digest = record.terms.digest();
    s.payments.insert_or_assign(digest, std::move(record));
  }
  s.pay_back.reset();
  return receipt;
}

}  // namespace cafe::wallet
