// What a claim comes to: its coins with their denominations, and the value of each claimed slot.
#pragma once

#include <map>
#include <vector>

#include "libs/protocol/claim_documents.h"
#include "libs/protocol/claim_file.h"

namespace cafe::recovery {

// A slot of a claim: the coin's place in it, and the slot.
struct SlotKey {
  uint32_t coin;
  uint32_t slot;
  auto operator<=>(const SlotKey&) const = default;
};

struct ClaimContent {
  // Of a claimed slot: what it is worth, and of kind payments which spend of which payment says so.
  struct Slot {
    uint64_t value;  // minor units
    uint32_t payment = 0;
    uint32_t spend = 0;
  };

  protocol::Claim claim;
  std::vector<protocol::Denomination> denominations;  // of each coin
  std::vector<protocol::CoinId> ids;                  // likewise
  // Of kinds coins and payments; cheques claim the loads, all together.
  std::map<SlotKey, Slot> slots;
  std::vector<protocol::CurrencyAmount> claimed;  // ascending by currency; none of them 0

  bool claims(const SlotKey& key) const {
    return ((claim.coins[key.coin].slots >> key.slot) & 1) != 0;
  }
  const std::string& currency(uint32_t coin) const { return denominations[coin].currency; }
};

// Of a claim whose parts have been checked. `loads`: of kind cheques all of the account's.
// UNKNOWN_DENOMINATION, AMOUNT_OVERFLOW, and the reasons of the decoders.
absl::StatusOr<ClaimContent> content_of(protocol::Claim claim,
                                        const protocol::DenominationTable& denominations,
                                        std::span<const protocol::SignedDocument> loads);

// The same of a claim that was filed.
absl::StatusOr<ClaimContent> content_of(const protocol::ClaimFile& file);

}  // namespace cafe::recovery
