#include "services/recovery/check_void_payments.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "libs/protocol/payee_credential.h"
#include "libs/protocol/payment_answer.h"

namespace cafe::recovery {
namespace {

using protocol::Claim;
using protocol::CoinId;
using protocol::Payment;
using protocol::VoidPayment;

// The claim's slots, and which of them a payment has been seen to pay with.
struct Slots {
  struct Coin {
    uint64_t claimed;
    uint64_t paid = 0;
  };
  absl::flat_hash_map<CoinId, Coin> coins;

  explicit Slots(const Claim& claim) {
    for (const protocol::ClaimedCoin& coin : claim.coins) coins[coin.id()] = {coin.slots};
  }
  absl::Status take(const CoinId& id, uint32_t slot) {
    const auto found = coins.find(id);
    const uint64_t bit = uint64_t{1} << slot;
    if (found == coins.end() || (found->second.claimed & bit) == 0) {
      return protocol::invalid("SLOT_NOT_CLAIMED",
                               "A payment pays with a slot that the claim "
                               "does not name.");
    }
    if ((found->second.paid & bit) != 0) {
      return protocol::invalid("SLOT_TWICE", "Two payments of the claim pay with one slot.");
    }
    found->second.paid |= bit;
    return absl::OkStatus();
  }
};

absl::Status check_refusal(const VoidPayment& payment, const protocol::Terms& terms,
                           const protocol::Bytes32& terms_digest,
                           const protocol::TerminalCertificate& terminal,
                           const PaymentFacts& facts) {
  CAFE_ASSIGN_OR_RETURN(const auto document, protocol::SignedDocument::decode(payment.refusal));
  CAFE_RETURN_IF_ERROR(document.check(terminal.key));
  CAFE_ASSIGN_OR_RETURN(const auto refusal, protocol::Refusal::decode(document.frame));
  if (refusal.acquirer_id != terms.acquirer_id || refusal.payee_id != terms.payee_id ||
      refusal.terminal_id != terms.terminal_id || refusal.terms_digest != terms_digest) {
    return protocol::invalid("WRONG_REFUSAL", "The refusal is of other terms.");
  }
  if (terms.acquirer_id != facts.issuer_id) {
    return protocol::refused("WRONG_ACQUIRER",
                             "Only the payee's acquirer can void these terms: claim the payment "
                             "when its deadline has passed.");
  }
  return absl::OkStatus();
}

absl::Status check_deadline(const protocol::PreparedPayment& prepared, const PaymentFacts& facts) {
  for (const protocol::Denomination* denomination : prepared.denominations) {
    if (facts.now_ms < settled_ms(*denomination, facts.periods)) {
      return protocol::refused("NOT_DUE", "The payment may still be deposited.");
    }
  }
  return absl::OkStatus();
}

absl::Status check_one(const VoidPayment& claimed, const PaymentFacts& facts, Slots& slots) {
  CAFE_ASSIGN_OR_RETURN(const Payment payment, Payment::decode(claimed.payment));
  CAFE_ASSIGN_OR_RETURN(const auto terms, protocol::Terms::decode(payment.terms.frame));
  CAFE_ASSIGN_OR_RETURN(const auto credential,
                        protocol::PayeeCredential::decode(claimed.credential));
  CAFE_ASSIGN_OR_RETURN(const protocol::TerminalCertificate terminal,
                        credential.open(facts.anchors, terms.time_ms / 1000));
  // Whether it was authorized is between payee and acquirer; it was paid all the same.
  CAFE_ASSIGN_OR_RETURN(const protocol::PreparedPayment prepared,
                        check_payment(payment, {.denominations = &facts.denominations,
                                                .acquirer_id = terminal.acquirer_id,
                                                .terminal_key = terminal.key,
                                                .payee_id = terminal.payee_id,
                                                .terminal_id = terminal.terminal_id,
                                                .authorized = true,
                                                .anchors = &facts.anchors}));
  for (const protocol::Spend& spend : payment.spends) {
    CAFE_RETURN_IF_ERROR(slots.take(prepared.coin_ids[spend.coin], spend.slot));
  }
  if (claimed.refusal.empty()) return check_deadline(prepared, facts);
  return check_refusal(claimed, terms, prepared.terms_digest, terminal, facts);
}

}  // namespace

std::optional<ClaimFault> check_void_payments(const Claim& claim, const PaymentFacts& facts) {
  Slots slots(claim);
  for (size_t i = 0; i < claim.payments.size(); ++i) {
    if (const absl::Status status = check_one(claim.payments[i], facts, slots); !status.ok()) {
      return fault_of(status, i);
    }
  }
  for (size_t i = 0; i < claim.coins.size(); ++i) {
    const Slots::Coin& coin = slots.coins.at(claim.coins[i].id());
    if (coin.paid != coin.claimed) {
      return ClaimFault{"SLOT_NOT_PAID", static_cast<uint32_t>(i)};
    }
  }
  return std::nullopt;
}

}  // namespace cafe::recovery
