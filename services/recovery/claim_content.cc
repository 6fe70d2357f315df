#include "services/recovery/claim_content.h"

#include "absl/container/flat_hash_map.h"
#include "libs/protocol/amount.h"
#include "libs/protocol/load_order.h"
#include "libs/protocol/payment.h"

namespace cafe::recovery {
namespace {

using protocol::Claim;
using protocol::ClaimKind;
using protocol::CurrencyAmount;
using protocol::SignedDocument;

using Sums = std::map<std::string, uint64_t>;

absl::Status add(Sums& sums, const std::string& currency, uint64_t amount) {
  uint64_t& sum = sums[currency];
  CAFE_ASSIGN_OR_RETURN(sum, protocol::checked_add(sum, amount));
  return absl::OkStatus();
}

void value_coins(ClaimContent& content) {
  for (uint32_t i = 0; i < content.claim.coins.size(); ++i) {
    const std::vector<uint64_t>& values = content.denominations[i].slot_values;
    for (uint32_t slot = 0; slot < values.size(); ++slot) {
      if (content.claims({i, slot})) content.slots[{i, slot}] = {values[slot]};
    }
  }
}

absl::Status value_payments(ClaimContent& content) {
  absl::flat_hash_map<protocol::CoinId, uint32_t> places;
  for (uint32_t i = 0; i < content.ids.size(); ++i) places[content.ids[i]] = i;
  for (uint32_t p = 0; p < content.claim.payments.size(); ++p) {
    CAFE_ASSIGN_OR_RETURN(const auto payment,
                          protocol::Payment::decode(content.claim.payments[p].payment));
    for (uint32_t s = 0; s < payment.spends.size(); ++s) {
      const protocol::Spend& spend = payment.spends[s];
      const auto place = places.find(payment.coins[spend.coin].id());
      if (place == places.end()) {
        return protocol::invalid("SLOT_NOT_CLAIMED", "A payment pays with another coin.");
      }
      content.slots[{place->second, spend.slot}] = {worth_of(spend), p, s};
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Sums> sum_loads(std::span<const SignedDocument> loads) {
  Sums sums;
  for (const SignedDocument& document : loads) {
    CAFE_ASSIGN_OR_RETURN(const auto loaded, protocol::Loaded::decode(document.frame));
    CAFE_ASSIGN_OR_RETURN(const auto load, protocol::Load::decode(loaded.load));
    CAFE_RETURN_IF_ERROR(add(sums, load.currency, load.amount));
  }
  return sums;
}

absl::StatusOr<Sums> sum_slots(const ClaimContent& content) {
  Sums sums;
  for (const auto& [key, slot] : content.slots) {
    CAFE_RETURN_IF_ERROR(add(sums, content.currency(key.coin), slot.value));
  }
  return sums;
}

}  // namespace

absl::StatusOr<ClaimContent> content_of(Claim claim,
                                        const protocol::DenominationTable& denominations,
                                        std::span<const SignedDocument> loads) {
  ClaimContent content{
      .claim = std::move(claim), .denominations = {}, .ids = {}, .slots = {}, .claimed = {}};
  for (const protocol::ClaimedCoin& coin : content.claim.coins) {
    const protocol::Denomination* const denomination = denominations.find(coin.denom_id);
    if (denomination == nullptr) {
      return protocol::refused("UNKNOWN_DENOMINATION", "No list of the issuer names it.");
    }
    content.denominations.push_back(*denomination);
    content.ids.push_back(coin.id());
  }
  if (content.claim.kind == ClaimKind::kCoins) value_coins(content);
  if (content.claim.kind == ClaimKind::kPayments) CAFE_RETURN_IF_ERROR(value_payments(content));
  CAFE_ASSIGN_OR_RETURN(const Sums sums, content.claim.kind == ClaimKind::kCheques
                                             ? sum_loads(loads)
                                             : sum_slots(content));
  for (const auto& [currency, amount] : sums) {
    if (amount > 0) content.claimed.push_back({currency, amount});
  }
  return content;
}

absl::StatusOr<ClaimContent> content_of(const protocol::ClaimFile& file) {
  CAFE_ASSIGN_OR_RETURN(Claim claim, Claim::decode(file.claim.frame));
  protocol::DenominationTable table;
  for (const SignedDocument& document : file.lists) {
    CAFE_ASSIGN_OR_RETURN(const auto list, protocol::DenominationList::decode(document.frame));
    table.add(list);
  }
  return content_of(std::move(claim), table, file.loads);
}

}  // namespace cafe::recovery
