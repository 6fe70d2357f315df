#include "services/deposit/check_payments.h"

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

// Everything but the multiplications (the terms' signature apart).
absl::StatusOr<PreparedPayment> prepare(const ReadPayment& read, const CheckContext& context) {
  CAFE_RETURN_IF_ERROR(read.status);
  const Terms& terms = *read.terms;
  if (terms.payee_id != context.payee_id) {
    return protocol::refused("WRONG_PAYEE", "The payment was made to another payee.");
  }
  const auto terminal = context.terminals.find(terms.terminal_id);
  if (terminal == context.terminals.end()) {
    return protocol::refused("UNKNOWN_TERMINAL", "The payee has no such terminal.");
  }
  CAFE_RETURN_IF_ERROR(check_terminal_at(terminal->second, terms.time_ms));
  CAFE_ASSIGN_OR_RETURN(
      PreparedPayment prepared,
      prepare_payment(*read.payment, {.denominations = &context.denominations,
                                      .acquirer_id = context.acquirer_id,
                                      .terminal_key = terminal->second.certificate.key,
                                      .payee_id = context.payee_id,
                                      .terminal_id = terms.terminal_id,
                                      .authorized = context.authorized.contains(read.digest)}));
  for (size_t i = 0; i < prepared.denominations.size(); ++i) {
    const Denomination& denomination = *prepared.denominations[i];
    if (denomination.kind != protocol::Kind::kCoin) {
      return protocol::refused("CHEQUES_NOT_TAKEN", "This acquirer takes coins only.");
    }
    if (context.stopped.contains(read.payment->coins[i].denom_id)) {
      return protocol::refused("DENOMINATION_STOPPED", "The denomination's key is compromised.");
    }
    if (context.received_ms / 1000 >= denomination.deposit_until) {
      return protocol::refused("DEPOSIT_DATE_PASSED", "The payment came too late.");
    }
  }
  return prepared;
}

SpentSlot slot_of(const Payment& payment, uint32_t spend_index, uint32_t payment_index,
                  const Denomination& denomination, const protocol::Bytes32& terms_digest) {
  const Spend& spend = payment.spends[spend_index];
  const Coin& coin = payment.coins[spend.coin];
  return {.payment = payment_index,
          .spend = spend_index,
          .coin_id = coin.id(),
          .slot = spend.slot,
          .trace = {challenge_of(denomination, coin, spend, terms_digest), spend.r1, spend.r2},
          .denom_id = coin.denom_id,
          .value = worth_of(spend),
          .deposit_until = denomination.deposit_until,
          .claim_until = denomination.claim_until};
}

std::vector<SpentSlot> slots_of(const Payment& payment, uint32_t payment_index,
                                std::span<const Denomination* const> denominations,
                                const protocol::Bytes32& terms_digest) {
  std::vector<SpentSlot> slots;
  slots.reserve(payment.spends.size());
  for (uint32_t i = 0; i < payment.spends.size(); ++i) {
    slots.push_back(
        slot_of(payment, i, payment_index, *denominations[payment.spends[i].coin], terms_digest));
  }
  return slots;
}

}  // namespace

ReadPayment read_payment(protocol::ByteView bytes) {
  ReadPayment read{.digest = protocol::sha256(bytes), .status = {}, .payment = {}, .terms = {}};
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

std::vector<CheckedPayment> check_payments(std::span<const ReadPayment> payments, uint32_t first,
                                           const CheckContext& context) {
  std::vector<CheckedPayment> checked(payments.size());
  std::vector<std::optional<PreparedPayment>> prepared(payments.size());
  std::vector<SpendCheck> spends;
  for (size_t i = 0; i < payments.size(); ++i) {
    if (payments[i].terms) checked[i].currency = payments[i].terms->currency;
    absl::StatusOr<PreparedPayment> result = prepare(payments[i], context);
    if (!result.ok()) {
      checked[i].refusal = refusal_of(result.status());
      continue;
    }
    prepared[i] = *std::move(result);
    const Payment& payment = *payments[i].payment;
    for (const Spend& spend : payment.spends) {
      spends.push_back({prepared[i]->denominations[spend.coin], &payment.coins[spend.coin], &spend,
                        prepared[i]->terms_digest});
    }
  }

  const std::vector<absl::Status> verdicts = check_spends(spends);
  auto verdict = verdicts.begin();
  for (size_t i = 0; i < payments.size(); ++i) {
    if (!prepared[i]) continue;
    const Payment& payment = *payments[i].payment;
    for (size_t j = 0; j < payment.spends.size(); ++j, ++verdict) {
      if (checked[i].valid() && !verdict->ok()) checked[i].refusal = refusal_of(*verdict);
    }
    if (checked[i].valid()) {
      checked[i].slots = slots_of(payment, first + static_cast<uint32_t>(i),
                                  prepared[i]->denominations, prepared[i]->terms_digest);
    }
  }
  return checked;
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
    for (const Coin& coin : read.payment->coins) {
      of_coins.push_back(denominations.find(coin.denom_id));
      if (of_coins.back() == nullptr) {
        return protocol::make_error(absl::StatusCode::kUnavailable, "DENOMINATIONS_UNKNOWN",
                                    "The list with this batch's denominations is not here yet.");
      }
    }
    checked[i].slots =
        slots_of(*read.payment, static_cast<uint32_t>(i), of_coins, read.payment->terms.digest());
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
