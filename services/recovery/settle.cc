#include "services/recovery/settle.h"

#include <algorithm>

#include "libs/protocol/hash.h"
#include "libs/protocol/payment.h"

namespace cafe::recovery {

using protocol::ClaimKind;
using protocol::ClaimTotal;
using protocol::CurrencyAmount;
using protocol::Deduction;
using protocol::Kind;

absl::StatusOr<PaidSlot> read_paid_slot(const SlotKey& key, const protocol::CoinId& id,
                                        protocol::ByteView encoded, uint32_t number) {
  CAFE_ASSIGN_OR_RETURN(const auto payment, protocol::Payment::decode(encoded));
  CAFE_ASSIGN_OR_RETURN(const auto terms, protocol::Terms::decode(payment.terms.frame));
  if (number < payment.spends.size()) {
    const protocol::Spend& spend = payment.spends[number];
    if (spend.slot == key.slot && payment.coins[spend.coin].id() == id) {
      return PaidSlot{.key = key,
                      .worth = worth_of(spend),
                      .time_ms = terms.time_ms,
                      .payment_digest = protocol::sha256(encoded),
                      .spend = number};
    }
  }
  return protocol::make_error(absl::StatusCode::kDataLoss, "PAYMENT_MISMATCH",
                              "The archived payment does not pay with the slot that it is "
                              "archived for.");
}

std::optional<Deducted> deduct(const ClaimContent& content, const PaidSlot& paid, bool charged) {
  if (!content.claims(paid.key)) return std::nullopt;
  uint64_t value = paid.worth;
  if (content.claim.kind != ClaimKind::kCheques) {
    const auto slot = content.slots.find(paid.key);
    value = slot == content.slots.end() ? 0 : std::min(value, slot->second.value);
  }
  if (value == 0) return std::nullopt;
  const bool after = paid.time_ms > content.claim.time_ms;
  return Deducted{
      .deduction = {.coin = paid.key.coin,
                    .slot = paid.key.slot,
                    .code = after ? Deduction::Code::kPaidAfter : Deduction::Code::kPaidBefore,
                    .charged = charged,
                    .value = value,
                    .payment_digest = paid.payment_digest},
      .currency = content.currency(paid.key.coin),
      .spend = paid.spend};
}

std::vector<ClaimTotal> totals_of(const ClaimContent& content, std::span<const Deducted> deducted) {
  std::vector<ClaimTotal> totals;
  for (const CurrencyAmount& claimed : content.claimed) {
    ClaimTotal total{claimed.currency, claimed.amount, 0, 0, 0, 0};
    for (const Deducted& each : deducted) {
      if (each.currency != claimed.currency) continue;
      uint64_t& sum = each.deduction.charged ? total.charged : total.deducted;
      sum = std::min(sum + each.deduction.value, total.claimed);
      total.uncollected += each.uncollected;
    }
    total.credited = total.claimed - total.deducted;
    totals.push_back(std::move(total));
  }
  return totals;
}

uint64_t Left::sum() const {
  uint64_t sum = cheques;
  for (const auto& [denom_id, amount] : coins) sum += amount;
  return sum;
}

std::map<std::string, Left> left_of(const ClaimContent& content,
                                    std::span<const Deducted> deducted) {
  std::map<std::string, Left> left;
  if (content.claim.kind == ClaimKind::kCheques) {
    for (const ClaimTotal& total : totals_of(content, deducted)) {
      if (total.credited > 0) left[total.currency].cheques = total.credited;
    }
    return left;
  }
  std::map<SlotKey, uint64_t> gone;
  for (const Deducted& each : deducted) {
    gone[{each.deduction.coin, each.deduction.slot}] = each.deduction.value;
  }
  for (const auto& [key, slot] : content.slots) {
    const auto taken = gone.find(key);
    const uint64_t value = slot.value - (taken == gone.end() ? 0 : taken->second);
    if (value == 0) continue;
    const protocol::Denomination& denomination = content.denominations[key.coin];
    Left& in_currency = left[denomination.currency];
    if (denomination.kind == Kind::kCoin) {
      in_currency.coins[content.claim.coins[key.coin].denom_id] += value;
    } else {
      in_currency.cheques += value;
    }
  }
  return left;
}

}  // namespace cafe::recovery
