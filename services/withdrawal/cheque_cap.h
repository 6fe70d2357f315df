// Blank cheques cost nothing when they are issued, and a broken guardian writes out all of them. So
// what an account holds of them is capped (section 4, "Reconciliation").
#pragma once

#include <span>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "services/withdrawal/order_rules.h"

namespace cafe::withdrawal {

// The blank cheques of one line of an order.
struct BlankCheques {
  protocol::AccountId account;
  uint64_t n;
  protocol::DenomId denom_id;
  std::string currency;
  uint64_t worth;          // the most that all of the line's can be written out for, minor units
  uint64_t deposit_until;  // unix seconds
};

// The cheque lines of order N, none for most orders; entries and lines as select_lines takes and
// gives them. AMOUNT_OVERFLOW.
absl::StatusOr<std::vector<BlankCheques>> blank_cheques_of(
    const protocol::AccountId& account, uint64_t n,
    std::span<const DenominationBook::Entry* const> entries,
    std::span<const protocol::OrderLine> lines);

// What accounts hold in blank cheques whose deposit deadline is ahead, by account and currency.
// Who wrote some of them out meanwhile nobody can tell, so all count until then.
class HeldCheques {
 public:
  void add(const protocol::AccountId& account, const std::string& currency, uint64_t worth);
  uint64_t worth(const protocol::AccountId& account, const std::string& currency) const;

 private:
  absl::flat_hash_map<std::pair<protocol::AccountId, std::string>, uint64_t> worth_;
};

// CHEQUE_CAP where an order's cheques, with what its account holds already, would be worth more
// than `cap` minor units of a currency.
absl::Status check_cheque_cap(const HeldCheques& held, std::span<const BlankCheques> ordered,
                              uint64_t cap);

// Whether an order asks for cheques, as far as `book` knows its lines.
bool names_cheques(const DenominationBook& book, std::span<const protocol::OrderLine> lines);

// The statements, each one for any number of orders, and none where there is nothing to ask or add.
// Whoever lets the answer decide about an order has the accounts locked until its transaction ends.
absl::StatusOr<HeldCheques> held_cheques(storage::Transaction& tx,
                                         std::span<const protocol::AccountId> accounts,
                                         uint64_t now_s);
// Of lines that were recorded as issued.
absl::Status insert_blank_cheques(storage::Transaction& tx, std::span<const BlankCheques> cheques);

}  // namespace cafe::withdrawal
