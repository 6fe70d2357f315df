// What a claim comes to: its coins and payments opened, and the value of each claimed slot, as a
// judge computes them (libs/protocol/claim_value.h).
#pragma once

#include <memory>

#include "libs/protocol/claim_file.h"
#include "libs/protocol/claim_value.h"

namespace cafe::recovery {

// A slot of a claim: the coin's place in it, and the slot.
struct SlotKey {
  uint32_t coin;
  uint32_t slot;
  auto operator<=>(const SlotKey&) const = default;
};

struct ClaimContent {
  std::shared_ptr<const protocol::DenominationTable> denominations;  // slots point into it
  protocol::Claim claim;
  std::vector<protocol::CoinId> ids;                   // of each coin
  std::vector<protocol::CheckedVoidPayment> payments;  // of kind payments: all of the claim's
  std::vector<protocol::ClaimedSlot> slots;            // ascending
  std::vector<protocol::CurrencyAmount> claimed;       // ascending by currency; none of them 0

  const protocol::Denomination& denomination(uint32_t coin) const {
    return *denominations->find(claim.coins[coin].denom_id);
  }
  // Null where the claim does not name it.
  const protocol::ClaimedSlot* slot(const SlotKey& key) const;
  // Of kind payments: which payment pays with a claimed slot, as which of its spends.
  struct PaidBy {
    uint32_t payment;
    uint32_t spend;
  };
  std::optional<PaidBy> paid_by(const SlotKey& key) const;
};

// Of a claim whose coins, and `payments`, have been checked. `loads`: of kind cheques all of the
// account's. The reasons of claimed_slots and of the decoders; AMOUNT_OVERFLOW.
absl::StatusOr<ClaimContent> content_of(
    protocol::Claim claim, std::shared_ptr<const protocol::DenominationTable> denominations,
    std::vector<protocol::CheckedVoidPayment> payments,
    std::span<const protocol::SignedDocument> loads);

// The same of a claim that was filed; its payments were checked then.
absl::StatusOr<ClaimContent> content_of(const protocol::ClaimFile& file);

}  // namespace cafe::recovery
