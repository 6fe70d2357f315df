#include "services/recovery/gather_spends.h"

#include <algorithm>
#include <set>

namespace cafe::recovery {
namespace {

using protocol::ClaimKind;
using storage::Transaction;

using Place = std::pair<uint64_t, uint32_t>;  // batch, payment

void add_payment(ClaimAtHand& claim, ArchivedPayment payment) {
  const bool known = std::ranges::any_of(
      claim.payments, [&](const ArchivedPayment& each) { return each.payment == payment.payment; });
  if (!known) claim.payments.push_back(std::move(payment));
}

// The spends of the claimed coins. The coin store forgets those of coins that nobody may claim any
// more; cheques are claimed however old they are. Deposit does not answer while an old batch, which
// may have spent them, is not settled.
absl::StatusOr<std::vector<LocatedSpend>> locate(const RecoveryParts& parts,
                                                 const ClaimContent& content) {
  return content.claim.kind == ClaimKind::kCheques
             ? parts.deposit.locate_cheques(content.ids, absl::InfiniteFuture())
             : parts.coin_store.locate(content.ids, absl::InfiniteFuture());
}

// The deposited payments of claimed slots.
absl::Status gather_deposited(const RecoveryParts& parts, const std::set<SlotKey>& known,
                              ClaimAtHand& claim) {
  CAFE_ASSIGN_OR_RETURN(std::vector<LocatedSpend> spends, locate(parts, claim.content));
  std::erase_if(spends, [&](const LocatedSpend& spend) {
    const SlotKey key{spend.coin, spend.slot};
    return known.contains(key) || claim.content.slot(key) == nullptr;
  });
  std::map<Place, ArchivedPayment> fetched;
  for (const LocatedSpend& spend : spends) {
    auto at = fetched.find({spend.batch, spend.payment});
    if (at == fetched.end()) {
      CAFE_ASSIGN_OR_RETURN(
          ArchivedPayment payment,
          parts.deposit.payment(spend.batch, spend.payment, absl::InfiniteFuture()));
      at = fetched.emplace(Place{spend.batch, spend.payment}, std::move(payment)).first;
    }
    CAFE_ASSIGN_OR_RETURN(PaidSlot paid,
                          read_paid_slot({spend.coin, spend.slot}, claim.content.ids[spend.coin],
                                         at->second.payment, spend.spend));
    claim.spent.push_back(std::move(paid));
  }
  for (auto& [place, payment] : fetched) claim.payments.push_back(std::move(payment));
  return absl::OkStatus();
}

// Cheques that paid what came to nothing were claimed by those payments: they are gone from this
// claim, unless they were deposited after all.
absl::Status gather_claimed(const RecoveryParts& parts, ClaimAtHand& claim) {
  CAFE_ASSIGN_OR_RETURN(const std::vector<SlotElsewhere> elsewhere,
                        look(parts.database, [&](Transaction& tx) {
                          return store::slots_elsewhere(tx, claim.stored.number);
                        }));
  std::set<SlotKey> deposited;
  for (const PaidSlot& paid : claim.spent) deposited.insert(paid.key);
  std::optional<std::pair<uint64_t, ClaimContent>> other;  // they come sorted by claim
  for (const SlotElsewhere& slot : elsewhere) {
    if (deposited.contains(slot.key)) continue;
    if (!other || other->first != slot.number) {
      CAFE_ASSIGN_OR_RETURN(const StoredClaim stored, look(parts.database, [&](Transaction& tx) {
                              return store::load_claim(tx, slot.number);
                            }));
      CAFE_ASSIGN_OR_RETURN(const auto file, protocol::ClaimFile::decode(stored.file));
      CAFE_ASSIGN_OR_RETURN(ClaimContent content, content_of(file));
      other.emplace(slot.number, std::move(content));
    }
    const ClaimContent& content = other->second;
    const std::optional<ClaimContent::PaidBy> paid_by = content.paid_by(slot.other);
    if (!paid_by) return absl::InternalError("a claim of payments has a slot that none pays with");
    const protocol::VoidPayment& payment = content.claim.payments[paid_by->payment];
    CAFE_ASSIGN_OR_RETURN(PaidSlot paid, read_paid_slot(slot.key, claim.content.ids[slot.key.coin],
                                                        payment.payment, paid_by->spend));
    claim.spent.push_back(std::move(paid));
    add_payment(claim, {payment.payment, payment.credential});
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ClaimAtHand> gather_spends(const RecoveryParts& parts, StoredClaim stored) {
  CAFE_ASSIGN_OR_RETURN(std::vector<Deducted> before, look(parts.database, [&](Transaction& tx) {
                          return store::load_deductions(tx, stored.number);
                        }));
  CAFE_ASSIGN_OR_RETURN(auto file, protocol::ClaimFile::decode(stored.file));
  CAFE_ASSIGN_OR_RETURN(ClaimContent content, content_of(file));
  std::set<SlotKey> known;
  for (const Deducted& each : before) known.insert({each.deduction.coin, each.deduction.slot});
  ClaimAtHand claim{.stored = std::move(stored),
                    .file = std::move(file),
                    .content = std::move(content),
                    .before = std::move(before),
                    .spent = {},
                    .payments = {}};
  CAFE_RETURN_IF_ERROR(gather_deposited(parts, known, claim));
  if (claim.content.claim.kind == ClaimKind::kCheques) {
    CAFE_RETURN_IF_ERROR(gather_claimed(parts, claim));
  }
  return claim;
}

}  // namespace cafe::recovery
