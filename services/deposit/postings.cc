#include "services/deposit/postings.h"

#include "libs/protocol/amount.h"
#include "libs/storage/ledger_accounts.h"

namespace cafe::deposit {
namespace {

using protocol::Bytes;
using protocol::to_bytes;
using storage::AccountRef;
using storage::Posting;

Bytes reference_of(uint64_t batch, std::string_view currency) {
  Bytes reference = to_bytes(protocol::encode_u64(batch));
  protocol::append(reference, protocol::view_of(currency));
  return reference;
}

AccountRef account(std::string_view kind, Bytes owner, const std::string& currency) {
  return {.kind = std::string(kind), .owner = std::move(owner), .currency = currency};
}

AccountRef account_of(const Beneficiary& beneficiary, const std::string& currency) {
  namespace kind = storage::account_kind;
  return beneficiary.holder ? account(kind::kCustomer, to_bytes(*beneficiary.holder), currency)
                            : account(kind::kPayee, to_bytes(beneficiary.payee_id), currency);
}

}  // namespace

absl::StatusOr<std::vector<Posting>> postings_of(uint64_t batch, const Beneficiary& beneficiary,
                                                 const std::map<std::string, Movement>& movements) {
  namespace kind = storage::account_kind;
  std::vector<Posting> postings;
  for (const auto& [currency, movement] : movements) {
    Posting posting{.kind = "deposit", .reference = reference_of(batch, currency), .lines = {}};
    uint64_t total = movement.loss;
    for (const auto& [denom_id, amount] : movement.coins) {
      CAFE_ASSIGN_OR_RETURN(total, protocol::checked_add(total, amount));
      posting.lines.push_back(
          {account(kind::kCoins, to_bytes(denom_id), currency), -static_cast<int64_t>(amount)});
    }
    for (const auto& [issuer_id, amount] : movement.cheques) {
      if (amount == 0) continue;  // the losses bear all of it
      CAFE_ASSIGN_OR_RETURN(total, protocol::checked_add(total, amount));
      posting.lines.push_back(
          {storage::cheques_account(issuer_id, currency), -static_cast<int64_t>(amount)});
    }
    if (movement.loss > 0) {
      posting.lines.push_back(
          {account(kind::kLoss, {}, currency), -static_cast<int64_t>(movement.loss)});
    }
    posting.lines.push_back({account_of(beneficiary, currency), static_cast<int64_t>(total)});
    postings.push_back(std::move(posting));
  }
  return postings;
}

}  // namespace cafe::deposit
