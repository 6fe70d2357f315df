// Payment (section 5): from a terminal's offer to its signed answer.
#include <algorithm>

#include "device-sim/firmware/wallet/state.h"
#include "libs/protocol/frame.h"

namespace cafe::wallet {

using firmware::Batch;
using protocol::Bytes;
using protocol::Bytes32;
using protocol::ByteView;
using protocol::CoinId;
using protocol::Denomination;
using protocol::SignedDocument;
using protocol::TerminalCertificate;
using protocol::Terms;

absl::Status unknown_terms() {
  return protocol::make_error(absl::StatusCode::kNotFound, "UNKNOWN_TERMS",
                              "The wallet has made no payment for these terms.");
}

absl::Status wrong_payee() {
  return protocol::invalid("WRONG_PAYEE",
                           "The bill names another payee than the terminal's certificate: do not "
                           "pay here.");
}

absl::Status not_payable() {
  return protocol::refused("AMOUNT_NOT_PAYABLE",
                           "The coins and cheques in the wallet do not make up this amount: "
                           "withdraw or load, or pay another amount.");
}

absl::StatusOr<TerminalCertificate> Wallet::State::check_offer(
    const protocol::TerminalCredential& credential, const SignedDocument& signed_terms,
    const Terms& terms, uint64_t now_ms) const {
  CAFE_ASSIGN_OR_RETURN(TerminalCertificate terminal,
                        credential.open(config.anchors, now_ms / 1000));
  CAFE_RETURN_IF_ERROR(signed_terms.check(terminal.key));
  if (terms.acquirer_id != terminal.acquirer_id || terms.payee_id != terminal.payee_id ||
      terms.terminal_id != terminal.terminal_id) {
    return wrong_payee();
  }
  if (terms.time_ms > now_ms + kClockTolerance_ms || now_ms > terms.time_ms + kClockTolerance_ms) {
    return protocol::refused("TERMS_STALE", "The bill is not of now: ask for a new one.");
  }
  if (!terms.quote_id.empty()) {
    return protocol::refused("CURRENCY_UNSUPPORTED",
                             "This wallet pays in its coins' own currency only.");
  }
  return terminal;
}

Wallet::State::Purse Wallet::State::purse(std::string_view currency, uint64_t at_s,
                                          PaidTo whom) const {
  Purse purse{{{}, counter(currency)}, {}};
  size_t number = 0;
  for (const auto& [id, held] : coins) {
    ++number;
    // A coin whose denomination left the list, its claim period being over, pays nothing any more.
    const Denomination* denomination = table.find(held.coin.denom_id);
    if (denomination == nullptr || denomination->currency != currency ||
        !spendable(*denomination, at_s)) {
      continue;
    }
    if (whom == PaidTo::kTerminal && table.is_compromised(held.coin.denom_id)) continue;
    const auto used = [](const HeldSlot& slot) { return slot.bound.request.has_value(); };
    const bool coin_used = std::any_of(held.slots.begin(), held.slots.end(), used);
    for (uint32_t j = 0; j < held.slots.size(); ++j) {
      if (used(held.slots[j])) continue;
      const uint64_t value = denomination->slot_values[j];
      purse.holdings.candidates.push_back(
          {value, denomination->spend_until, number, denomination->kind, coin_used});
      purse.places.push_back({id, j, value});
    }
  }
  return purse;
}

absl::StatusOr<std::vector<PlannedSpend>> Wallet::State::select(std::string_view currency,
                                                                uint64_t amount, uint64_t at_s,
                                                                size_t most, PaidTo whom) const {
  const Purse from = purse(currency, at_s, whom);
  CAFE_ASSIGN_OR_RETURN(const std::vector<Chosen> chosen, choose(from.holdings, amount, most));
  std::vector<PlannedSpend> plan;
  for (const Chosen& each : chosen) {
    plan.push_back(from.places[each.candidate]);
    plan.back().value = each.value;
  }
  std::sort(plan.begin(), plan.end(), [](const PlannedSpend& a, const PlannedSpend& b) {
    return std::tie(a.coin, a.slot) < std::tie(b.coin, b.slot);
  });
  return plan;
}

bool Wallet::State::needs_identification(std::string_view currency, uint64_t amount) const {
  const protocol::Limits* stated = limits(currency);
  return stated != nullptr && amount > stated->identification_limit;
}

absl::StatusOr<Outgoing> Wallet::on_offer(ByteView offer_bytes, uint64_t now_ms) {
  State& s = *state_;
  CAFE_ASSIGN_OR_RETURN(const firmware::Offer offer, firmware::Offer::decode(offer_bytes));
  const Bytes32 digest = offer.terms.digest();
  CAFE_RETURN_IF_ERROR(s.with_one_pin([&] {
    absl::Status status;
    if (!s.payments.contains(digest)) status = s.agree(offer, now_ms);
    if (status.ok() && s.payments.at(digest).state == PaymentState::kPromised) {
      status = s.finish(digest);
    }
    return status;
  }));
  return Outgoing{s.payments.at(digest).payment, now_ms + answer_time_ms(digest)};
}

uint64_t Wallet::answer_time_ms(const Bytes32& terms_digest) const {
  const auto found = state_->payments.find(terms_digest);
  return found == state_->payments.end() ? 0 : kAnswerTime_ms * found->second.plan.size();
}

// Everything up to the promise: what can be wrong with a bill, then what pays it, then the owner.
absl::Status Wallet::State::agree(const firmware::Offer& offer, uint64_t now_ms) {
  CAFE_ASSIGN_OR_RETURN(const Terms terms, Terms::decode(offer.terms.frame));
  CAFE_ASSIGN_OR_RETURN(const TerminalCertificate terminal,
                        check_offer(offer.credential, offer.terms, terms, now_ms));
  if (terms.amount == 0) {
    return protocol::refused("AMOUNT_ZERO", "The bill asks for nothing: there is nothing to pay.");
  }
  CAFE_RETURN_IF_ERROR(take_notice_of_offer(offer.credential, offer.notice, terminal));
  CAFE_ASSIGN_OR_RETURN(std::vector<PlannedSpend> plan,
                        select(terms.currency, terms.amount, terms.time_ms / 1000,
                               protocol::kMaxSpends, PaidTo::kTerminal));
  const Bill bill{terminal.payee_name, terms.acquirer_id, terms.currency, terms.amount};
  const bool identified = needs_identification(terms.currency, terms.amount);
  if (identified) {
    CAFE_RETURN_IF_ERROR(holder_credential().status());
    if (!owner.confirm_identification(bill)) {
      return declined("IDENTIFICATION_DECLINED",
                      "The owner does not say who she is; so large a bill needs it.");
    }
  }
  if (!owner.confirm_payment(bill)) {
    return declined("OWNER_DECLINED", "The owner did not confirm the payment.");
  }
  // Now, and not when it is signed: nothing is bound where she does not know it.
  if (identified) CAFE_RETURN_IF_ERROR(open_account(PinUse::kIdentification));
  CAFE_ASSIGN_OR_RETURN(NewPayment payment,
                        plan_payment(PaymentKind::kBill, offer.terms, std::move(plan),
                                     offer.credential.encode(), identified));
  std::vector<NewPayment> fresh;
  fresh.push_back(std::move(payment));
  // The last question: what she declines before it leaves nothing unlocked.
  CAFE_RETURN_IF_ERROR(allow_payment(terms.currency, terms.amount));
  return promise(std::move(fresh));
}

absl::StatusOr<TerminalCertificate> Wallet::State::payee_of(const PaymentRecord& record) const {
  const Bytes* bytes = store->find(record_key(kTerminalPrefix, record.credential));
  if (bytes == nullptr) return unknown_terms();
  CAFE_ASSIGN_OR_RETURN(const auto credential, protocol::TerminalCredential::decode(*bytes));
  return credential.open(config.anchors, std::nullopt);
}

absl::Status Wallet::on_payment_answer(ByteView answer_bytes) {
  State& s = *state_;
  CAFE_ASSIGN_OR_RETURN(const auto answer, firmware::PaymentAnswer::decode(answer_bytes));
  std::string acquirer_id;
  protocol::PayeeId payee_id;
  Bytes32 terms_digest;
  std::optional<Bytes32> payment_digest;
  if (answer.accepted) {
    CAFE_ASSIGN_OR_RETURN(auto acceptance, protocol::Acceptance::decode(answer.document.frame));
    acquirer_id = acceptance.acquirer_id;
    payee_id = acceptance.payee_id;
    terms_digest = acceptance.terms_digest;
    payment_digest = acceptance.payment_digest;
  } else {
    CAFE_ASSIGN_OR_RETURN(auto refusal, protocol::Refusal::decode(answer.document.frame));
    acquirer_id = refusal.acquirer_id;
    payee_id = refusal.payee_id;
    terms_digest = refusal.terms_digest;
    payment_digest = refusal.payment_digest;
  }
  const auto found = s.payments.find(terms_digest);
  if (found == s.payments.end()) return unknown_terms();
  CAFE_ASSIGN_OR_RETURN(const TerminalCertificate terminal, s.payee_of(found->second));
  CAFE_RETURN_IF_ERROR(answer.document.check(terminal.key));
  if (acquirer_id != terminal.acquirer_id || payee_id != terminal.payee_id) return wrong_payee();
  // A bill that was withdrawn before the payment was put together: the slots are bound to it all
  // the same, and only a whole payment can be claimed. Where it cannot be put together now, because
  // the owner locked what was promised, the refusal is kept all the same.
  if (found->second.state == PaymentState::kPromised) {
    const absl::Status whole = s.with_one_pin([&] { return s.assemble(terms_digest); });
    const bool keep = !answer.accepted && found->second.kind == PaymentKind::kBill;
    if (!whole.ok() && !keep) return whole;
  }
  PaymentRecord record = found->second;
  if (payment_digest && *payment_digest != protocol::sha256(record.payment)) {
    return protocol::invalid("PAYMENT_MISMATCH", "The answer is to another payment.");
  }
  if (!record.answer.empty()) {
    const bool same = std::equal(record.answer.begin(), record.answer.end(), answer_bytes.begin(),
                                 answer_bytes.end());
    if (same) return absl::OkStatus();
    return protocol::refused("ANSWERED", "The payee has answered this payment before.");
  }
  record.answer = protocol::to_bytes(answer_bytes);
  if (record.kind == PaymentKind::kCall && !answer.accepted) {
    return s.end_call(std::move(record), PaymentState::kRefused, {});
  }
  // A call that was hung up before stays so.
  if (record.state == PaymentState::kReady) {
    record.state = answer.accepted ? PaymentState::kAccepted : PaymentState::kRefused;
  }
  CAFE_RETURN_IF_ERROR(
      s.store->commit(Batch().put(record_key(kPaymentPrefix, terms_digest), record.encode())));
  found->second = std::move(record);
  return absl::OkStatus();
}

}  // namespace cafe::wallet
