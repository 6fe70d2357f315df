#include "services/withdrawal/load_rules.h"

#include <algorithm>

#include "libs/protocol/amount.h"
#include "libs/storage/ledger_accounts.h"

namespace cafe::withdrawal {

using protocol::refused;

absl::Status check_load_sequence(uint64_t last_load, uint64_t sequence) {
  if (sequence == last_load + 1) return absl::OkStatus();
  return refused("LOAD_SEQUENCE", "The account's next load has the number " +
                                      std::to_string(last_load + 1) + ", not " +
                                      std::to_string(sequence) + ".");
}

absl::Status check_load_currency(const protocol::DenominationList& list, std::string_view currency,
                                 uint64_t now_s) {
  const bool any = std::any_of(
      list.denominations.begin(), list.denominations.end(), [&](const protocol::Denomination& d) {
        return d.kind == protocol::Kind::kCheque && d.currency == currency &&
               now_s < d.spend_until && !list.is_compromised(d.id());
      });
  if (any) return absl::OkStatus();
  return refused("CURRENCY_UNSUPPORTED", "This issuer has no cheques in " + std::string(currency) +
                                             ": load a currency of its newest list.");
}

absl::StatusOr<storage::Posting> posting_of(const protocol::LoadOrder& order) {
  CAFE_ASSIGN_OR_RETURN(const uint64_t fits, protocol::checked_add(order.amount, 0));
  const auto amount = static_cast<int64_t>(fits);
  storage::Posting posting{.kind = "load", .reference = {}, .lines = {}};
  protocol::append(posting.reference, order.account);
  protocol::append(posting.reference, protocol::encode_u64(order.sequence));
  posting.lines = {
      {.account = {std::string(storage::account_kind::kCustomer), protocol::to_bytes(order.account),
                   order.currency},
       .amount = -amount},
      {.account = storage::cheques_account(order.issuer_id, order.currency), .amount = amount}};
  return posting;
}

}  // namespace cafe::withdrawal
