#include "services/recovery/claim_content.h"

#include <algorithm>

namespace cafe::recovery {
namespace {

using protocol::CheckedVoidPayment;
using protocol::Claim;
using protocol::ClaimedSlot;
using protocol::ClaimKind;
using protocol::CurrencyAmount;
using protocol::DenominationTable;
using protocol::SignedDocument;

absl::StatusOr<std::vector<CurrencyAmount>> sum_loads(std::span<const SignedDocument> documents) {
  std::vector<protocol::Load> loads;
  for (const SignedDocument& document : documents) {
    CAFE_ASSIGN_OR_RETURN(const auto loaded, protocol::Loaded::decode(document.frame));
    CAFE_ASSIGN_OR_RETURN(loads.emplace_back(), protocol::Load::decode(loaded.load));
  }
  return loaded_amounts(loads);
}

// What check_void_payment made of payments that passed it before.
absl::StatusOr<std::vector<CheckedVoidPayment>> reopen(const Claim& claim) {
  std::vector<CheckedVoidPayment> payments;
  for (const protocol::VoidPayment& each : claim.payments) {
    CAFE_ASSIGN_OR_RETURN(auto payment, protocol::Payment::decode(each.payment));
    CAFE_ASSIGN_OR_RETURN(auto terms, protocol::Terms::decode(payment.terms.frame));
    payments.push_back({.payment = std::move(payment),
                        .terms = std::move(terms),
                        .refused = !each.refusal.empty(),
                        .deposit_until = 0});  // of no interest any more
  }
  return payments;
}

}  // namespace

const ClaimedSlot* ClaimContent::slot(const SlotKey& key) const {
  const auto at = std::ranges::lower_bound(slots, key, {}, [](const ClaimedSlot& each) {
    return SlotKey{each.coin, each.slot};
  });
  return at != slots.end() && SlotKey{at->coin, at->slot} == key ? &*at : nullptr;
}

std::optional<ClaimContent::PaidBy> ClaimContent::paid_by(const SlotKey& key) const {
  for (uint32_t p = 0; p < payments.size(); ++p) {
    const protocol::Payment& payment = payments[p].payment;
    for (uint32_t s = 0; s < payment.spends.size(); ++s) {
      const protocol::Spend& spend = payment.spends[s];
      if (spend.slot == key.slot && payment.coins[spend.coin].id() == ids[key.coin]) {
        return PaidBy{p, s};
      }
    }
  }
  return std::nullopt;
}

absl::StatusOr<ClaimContent> content_of(Claim claim,
                                        std::shared_ptr<const DenominationTable> denominations,
                                        std::vector<CheckedVoidPayment> payments,
                                        std::span<const SignedDocument> loads) {
  ClaimContent content{.denominations = std::move(denominations),
                       .claim = std::move(claim),
                       .ids = {},
                       .payments = std::move(payments),
                       .slots = {},
                       .claimed = {}};
  for (const protocol::ClaimedCoin& coin : content.claim.coins) content.ids.push_back(coin.id());
  const auto find = [&](const protocol::DenomId& id) { return content.denominations->find(id); };
  CAFE_ASSIGN_OR_RETURN(content.slots, claimed_slots(content.claim, find, content.payments));
  if (content.claim.kind == ClaimKind::kCheques) {
    CAFE_ASSIGN_OR_RETURN(content.claimed, sum_loads(loads));
  } else {
    CAFE_ASSIGN_OR_RETURN(content.claimed, claimed_amounts(content.slots));
  }
  return content;
}

absl::StatusOr<ClaimContent> content_of(const protocol::ClaimFile& file) {
  CAFE_ASSIGN_OR_RETURN(Claim claim, Claim::decode(file.claim.frame));
  auto table = std::make_shared<DenominationTable>();
  for (const SignedDocument& document : file.lists) {
    CAFE_ASSIGN_OR_RETURN(const auto list, protocol::DenominationList::decode(document.frame));
    table->add(list);
  }
  CAFE_ASSIGN_OR_RETURN(auto payments, reopen(claim));
  return content_of(std::move(claim), std::move(table), std::move(payments), file.loads);
}

}  // namespace cafe::recovery
