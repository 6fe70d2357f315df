#include "tools/cafectl/audit_claim_sums.h"

#include <algorithm>

#include "libs/storage/ledger_accounts.h"

namespace cafe::cafectl {

using protocol::Bytes;
using protocol::ClaimedSlot;
using protocol::ClaimKind;
using protocol::ClaimState;
using protocol::ClaimStatement;
using protocol::ClaimTotal;
using protocol::Deduction;
using protocol::Kind;

namespace {

// The payments of a claim as they were claimed; whether they are valid, a judge says.
absl::StatusOr<std::vector<protocol::CheckedVoidPayment>> decode_payments(
    const protocol::Claim& claim) {
  std::vector<protocol::CheckedVoidPayment> payments;
  for (const protocol::VoidPayment& claimed : claim.payments) {
    CAFE_ASSIGN_OR_RETURN(auto payment, protocol::Payment::decode(claimed.payment));
    CAFE_ASSIGN_OR_RETURN(auto terms, protocol::Terms::decode(payment.terms.frame));
    payments.push_back({std::move(payment), std::move(terms), !claimed.refusal.empty(), 0});
  }
  return payments;
}

Bytes cheques_owner(const std::string& issuer_id, const std::string& currency) {
  return storage::cheques_account(issuer_id, currency).owner;
}

}  // namespace

absl::StatusOr<OpenedClaim> open_claim(const protocol::ClaimFile& file) {
  CAFE_ASSIGN_OR_RETURN(auto claim, protocol::Claim::decode(file.claim.frame));
  CAFE_ASSIGN_OR_RETURN(auto receipt, protocol::ClaimReceipt::decode(file.claim_receipt.frame));
  OpenedClaim opened{std::move(claim), std::move(receipt), {}, {}, {}};
  for (const auto& document : file.statements) {
    CAFE_ASSIGN_OR_RETURN(opened.statements.emplace_back(), ClaimStatement::decode(document.frame));
  }
  for (const auto& document : file.lists) {
    CAFE_ASSIGN_OR_RETURN(const auto list, protocol::DenominationList::decode(document.frame));
    opened.denominations.add(list);
  }
  CAFE_ASSIGN_OR_RETURN(const auto payments, decode_payments(opened.claim));
  const auto find = [&](const protocol::DenomId& id) { return opened.denominations.find(id); };
  CAFE_ASSIGN_OR_RETURN(opened.slots, protocol::claimed_slots(opened.claim, find, payments));
  return opened;
}

Bytes OpenedClaim::owner_of(const ClaimedSlot& slot) const {
  return slot.denomination->kind == Kind::kCheque
             ? cheques_owner(claim.issuer_id, slot.denomination->currency)
             : protocol::to_bytes(claim.coins[slot.coin].denom_id);
}

const ClaimedSlot* OpenedClaim::find(const Deduction& deduction) const {
  const auto at = std::find_if(slots.begin(), slots.end(), [&](const ClaimedSlot& slot) {
    return slot.coin == deduction.coin && slot.slot == deduction.slot;
  });
  return at == slots.end() ? nullptr : &*at;
}

namespace {

// What is left of a claim after deductions, by owner of the advance and currency.
Sums left_of(const OpenedClaim& claim, const ClaimStatement& statement) {
  Sums left;
  if (claim.claim.kind == ClaimKind::kCheques) {
    for (const ClaimTotal& total : statement.totals) {
      left[account_name(cheques_owner(claim.claim.issuer_id, total.currency), total.currency)] +=
          static_cast<int64_t>(total.credited);
    }
    return left;
  }
  std::map<std::pair<uint32_t, uint32_t>, uint64_t> gone;
  for (const Deduction& d : statement.deductions) gone[{d.coin, d.slot}] = d.value;
  for (const ClaimedSlot& slot : claim.slots) {
    const auto taken = gone.find({slot.coin, slot.slot});
    left[account_name(claim.owner_of(slot), slot.denomination->currency)] +=
        static_cast<int64_t>(slot.value - (taken == gone.end() ? 0 : taken->second));
  }
  return left;
}

std::string currency_of(const std::string& account) { return account.substr(account.size() - 3); }

}  // namespace

void ClaimSums::add(const OpenedClaim& claim, const ClaimBooks& books) {
  if (claim.last() == nullptr) return;
  add_credit(claim, books);
  add_charges(claim, books);
  if (claim.last()->state == ClaimState::kFinal) add_final(claim, books);
}

void ClaimSums::add_credit(const OpenedClaim& claim, const ClaimBooks& books) {
  const ClaimStatement& first = claim.statements.front();
  for (const auto& [owner, amount] : left_of(claim, first)) claim_claims[owner] -= amount;
  for (const ClaimTotal& total : first.totals) {
    claim_customers[account_name(books.credited_to.front(), total.currency)] +=
        static_cast<int64_t>(total.credited);
  }
}

void ClaimSums::add_charges(const OpenedClaim& claim, const ClaimBooks& books) {
  for (size_t n = 1; n < claim.statements.size(); ++n) {
    const std::vector<Deduction>& before = claim.statements[n - 1].deductions;
    for (const Deduction& deduction : claim.statements[n].deductions) {
      const ClaimedSlot* slot = claim.find(deduction);
      if (slot == nullptr || std::find(before.begin(), before.end(), deduction) != before.end()) {
        continue;
      }
      const std::string& currency = slot->denomination->currency;
      const auto at = books.uncollected.find({deduction.coin, deduction.slot});
      const auto value = static_cast<int64_t>(deduction.value);
      const auto missing = static_cast<int64_t>(at == books.uncollected.end() ? 0 : at->second);
      charge_claims[account_name(claim.owner_of(*slot), currency)] += value;
      charge_customers[account_name(books.credited_to[n], currency)] -= value - missing;
      charge_losses[account_name({}, currency)] -= missing;
    }
  }
}

void ClaimSums::add_final(const OpenedClaim& claim, const ClaimBooks& books) {
  std::map<std::string, uint64_t> borne = books.borne;
  for (const auto& [owner, amount] : left_of(claim, *claim.last())) {
    final_claims[owner] += amount;
    const std::string currency = currency_of(owner);
    if (owner != account_name(cheques_owner(claim.claim.issuer_id, currency), currency)) {
      final_coins[owner] -= amount;
      continue;
    }
    const auto lost = static_cast<int64_t>(borne[currency]);
    final_cheques[owner] -= amount - lost;
    final_losses[account_name({}, currency)] -= lost;
  }
}

Sums ClaimSums::outstanding() const {
  Sums sums = claim_claims;
  for (const Sums* more : {&charge_claims, &final_claims}) {
    for (const auto& [owner, amount] : *more) sums[owner] += amount;
  }
  return sums;
}

}  // namespace cafe::cafectl
