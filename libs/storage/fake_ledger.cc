#include "libs/storage/fake_ledger.h"

#include <algorithm>

#include "libs/protocol/status.h"
#include "libs/storage/posting_rules.h"

namespace cafe::storage {
namespace {

using protocol::make_error;

struct Kind {
  std::string_view name;
  std::string_view short_reason;  ///< empty: not guarded
};

// As ledger.account_kind in migrations/.
constexpr Kind kKinds[] = {
    {account_kind::kCustomer, "INSUFFICIENT_FUNDS"},
    {account_kind::kPayee, "INSUFFICIENT_FUNDS"},
    {account_kind::kCoins, "OVERDRAWN"},
    {account_kind::kCheques, "OVERDRAWN"},
    {account_kind::kCash, ""},
    {account_kind::kClaims, ""},
    {account_kind::kLoss, ""},
    {account_kind::kClearing, ""},
};

absl::Status no_server() {
  return make_error(absl::StatusCode::kUnimplemented, "NO_DATABASE",
                    "This transaction stands for none and runs no statement.");
}

}  // namespace

absl::StatusOr<Rows> FakeTransaction::execute(std::string_view, std::span<const Param>) {
  return no_server();
}

absl::Status FakeTransaction::run_script(std::string_view) { return no_server(); }

absl::StatusOr<int64_t> FakeLedger::post(Transaction&, const Posting& posting) {
  CAFE_ASSIGN_OR_RETURN(std::vector<LedgerLine> lines, normalised_lines(posting));
  const auto key = std::pair(posting.kind, posting.reference);
  if (const auto known = ids_.find(key); known != ids_.end()) {
    if (postings_[known->second - 1].lines == lines) return known->second;
    return make_error(absl::StatusCode::kAlreadyExists, "POSTING_CONFLICT",
                      posting.kind + " of this reference was posted before with other lines");
  }
  for (const LedgerLine& line : lines) {
    const Kind* kind = std::find_if(std::begin(kKinds), std::end(kKinds),
                                    [&](const Kind& k) { return k.name == line.account.kind; });
    if (kind == std::end(kKinds)) return bad_posting("there is no such kind of account");
    const auto held = balances_.find(line.account);
    int64_t amount = held == balances_.end() ? 0 : held->second;
    if (__builtin_add_overflow(amount, line.amount, &amount) || amount == INT64_MIN) {
      return make_error(absl::StatusCode::kFailedPrecondition, "BALANCE_OVERFLOW",
                        "The account would hold more than a balance can express.");
    }
    if (amount < 0 && !kind->short_reason.empty()) {
      return make_error(absl::StatusCode::kFailedPrecondition, kind->short_reason,
                        "The account holds less than " + posting.kind + " takes from it.");
    }
  }
  // From here on nothing can fail.
  for (const LedgerLine& line : lines) balances_[line.account] += line.amount;
  postings_.push_back({posting.kind, posting.reference, std::move(lines)});
  return ids_[key] = static_cast<int64_t>(postings_.size());
}

absl::Status FakeLedger::post_all(Transaction& tx, std::span<const Posting> postings) {
  for (const Posting& posting : postings) CAFE_RETURN_IF_ERROR(post(tx, posting).status());
  return absl::OkStatus();
}

absl::StatusOr<int64_t> FakeLedger::balance(Transaction&, const AccountRef& account) {
  const auto held = balances_.find(account);
  return held == balances_.end() ? 0 : held->second;
}

}  // namespace cafe::storage
