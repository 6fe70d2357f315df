#include "services/recovery/settle.h"

#include <algorithm>

#include "libs/protocol/hash.h"

namespace cafe::recovery {

using protocol::ClaimedSlot;
using protocol::ClaimKind;
using protocol::ClaimTotal;

absl::StatusOr<PaidSlot> read_paid_slot(const SlotKey& key, const protocol::CoinId& id,
                                        protocol::ByteView encoded, uint32_t number) {
  CAFE_ASSIGN_OR_RETURN(const auto payment, protocol::Payment::decode(encoded));
  CAFE_ASSIGN_OR_RETURN(auto terms, protocol::Terms::decode(payment.terms.frame));
  if (number < payment.spends.size()) {
    const protocol::Spend& spend = payment.spends[number];
    if (spend.slot == key.slot && payment.coins[spend.coin].id() == id) {
      return PaidSlot{key, spend, number, std::move(terms), protocol::sha256(encoded)};
    }
  }
  return protocol::make_error(absl::StatusCode::kDataLoss, "PAYMENT_MISMATCH",
                              "The archived payment does not pay with the slot that it is "
                              "archived for.");
}

std::optional<Deducted> deduct(const ClaimContent& content, const PaidSlot& paid, bool charged) {
  const ClaimedSlot* const slot = content.slot(paid.key);
  if (slot == nullptr) return std::nullopt;
  const uint64_t value = deducted_value(content.claim.kind, *slot, paid.spend);
  if (value == 0) return std::nullopt;
  return Deducted{.deduction = {.coin = paid.key.coin,
                                .slot = paid.key.slot,
                                .code = deduction_code(content.claim, paid.terms),
                                .charged = charged,
                                .value = value,
                                .payment_digest = paid.payment_digest},
                  .currency = slot->denomination->currency,
                  .spend = paid.spend_number};
}

absl::StatusOr<std::vector<ClaimTotal>> totals_of(const ClaimContent& content,
                                                  std::span<const Deducted> deducted) {
  std::vector<protocol::Deduction> deductions;
  for (const Deducted& each : deducted) deductions.push_back(each.deduction);
  CAFE_ASSIGN_OR_RETURN(std::vector<ClaimTotal> totals,
                        claim_totals(content.claimed, content.slots, deductions));
  for (ClaimTotal& total : totals) {
    for (const Deducted& each : deducted) {
      if (each.currency == total.currency) total.uncollected += each.uncollected;
    }
  }
  return totals;
}

uint64_t Left::sum() const {
  uint64_t sum = cheques;
  for (const auto& [denom_id, amount] : coins) sum += amount;
  return sum;
}

absl::StatusOr<std::map<std::string, Left>> left_of(const ClaimContent& content,
                                                    std::span<const Deducted> deducted) {
  std::map<std::string, Left> left;
  if (content.claim.kind == ClaimKind::kCheques) {
    CAFE_ASSIGN_OR_RETURN(const auto totals, totals_of(content, deducted));
    for (const ClaimTotal& total : totals) {
      if (total.credited > 0) left[total.currency].cheques = total.credited;
    }
    return left;
  }
  std::map<SlotKey, uint64_t> gone;
  for (const Deducted& each : deducted) {
    gone[{each.deduction.coin, each.deduction.slot}] = each.deduction.value;
  }
  for (const ClaimedSlot& slot : content.slots) {
    const auto taken = gone.find({slot.coin, slot.slot});
    const uint64_t value = slot.value - (taken == gone.end() ? 0 : taken->second);
    if (value == 0) continue;
    Left& in_currency = left[slot.denomination->currency];
    if (slot.denomination->kind == protocol::Kind::kCoin) {
      in_currency.coins[content.claim.coins[slot.coin].denom_id] += value;
    } else {
      in_currency.cheques += value;
    }
  }
  return left;
}

}  // namespace cafe::recovery
