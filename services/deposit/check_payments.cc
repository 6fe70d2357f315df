#include "services/deposit/check_payments.h"

#include <algorithm>
#include <map>

#include "libs/protocol/amount.h"
#include "libs/protocol/hash.h"

namespace cafe::deposit {
namespace {

using protocol::Coin;
using protocol::Denomination;
using protocol::Payment;
using protocol::PreparedPayment;
using protocol::Spend;
using protocol::SpendCheck;
using protocol::Terms;

std::string refusal_of(const absl::Status& status) {
  const std::string reason = protocol::reason_of(status);
  return reason.empty() ? "INVALID_PAYMENT" : reason;
}

// Everything that costs no multiplication.
absl::StatusOr<PreparedPayment> prepare(const Candidate& candidate, const CheckContext& context) {
  CAFE_RETURN_IF_ERROR(candidate.payment->status);
  const Terms& terms = *candidate.payment->terms;
  if (terms.payee_id != candidate.payee_id) {
    return protocol::refused("WRONG_PAYEE", "The payment was made to another payee.");
  }
  if (candidate.terminal == nullptr) {
    return protocol::refused("UNKNOWN_TERMINAL", "The payee has no such terminal.");
  }
  CAFE_RETURN_IF_ERROR(check_terminal_at(*candidate.terminal, terms.time_ms));
  return prepare_unsigned_payment(*candidate.payment->payment,
                                  {.denominations = &context.denominations,
                                   .acquirer_id = context.acquirer_id,
                                   .terminal_key = candidate.terminal->certificate.key,
                                   .payee_id = candidate.payee_id,
                                   .terminal_id = terms.terminal_id,
                                   .authorized = candidate.authorized,
                                   .anchors = &context.anchors});
}

// What this acquirer asks of a payment on top.
absl::Status check_acquirer_rules(const ReadPayment& read, const PreparedPayment& prepared,
                                  const CheckContext& context) {
  if (context.voided.contains(
          {prepared.terms_digest, read.terms->payee_id, read.terms->terminal_id})) {
    return protocol::refused("TERMS_VOIDED",
                             "The terminal has refused these terms: its payer is credited.");
  }
  const Payment& payment = *read.payment;
  for (size_t i = 0; i < payment.coins.size(); ++i) {
    const Denomination& denomination = *prepared.denominations[i];
    if (context.stopped.contains(payment.coins[i].denom_id)) {
      return protocol::refused("DENOMINATION_STOPPED", "The denomination's key is compromised.");
    }
    if (context.received_ms / 1000 >= denomination.deposit_until) {
      return protocol::refused("DEPOSIT_DATE_PASSED", "The payment came too late.");
    }
  }
  const auto shows_nothing = [](const Spend& spend) { return worth_of(spend) == 0; };
  if (!context.ticks_to_come && std::ranges::any_of(payment.spends, shows_nothing)) {
    return protocol::refused("NOTHING_OWED", "A payment of ticks is deposited with the last tick.");
  }
  return absl::OkStatus();
}

std::vector<SpentSlot> slots_of(const Payment& payment, uint32_t payment_index,
                                std::span<const Denomination* const> denominations,
                                std::span<const protocol::CoinId> coin_ids,
                                const protocol::Bytes32& terms_digest) {
  std::vector<SpentSlot> slots;
  slots.reserve(payment.spends.size());
  for (uint32_t i = 0; i < payment.spends.size(); ++i) {
    const Spend& spend = payment.spends[i];
    const Denomination& denomination = *denominations[spend.coin];
    const protocol::CoinId& coin_id = coin_ids[spend.coin];
    const protocol::Scalar d = protocol::spend_challenge(
        denomination, spend.value, protocol::spend_digest(coin_id, spend.slot, terms_digest),
        spend.tick_value, spend.tick_count, spend.tick_root, spend.salt);
    const bool is_cheque = denomination.kind == protocol::Kind::kCheque;
    slots.push_back({.payment = payment_index,
                     .spend = i,
                     .coin_id = coin_id,
                     .slot = spend.slot,
                     .trace = {d, spend.r1, spend.r2},
                     .denom_id = payment.coins[spend.coin].denom_id,
                     .value = worth_of(spend),
                     .deposit_until = denomination.deposit_until,
                     .claim_until = denomination.claim_until,
                     .cheque_issuer = is_cheque ? denomination.issuer_id : std::string(),
                     .ticks = spend.tick ? spend.tick->index + 1 : 0,
                     .tick_value = spend.tick_value});
  }
  return slots;
}

// Payments on their way through the checks. Each stage leaves out what the ones before refused.
class Checker {
 public:
  Checker(std::span<const Candidate> candidates, const CheckContext& context)
      : candidates_(candidates),
        context_(context),
        checked_(candidates.size()),
        prepared_(candidates.size()) {}

  std::vector<CheckedPayment> run() {
    prepare_each();
    check_signatures();
    check_each_acquirer_rules();
    check_all_spends();
    return std::move(checked_);
  }

 private:
  void refuse(size_t i, const absl::Status& status) { checked_[i].refusal = refusal_of(status); }
  const Payment& payment(size_t i) const { return *candidates_[i].payment->payment; }

  void prepare_each() {
    for (size_t i = 0; i < candidates_.size(); ++i) {
      const ReadPayment& read = *candidates_[i].payment;
      if (read.terms) checked_[i].currency = read.terms->currency;
      absl::StatusOr<PreparedPayment> result = prepare(candidates_[i], context_);
      if (result.ok()) {
        prepared_[i] = *std::move(result);
      } else {
        refuse(i, result.status());
      }
    }
  }

  void check_signatures() {
    std::vector<protocol::SignatureCheck> signatures;
    std::vector<size_t> whose;
    for (size_t i = 0; i < candidates_.size(); ++i) {
      if (!checked_[i].valid() || candidates_[i].signature_known) continue;
      signatures.push_back({&candidates_[i].terminal->certificate.key, prepared_[i].terms_digest,
                            payment(i).terms.signature});
      whose.push_back(i);
    }
    const std::vector<bool> good = check_signatures_var(signatures);
    for (size_t n = 0; n < whose.size(); ++n) {
      if (!good[n]) checked_[whose[n]].refusal = "BAD_SIGNATURE";
    }
  }

  void check_each_acquirer_rules() {
    for (size_t i = 0; i < candidates_.size(); ++i) {
      if (!checked_[i].valid()) continue;
      const absl::Status status =
          check_acquirer_rules(*candidates_[i].payment, prepared_[i], context_);
      if (!status.ok()) refuse(i, status);
    }
  }

  void check_all_spends() {
    std::vector<SpendCheck> spends;
    spends.reserve(candidates_.size());
    for (size_t i = 0; i < candidates_.size(); ++i) {
      if (!checked_[i].valid()) continue;
      for (const Spend& spend : payment(i).spends) {
        spends.push_back({prepared_[i].denominations[spend.coin], &payment(i).coins[spend.coin],
                          &spend, prepared_[i].terms_digest});
      }
    }
    const std::vector<absl::Status> verdicts = check_spends(spends);
    auto verdict = verdicts.begin();
    for (size_t i = 0; i < candidates_.size(); ++i) {
      if (!checked_[i].valid()) continue;
      const auto end = verdict + static_cast<ptrdiff_t>(payment(i).spends.size());
      const auto wrong =
          std::find_if(verdict, end, [](const absl::Status& status) { return !status.ok(); });
      verdict = end;
      if (wrong != end) {
        refuse(i, *wrong);
        continue;
      }
      checked_[i].slots = slots_of(payment(i), candidates_[i].index, prepared_[i].denominations,
                                   prepared_[i].coin_ids, prepared_[i].terms_digest);
    }
  }

  const std::span<const Candidate> candidates_;
  const CheckContext& context_;
  std::vector<CheckedPayment> checked_;
  std::vector<PreparedPayment> prepared_;  // of those that are not refused
};

}  // namespace

ReadPayment read_payment(protocol::ByteView bytes) {
  ReadPayment read;
  absl::StatusOr<Payment> payment = Payment::decode(bytes);
  if (!payment.ok()) {
    read.status = payment.status();
    return read;
  }
  absl::StatusOr<Terms> terms = Terms::decode(payment->terms.frame);
  read.status = terms.status();
  if (terms.ok()) {
    read.terms = *std::move(terms);
    read.payment = *std::move(payment);
  }
  return read;
}

protocol::Bytes32 opening_digest(protocol::ByteView bytes, const Payment& payment) {
  const auto shows_tick = [](const Spend& spend) { return spend.tick.has_value(); };
  if (std::ranges::none_of(payment.spends, shows_tick)) return protocol::sha256(bytes);
  Payment opening = payment;
  for (Spend& spend : opening.spends) spend.tick.reset();
  return protocol::sha256(opening.encode());
}

Candidate candidate_of(const ReadPayment& payment, uint32_t index,
                       const protocol::PayeeId& payee_id, const Terminals& terminals) {
  Candidate candidate{&payment, index, payee_id, nullptr};
  if (payment.terms && payment.terms->payee_id == payee_id) {
    const auto terminal = terminals.find(payment.terms->terminal_id);
    if (terminal != terminals.end()) candidate.terminal = &terminal->second;
    // Who pays money back hands nothing out for it: it is credited when it is known to be unspent.
    candidate.authorized = candidate.terminal != nullptr && candidate.terminal->is_holder;
  }
  return candidate;
}

std::vector<CheckedPayment> check_payments(std::span<const Candidate> candidates,
                                           const CheckContext& context) {
  return Checker(candidates, context).run();
}

absl::StatusOr<std::vector<CheckedPayment>> restore_payments(
    std::span<const ReadPayment> payments, std::span<const std::string> refusals,
    const protocol::DenominationTable& denominations) {
  std::vector<CheckedPayment> checked(payments.size());
  for (size_t i = 0; i < payments.size(); ++i) {
    const ReadPayment& read = payments[i];
    if (read.terms) checked[i].currency = read.terms->currency;
    checked[i].refusal = refusals[i];
    if (!checked[i].valid()) continue;
    if (!read.status.ok()) {
      return protocol::make_error(absl::StatusCode::kDataLoss, "ARCHIVE_DAMAGED",
                                  "A payment that was found valid cannot be read any more.");
    }
    std::vector<const Denomination*> of_coins;
    std::vector<protocol::CoinId> coin_ids;
    for (const Coin& coin : read.payment->coins) {
      coin_ids.push_back(coin.id());
      of_coins.push_back(denominations.find(coin.denom_id));
      if (of_coins.back() == nullptr) {
        return protocol::make_error(absl::StatusCode::kUnavailable, "DENOMINATIONS_UNKNOWN",
                                    "The list with this batch's denominations is not here yet.");
      }
    }
    checked[i].slots = slots_of(*read.payment, static_cast<uint32_t>(i), of_coins, coin_ids,
                                read.payment->terms.digest());
  }
  return checked;
}

absl::Status check_total(std::span<const CheckedPayment> payments) {
  std::map<std::string_view, uint64_t> totals;
  for (const CheckedPayment& payment : payments) {
    uint64_t& total = totals[payment.currency];
    for (const SpentSlot& slot : payment.slots) {
      CAFE_ASSIGN_OR_RETURN(total, protocol::checked_add(total, slot.value));
    }
  }
  return absl::OkStatus();
}

}  // namespace cafe::deposit
