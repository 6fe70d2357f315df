#include "services/recovery/postings.h"

#include "libs/storage/ledger_accounts.h"

namespace cafe::recovery {
namespace {

namespace kind = storage::account_kind;
using protocol::Bytes;
using protocol::to_bytes;
using storage::AccountRef;
using storage::LedgerLine;
using storage::Posting;

AccountRef account(std::string_view kind, Bytes owner, std::string_view currency) {
  return {.kind = std::string(kind), .owner = std::move(owner), .currency = std::string(currency)};
}

// The advances of what is drawn from the issuer's cheques.
AccountRef cheque_advances(std::string_view issuer_id, std::string_view currency) {
  return account(kind::kClaims, storage::cheques_account(issuer_id, currency).owner, currency);
}

Bytes reference_of(uint64_t number, std::string_view currency) {
  Bytes reference = to_bytes(protocol::encode_u64(number));
  protocol::append(reference, protocol::view_of(currency));
  return reference;
}

// A line for every advance of `left`, times `sign`.
void add_advances(std::string_view issuer_id, const std::string& currency, const Left& left,
                  int64_t sign, std::vector<LedgerLine>& lines) {
  for (const auto& [denom_id, amount] : left.coins) {
    lines.push_back({account(kind::kClaims, to_bytes(denom_id), currency),
                     sign * static_cast<int64_t>(amount)});
  }
  if (left.cheques > 0) {
    lines.push_back(
        {cheque_advances(issuer_id, currency), sign * static_cast<int64_t>(left.cheques)});
  }
}

}  // namespace

std::vector<Posting> credit_postings(uint64_t number, const protocol::AccountId& to,
                                     std::string_view issuer_id,
                                     const std::map<std::string, Left>& left) {
  std::vector<Posting> postings;
  for (const auto& [currency, in_currency] : left) {
    Posting posting{.kind = "claim", .reference = reference_of(number, currency), .lines = {}};
    add_advances(issuer_id, currency, in_currency, -1, posting.lines);
    posting.lines.push_back({account(kind::kCustomer, to_bytes(to), currency),
                             static_cast<int64_t>(in_currency.sum())});
    postings.push_back(std::move(posting));
  }
  return postings;
}

Posting charge_posting(uint64_t number, const protocol::AccountId& from, std::string_view issuer_id,
                       const Charge& charge) {
  Bytes reference = to_bytes(protocol::encode_u64(number));
  protocol::append(reference, protocol::encode_u32(charge.key.coin));
  protocol::append(reference, protocol::encode_u32(charge.key.slot));
  const std::string& currency = charge.denomination->currency;
  Posting posting{.kind = "claim_charge", .reference = std::move(reference), .lines = {}};
  if (charge.collected > 0) {
    posting.lines.push_back({account(kind::kCustomer, to_bytes(from), currency),
                             -static_cast<int64_t>(charge.collected)});
  }
  if (charge.value > charge.collected) {
    posting.lines.push_back({account(kind::kLoss, {}, currency),
                             -static_cast<int64_t>(charge.value - charge.collected)});
  }
  posting.lines.push_back(
      {charge.denomination->kind == protocol::Kind::kCoin
           ? account(kind::kClaims, to_bytes(charge.denomination->id()), currency)
           : cheque_advances(issuer_id, currency),
       static_cast<int64_t>(charge.value)});
  return posting;
}

std::vector<Posting> final_postings(uint64_t number, std::string_view issuer_id,
                                    const std::map<std::string, FinalDraw>& draws) {
  std::vector<Posting> postings;
  for (const auto& [currency, draw] : draws) {
    Posting posting{.kind = "recovery", .reference = reference_of(number, currency), .lines = {}};
    for (const auto& [denom_id, amount] : draw.left.coins) {
      posting.lines.push_back(
          {account(kind::kCoins, to_bytes(denom_id), currency), -static_cast<int64_t>(amount)});
    }
    if (draw.left.cheques > draw.borne) {
      posting.lines.push_back({storage::cheques_account(issuer_id, currency),
                               -static_cast<int64_t>(draw.left.cheques - draw.borne)});
    }
    if (draw.borne > 0) {
      posting.lines.push_back(
          {account(kind::kLoss, {}, currency), -static_cast<int64_t>(draw.borne)});
    }
    add_advances(issuer_id, currency, draw.left, 1, posting.lines);
    postings.push_back(std::move(posting));
  }
  return postings;
}

}  // namespace cafe::recovery
