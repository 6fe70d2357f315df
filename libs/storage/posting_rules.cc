#include "libs/storage/posting_rules.h"

#include <algorithm>
#include <map>

#include "libs/protocol/status.h"

namespace cafe::storage {
namespace {

constexpr size_t kMaxLines = 10000;

bool is_kind(std::string_view kind) {
  return !kind.empty() && kind.size() <= 32 && std::all_of(kind.begin(), kind.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || c == '_';
  });
}

bool is_currency(std::string_view currency) {
  return currency.size() == 3 &&
         std::all_of(currency.begin(), currency.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

absl::Status check_line(const LedgerLine& line, std::string_view currency) {
  if (line.amount == 0 || line.amount == INT64_MIN)
    return bad_posting("a line moves nothing, or more than 2^63-1");
  if (!is_kind(line.account.kind) || line.account.owner.size() > 64)
    return bad_posting("an account's kind or owner is malformed");
  if (line.account.currency != currency || !is_currency(currency))
    return bad_posting("the lines are not in one ISO 4217 currency");
  return absl::OkStatus();
}

}  // namespace

absl::Status bad_posting(std::string_view why) {
  return protocol::make_error(absl::StatusCode::kInvalidArgument, "BAD_POSTING",
                              "The movement cannot be posted: " + std::string(why) + ".");
}

absl::StatusOr<std::vector<LedgerLine>> normalised_lines(const Posting& posting) {
  if (!is_kind(posting.kind) || posting.reference.empty() || posting.reference.size() > 64)
    return bad_posting("its kind or reference is malformed");
  if (posting.lines.size() < 2 || posting.lines.size() > kMaxLines)
    return bad_posting("it has fewer than 2 lines or more than 10,000");
  const std::string& currency = posting.lines.front().account.currency;
  std::map<AccountRef, int64_t> totals;
  __int128 sum = 0;
  for (const LedgerLine& line : posting.lines) {
    CAFE_RETURN_IF_ERROR(check_line(line, currency));
    int64_t& total = totals[line.account];
    if (__builtin_add_overflow(total, line.amount, &total) || total == INT64_MIN)
      return bad_posting("the lines of one account add up to more than 2^63-1");
    sum += line.amount;
  }
  if (sum != 0) return bad_posting("its lines do not sum to zero");
  std::vector<LedgerLine> lines;
  for (const auto& [account, amount] : totals) {
    if (amount != 0) lines.push_back({account, amount});
  }
  if (lines.size() < 2) return bad_posting("its lines cancel each other");
  return lines;
}

}  // namespace cafe::storage
