#include "libs/protocol/testing/claim_market.h"

#include <algorithm>

#include "libs/protocol/claim_value.h"
#include "libs/protocol/hash.h"
#include "libs/protocol/payment_answer.h"
#include "libs/protocol/testing/load_keys.h"

namespace cafe::testing {

using namespace cafe::protocol;  // NOLINT: the market speaks of nothing else

SignedDocument ClaimMarket::receipt(const WorldWallet& wallet) const {
  return credential_of(wallet).receipt;
}

SignedDocument ClaimMarket::loss(const WorldWallet& wallet, uint64_t last_load) const {
  const LossRecorded loss{std::string(kIssuer),
                          wallet.account.account,
                          Authority::kOperator,
                          {},
                          (claim_s - 3600) * 1000,
                          wallet.completed_orders,
                          last_load};
  return SignedDocument::sign(loss.encode(), withdrawal_key);
}

SignedDocument ClaimMarket::replaced(const WorldWallet& lost, const WorldWallet& successor) const {
  const Replaced replaced{std::string(kIssuer),
                          lost.account.account,
                          successor.account.account,
                          Authority::kOperator,
                          {},
                          (claim_s - 1800) * 1000};
  return SignedDocument::sign(replaced.encode(), withdrawal_key);
}

SignedDocument ClaimMarket::load(const WorldWallet& wallet, uint64_t amount,
                                 uint64_t sequence) const {
  const std::string issuer(kIssuer);
  const AccountId& account = wallet.account.account;
  const LoadOrder order{issuer, account, "EUR", amount, sequence};
  const Load load{wallet.account.registration.serial, issuer, "EUR", amount, sequence};
  const Loaded loaded{issuer, account,
                      SignedDocument::sign(order.encode(), wallet.identity.account_key).digest(),
                      load.encode(), sign_load(load, load_key_of(kIssuer).private_der).value()};
  return SignedDocument::sign(loaded.encode(), withdrawal_key);
}

VoidPayment ClaimMarket::void_payment(const Payment& payment, bool refused) const {
  VoidPayment out{payment.encode(), PayeeCredential(terminal_credential).encode(), {}};
  if (refused) {
    const Refusal refusal{terminal.acquirer_id,   terminal.payee_id,        terminal.terminal_id,
                          payment.terms.digest(), sha256(payment.encode()), "SPEND_INVALID",
                          now_s * 1000 + 500};
    out.refusal = SignedDocument::sign(refusal.encode(), terminal_key).encode();
  }
  return out;
}

std::vector<ClaimedSlot> ClaimMarket::slots_of(const Claim& claim) const {
  const auto find = [&](const DenomId& id) { return table.find(id); };
  std::vector<CheckedVoidPayment> payments;
  for (const VoidPayment& payment : claim.payments) {
    payments.push_back(check_void_payment(payment, find, anchors).value());
  }
  return claimed_slots(claim, find, payments).value();
}

ClaimReceipt ClaimMarket::receipt_for(const ClaimFile& file, const Claim& claim) const {
  std::vector<Load> loads;
  for (const SignedDocument& document : file.loads) {
    loads.push_back(Load::decode(Loaded::decode(document.frame)->load).value());
  }
  return {claim.issuer_id,
          claim.account,
          number,
          file.claim.digest(),
          claim.time_ms + 1000,
          /*held_until_ms=*/claim.time_ms + 7 * kDay_s * 1000,
          /*final_at_ms=*/(kWorldNow_s + 127 * kDay_s) * 1000,
          claim.kind == ClaimKind::kCheques ? loaded_amounts(loads).value()
                                            : claimed_amounts(slots_of(claim)).value()};
}

void ClaimMarket::replace_claim(ClaimFile& file, const Claim& claim, const SigningKey& by) const {
  file.claim = SignedDocument::sign(claim.encode(), by);
  file.claim_receipt = SignedDocument::sign(receipt_for(file, claim).encode(), recovery_key);
}

ClaimFile ClaimMarket::claim(const WorldWallet& lost,
                             const std::vector<const WorldWallet*>& successors, ClaimKind kind,
                             std::vector<ClaimedCoin> coins, std::vector<VoidPayment> payments,
                             const std::vector<uint64_t>& amounts) {
  const WorldWallet* by = &lost;
  ClaimFile file{.key_certificates = {withdrawal_certificate, recovery_certificate},
                 .registration = lost.registration,
                 .receipt = receipt(lost),
                 .replacements = {},
                 .successor_receipts = {},
                 .loss = std::nullopt,
                 .lists = {signed_list},
                 .orders = {},
                 .loads = {},
                 .claim = {},
                 .claim_receipt = {},
                 .statements = {},
                 .payments = {}};
  if (kind != ClaimKind::kPayments) file.loss = loss(lost, amounts.size());
  for (const WorldWallet* successor : successors) {
    file.replacements.push_back(replaced(*by, *successor));
    file.successor_receipts.push_back(receipt(*successor));
    by = successor;
  }
  for (uint64_t n = 1; n <= lost.completed_orders; ++n) {
    if (std::any_of(coins.begin(), coins.end(), [&](const auto& c) { return c.order == n; })) {
      file.orders.push_back(lost.orders[n - 1]);
    }
  }
  for (const uint64_t amount : amounts) {
    file.loads.push_back(load(lost, amount, file.loads.size() + 1));
  }
  replace_claim(file,
                {std::string(kIssuer), lost.account.account, by->account.account, kind,
                 claim_s * 1000, std::move(coins), std::move(payments)},
                by->identity.account_key);
  return file;
}

Deduction ClaimMarket::deduct(const ClaimFile& file, const Payment& payment, uint32_t spend,
                              bool charged) const {
  const Claim claim = Claim::decode(file.claim.frame).value();
  const Spend& paid = payment.spends[spend];
  const CoinId id = payment.coins[paid.coin].id();
  for (const ClaimedSlot& slot : slots_of(claim)) {
    if (claim.coins[slot.coin].id() != id || slot.slot != paid.slot) continue;
    return {slot.coin,
            slot.slot,
            deduction_code(claim, Terms::decode(payment.terms.frame).value()),
            charged,
            deducted_value(claim.kind, slot, paid),
            sha256(payment.encode())};
  }
  std::abort();  // the payment is of no claimed slot
}

void ClaimMarket::state(ClaimFile& file, ClaimState state, std::vector<Deduction> deductions,
                        const std::vector<Payment>& payments) {
  const Claim claim = Claim::decode(file.claim.frame).value();
  const ClaimReceipt receipt = ClaimReceipt::decode(file.claim_receipt.frame).value();
  std::sort(deductions.begin(), deductions.end(), [](const Deduction& a, const Deduction& b) {
    return std::pair(a.coin, a.slot) < std::pair(b.coin, b.slot);
  });
  const auto sequence = static_cast<uint32_t>(file.statements.size() + 1);
  const ClaimStatement statement{
      claim.issuer_id,
      claim.account,
      receipt.number,
      file.claim.digest(),
      sequence,
      receipt.held_until_ms + sequence * 1000,
      state,
      deductions,
      claim_totals(receipt.claimed, slots_of(claim), deductions).value()};
  file.statements.push_back(SignedDocument::sign(statement.encode(), recovery_key));

  file.payments.clear();
  std::vector<Bytes32> named;
  for (const Deduction& deduction : deductions) {
    if (std::find(named.begin(), named.end(), deduction.payment_digest) != named.end()) continue;
    named.push_back(deduction.payment_digest);
    for (const Payment& payment : payments) {
      if (sha256(payment.encode()) != deduction.payment_digest) continue;
      uint32_t spend = 0;
      while (payment.spends[spend].slot != deduction.slot ||
             payment.coins[payment.spends[spend].coin].id() != claim.coins[deduction.coin].id()) {
        ++spend;
      }
      file.payments.push_back({payment, spend, terminal_credential});
    }
  }
}

}  // namespace cafe::testing
