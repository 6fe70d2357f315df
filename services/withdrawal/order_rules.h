// What an order must keep to, decided from what is known, without database, clock or keys.
#pragma once

#include <span>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "libs/storage/ledger.h"
#include "services/withdrawal/denomination_book.h"

namespace cafe::withdrawal {

using DenomSet = absl::flat_hash_set<protocol::DenomId>;

// An order that was opened on the last second of a denomination may still complete in its time
// slot or the next.
inline constexpr uint64_t kCompletionSlack_s = 2 * protocol::kTimeSlot_s;

// Section 4: N is one more than that of the account's last completed order (ORDER_NUMBER, with the
// expected one in the message).
absl::Status check_chain(uint64_t last_order, uint64_t n);

// The book's entries for an order's lines, in order; all can be withdrawn at `now_s`.
//
// `slack_s`: how long after withdraw_until an order still passes: 0 for Open, kCompletionSlack_s
// for Complete. `stopped`: denominations that were stopped since the list was signed.
// Errors: BAD_ORDER, TOO_MANY_COINS, DENOMINATION_TWICE (check_lines); UNKNOWN_DENOMINATION,
// DENOMINATION_STOPPED, DENOMINATION_NOT_OPEN; UNAVAILABLE KEY_UNAVAILABLE.
absl::StatusOr<std::vector<const DenominationBook::Entry*>> select_lines(
    const DenominationBook& book, const DenomSet& stopped,
    std::span<const protocol::OrderLine> lines, uint64_t now_s, uint64_t slack_s);

// The lines of an answer to Open, as it was asked for.
std::vector<protocol::OrderLine> lines_of(const protocol::OpenAnswer& answer);

// What a line costs: its coins' summed slot values, minor units; 0 for blank cheques, which are
// paid for by loading the guardian. AMOUNT_OVERFLOW.
absl::StatusOr<uint64_t> line_value(const DenominationBook::Entry& entry, uint32_t count);

// What the order debits, by currency, ascending; nothing for blank cheques. AMOUNT_OVERFLOW.
absl::StatusOr<std::vector<protocol::Completion::Debit>> price(
    std::span<const DenominationBook::Entry* const> entries,
    std::span<const protocol::OrderLine> lines);

// What the order will cost if it turns out that it can be ordered; nothing where it cannot, or
// where `book` is null. For looking at the account's funds early.
std::vector<protocol::Completion::Debit> likely_debits(const DenominationBook* book,
                                                       const DenomSet& stopped,
                                                       std::span<const protocol::OrderLine> lines,
                                                       uint64_t now_s, uint64_t slack_s);

// FAILED_PRECONDITION INSUFFICIENT_FUNDS.
absl::Status insufficient_funds(std::string_view currency);

// The ledger's side of an order: for each currency one posting of kind "withdrawal", reference
// account id ‖ u64 N ‖ currency: the customer's account to the coins outstanding of each
// denomination of coins. AMOUNT_OVERFLOW.
absl::StatusOr<std::vector<storage::Posting>> postings_of(
    const protocol::AccountId& account, uint64_t n,
    std::span<const DenominationBook::Entry* const> entries,
    std::span<const protocol::OrderLine> lines);

}  // namespace cafe::withdrawal
