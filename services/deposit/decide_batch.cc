#include "services/deposit/decide_batch.h"

#include <algorithm>

#include "libs/protocol/amount.h"

namespace cafe::deposit {
namespace {

using Outcome = RecordedSlot::Outcome;
using protocol::PaymentVerdict;
using protocol::SlotVerdict;
using protocol::VerdictCode;

// Goes through the slots in order; what it credits counts against the cover of what comes later.
class Decider {
 public:
  explicit Decider(const BatchFacts& facts)
      : facts_(facts), had_(facts.had), covered_(facts.covered_last_30_days) {}

  absl::StatusOr<PaymentVerdict> decide(const CheckedPayment& payment,
                                        std::span<const RecordedSlot> recorded);
  BatchDecision take() { return std::move(decision_); }

 private:
  bool is_stopped(const CheckedPayment& payment) const {
    return std::any_of(payment.slots.begin(), payment.slots.end(), [&](const SpentSlot& slot) {
      return facts_.stopped.contains(slot.denom_id);
    });
  }
  absl::StatusOr<SlotVerdict> decide_slot(const SpentSlot& slot, const RecordedSlot& recorded,
                                          const std::string& currency);
  absl::StatusOr<SlotVerdict> take_back(const SpentSlot& slot, uint64_t amount,
                                        const std::string& currency);
  absl::StatusOr<SlotVerdict> decide_more_ticks(const SpentSlot& slot, uint32_t ticks_before,
                                                const std::string& currency);
  absl::StatusOr<SlotVerdict> decide_double(const SpentSlot& slot, const RecordedSlot& recorded,
                                            const std::string& currency);
  protocol::SpentBeforeFacts facts_of(const SpentSlot& slot, const RecordedSlot& recorded,
                                      const std::string& currency) const;

  const BatchFacts& facts_;
  absl::flat_hash_set<SlotKey> had_;
  uint64_t covered_;
  BatchDecision decision_;
};

PaymentVerdict refusal(std::string reason, std::string currency) {
  return {VerdictCode::kRefused, std::move(reason), 0, std::move(currency), {}};
}

absl::StatusOr<PaymentVerdict> Decider::decide(const CheckedPayment& payment,
                                               std::span<const RecordedSlot> recorded) {
  if (!payment.valid()) return refusal(payment.refusal, payment.currency);
  if (is_stopped(payment)) return refusal("DENOMINATION_STOPPED", payment.currency);
  PaymentVerdict verdict{VerdictCode::kAccepted, "", 0, payment.currency, {}};
  for (size_t i = 0; i < payment.slots.size(); ++i) {
    CAFE_ASSIGN_OR_RETURN(const SlotVerdict slot,
                          decide_slot(payment.slots[i], recorded[i], payment.currency));
    CAFE_ASSIGN_OR_RETURN(verdict.credited, protocol::checked_add(verdict.credited, slot.credited));
    verdict.slots.push_back(slot);
  }
  verdict.code = protocol::worst_of(verdict.slots);
  return verdict;
}

// Credits `amount` from what was issued, or loaded.
absl::StatusOr<SlotVerdict> Decider::take_back(const SpentSlot& slot, uint64_t amount,
                                               const std::string& currency) {
  Movement& movement = decision_.movements[currency];
  uint64_t& taken = slot.cheque_issuer.empty() ? movement.coins[slot.denom_id]
                                               : movement.cheques[slot.cheque_issuer];
  CAFE_ASSIGN_OR_RETURN(taken, protocol::checked_add(taken, amount));
  if (!slot.cheque_issuer.empty()) {
    decision_.cheque_spends.push_back({slot.coin_id, slot.position(), slot.ticks});
  }
  return SlotVerdict{VerdictCode::kAccepted, amount, 0};
}

// The same spend of ticks again: what it shows more than any deposit before it.
absl::StatusOr<SlotVerdict> Decider::decide_more_ticks(const SpentSlot& slot, uint32_t ticks_before,
                                                       const std::string& currency) {
  if (ticks_before == 0 || ticks_before > slot.ticks) {
    return protocol::make_error(absl::StatusCode::kInternal, "PEER_ANSWER",
                                "The coin store does not say how many ticks were shown before.");
  }
  const uint32_t more = slot.ticks - ticks_before;
  if (more == 0) return SlotVerdict{VerdictCode::kRepeat, 0, 0};
  return take_back(slot, more * slot.tick_value, currency);
}

absl::StatusOr<SlotVerdict> Decider::decide_slot(const SpentSlot& slot,
                                                 const RecordedSlot& recorded,
                                                 const std::string& currency) {
  switch (recorded.outcome) {
    case Outcome::kFresh:
      return take_back(slot, slot.value, currency);
    case Outcome::kRepeat:
      if (slot.ticks > 0 && recorded.case_number == 0) {
        return decide_more_ticks(slot, recorded.ticks_before, currency);
      }
      return SlotVerdict{VerdictCode::kRepeat, 0, recorded.case_number};
    case Outcome::kDouble:
      return decide_double(slot, recorded, currency);
  }
  return absl::InternalError("no such outcome");
}

protocol::SpentBeforeFacts Decider::facts_of(const SpentSlot& slot, const RecordedSlot& recorded,
                                             const std::string& currency) const {
  const auto first = facts_.first_deposits.find(recorded.other_batch);
  const bool known = first != facts_.first_deposits.end();
  return {
      .payee_had_slot_before = had_.contains({slot.coin_id, slot.slot}) ||
                               (known && first->second.payee_id == facts_.payee_id),
      .first_deposit_ms = known ? first->second.received_ms : 0,
      .now_ms = facts_.received_ms,
      // A contract covers its own currency only.
      .cover = currency == facts_.cover_currency ? facts_.cover : 0,
      .covered_last_30_days = covered_,
      .value = slot.value,
  };
}

absl::StatusOr<SlotVerdict> Decider::decide_double(const SpentSlot& slot,
                                                   const RecordedSlot& recorded,
                                                   const std::string& currency) {
  if (!recorded.other || recorded.case_number == 0) {
    return protocol::make_error(absl::StatusCode::kInternal, "PEER_ANSWER",
                                "The coin store names a double spend without its case.");
  }
  const bool credit = credit_spent_before(facts_of(slot, recorded, currency));
  const uint64_t credited = credit ? slot.value : 0;
  if (credit) {
    uint64_t& loss = decision_.movements[currency].loss;
    CAFE_ASSIGN_OR_RETURN(loss, protocol::checked_add(loss, slot.value));
    CAFE_ASSIGN_OR_RETURN(covered_, protocol::checked_add(covered_, slot.value));
  }
  decision_.evidence.push_back({slot.payment, slot.spend, *recorded.other});
  if (had_.insert({slot.coin_id, slot.slot}).second) {
    decision_.spent_before.push_back({slot.coin_id, slot.slot, slot.position(),
                                      recorded.case_number, slot.value, credited, currency});
  }
  return SlotVerdict{credit ? VerdictCode::kCreditedSpentBefore : VerdictCode::kSpentBefore,
                     credited, recorded.case_number};
}

}  // namespace

absl::StatusOr<BatchDecision> decide_batch(std::span<const CheckedPayment> payments,
                                           std::span<const RecordedSlot> recorded,
                                           const BatchFacts& facts) {
  size_t slots = 0;
  for (const CheckedPayment& payment : payments) slots += payment.slots.size();
  if (recorded.size() != slots) {
    return protocol::make_error(absl::StatusCode::kInternal, "PEER_ANSWER",
                                "The coin store's answers do not fit the slots.");
  }
  Decider decider(facts);
  std::vector<PaymentVerdict> verdicts;
  verdicts.reserve(payments.size());
  for (const CheckedPayment& payment : payments) {
    CAFE_ASSIGN_OR_RETURN(PaymentVerdict verdict,
                          decider.decide(payment, recorded.first(payment.slots.size())));
    recorded = recorded.subspan(payment.slots.size());
    verdicts.push_back(std::move(verdict));
  }
  BatchDecision decision = decider.take();
  decision.verdicts = std::move(verdicts);
  return decision;
}

}  // namespace cafe::deposit
