#include "services/withdrawal/order_rules.h"

#include <map>

#include "libs/protocol/amount.h"

namespace cafe::withdrawal {
namespace {

using protocol::refused;

absl::Status check_entry(const DenominationBook::Entry* entry, const DenomSet& stopped,
                         const protocol::DenomId& id, uint64_t now_s, uint64_t slack_s) {
  if (entry == nullptr) {
    return refused("UNKNOWN_DENOMINATION", "The issuer's list does not hold denomination " +
                                               id.hex() + ": fetch the newest list.");
  }
  const protocol::Denomination& d = entry->denomination;
  if (entry->compromised || stopped.contains(id)) {
    return refused("DENOMINATION_STOPPED", "Denomination " + id.hex() +
                                               " was stopped: withdraw another one of the newest "
                                               "list.");
  }
  // No sum can wrap: a list's times are checked to be ordered, not to be small.
  const bool over = now_s >= d.withdraw_until && now_s - d.withdraw_until >= slack_s;
  if (now_s < d.withdraw_from || over) {
    return refused("DENOMINATION_NOT_OPEN",
                   "Denomination " + id.hex() +
                       " is not open for withdrawal now: withdraw one whose dates include today.");
  }
  if (!entry->key.has_value()) {
    return protocol::make_error(absl::StatusCode::kUnavailable, "KEY_UNAVAILABLE",
                                "The issuer cannot sign denomination " + id.hex() +
                                    " at the moment: withdraw another one, or try later.");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status check_chain(uint64_t last_order, uint64_t n) {
  if (n == last_order + 1) return absl::OkStatus();
  return refused("ORDER_NUMBER", "The account's next order has number " +
                                     std::to_string(last_order + 1) + ", not " + std::to_string(n) +
                                     ".");
}

absl::StatusOr<std::vector<const DenominationBook::Entry*>> select_lines(
    const DenominationBook& book, const DenomSet& stopped,
    std::span<const protocol::OrderLine> lines, uint64_t now_s, uint64_t slack_s) {
  CAFE_RETURN_IF_ERROR(protocol::check_lines(lines));
  std::vector<const DenominationBook::Entry*> entries;
  entries.reserve(lines.size());
  for (const protocol::OrderLine& line : lines) {
    const DenominationBook::Entry* entry = book.find(line.denom_id);
    CAFE_RETURN_IF_ERROR(check_entry(entry, stopped, line.denom_id, now_s, slack_s));
    entries.push_back(entry);
  }
  return entries;
}

std::vector<protocol::OrderLine> lines_of(const protocol::OpenAnswer& answer) {
  std::vector<protocol::OrderLine> lines;
  lines.reserve(answer.lines.size());
  for (const protocol::OpenedLine& line : answer.lines) {
    lines.push_back({line.denom_id, static_cast<uint32_t>(line.coins.size())});
  }
  return lines;
}

absl::StatusOr<uint64_t> line_value(const DenominationBook::Entry& entry, uint32_t count) {
  if (entry.denomination.kind == protocol::Kind::kCheque) return 0;
  return protocol::checked_multiply(entry.denomination.value(), count);
}

absl::StatusOr<std::vector<protocol::Completion::Debit>> price(
    std::span<const DenominationBook::Entry* const> entries,
    std::span<const protocol::OrderLine> lines) {
  std::map<std::string, uint64_t> sums;
  for (size_t i = 0; i < lines.size(); ++i) {
    CAFE_ASSIGN_OR_RETURN(const uint64_t value, line_value(*entries[i], lines[i].count));
    if (value == 0) continue;
    uint64_t& sum = sums[entries[i]->denomination.currency];
    CAFE_ASSIGN_OR_RETURN(sum, protocol::checked_add(sum, value));
  }
  std::vector<protocol::Completion::Debit> debits;
  for (const auto& [currency, amount] : sums) debits.push_back({currency, amount});
  return debits;
}

std::vector<protocol::Completion::Debit> likely_debits(const DenominationBook* book,
                                                       const DenomSet& stopped,
                                                       std::span<const protocol::OrderLine> lines,
                                                       uint64_t now_s, uint64_t slack_s) {
  if (book == nullptr) return {};
  const auto entries = select_lines(*book, stopped, lines, now_s, slack_s);
  if (!entries.ok()) return {};
  auto debits = price(*entries, lines);
  return debits.ok() ? *std::move(debits) : std::vector<protocol::Completion::Debit>{};
}

absl::Status insufficient_funds(std::string_view currency) {
  return refused("INSUFFICIENT_FUNDS", "The account holds less " + std::string(currency) +
                                           " than the order costs: pay in first, or order less.");
}

absl::StatusOr<std::vector<storage::Posting>> postings_of(
    const protocol::AccountId& account, uint64_t n,
    std::span<const DenominationBook::Entry* const> entries,
    std::span<const protocol::OrderLine> lines) {
  CAFE_ASSIGN_OR_RETURN(const auto debits, price(entries, lines));
  std::vector<storage::Posting> postings;
  for (const auto& debit : debits) {
    storage::Posting posting{.kind = "withdrawal", .reference = {}, .lines = {}};
    protocol::append(posting.reference, account);
    protocol::append(posting.reference, protocol::encode_u64(n));
    protocol::append(posting.reference, protocol::view_of(debit.currency));
    // Both fit: checked_add and checked_multiply stay within 2^63 - 1.
    posting.lines.push_back({.account = {std::string(storage::account_kind::kCustomer),
                                         protocol::to_bytes(account), debit.currency},
                             .amount = -static_cast<int64_t>(debit.amount)});
    for (size_t i = 0; i < lines.size(); ++i) {
      if (entries[i]->denomination.currency != debit.currency) continue;
      CAFE_ASSIGN_OR_RETURN(const uint64_t value, line_value(*entries[i], lines[i].count));
      if (value == 0) continue;
      posting.lines.push_back({.account = {std::string(storage::account_kind::kCoins),
                                           protocol::to_bytes(lines[i].denom_id), debit.currency},
                               .amount = static_cast<int64_t>(value)});
    }
    postings.push_back(std::move(posting));
  }
  return postings;
}

}  // namespace cafe::withdrawal
