// The ledger: double entry, append-only, the only way in is post().
//
// Signs. A posting's lines sum to zero. Positive is a credit: what the issuer owes (or has
// reserved) grows. Negative is a debit. So liabilities ('customer', 'payee', 'coins', 'cheques')
// are >= 0 and assets and losses ('cash', 'loss', 'claims') run negative.
//
//   funding                 cash     -X   customer +X
//   withdrawal              customer -X   coins    +X
//   deposit                 coins    -X   payee    +X
//   double spend, credited  loss     -X   payee    +X
//   load of a guardian      customer -X   cheques  +X
//   lost account, replaced  customer -X   customer +X
//   claim, credited         claims   -X   customer +X
//   claimed, paid later     customer -X   claims   +X
//   claim, final            coins    -X   claims   +X
//
// 'coins' has one account for each denomination (owner = denom id): what is issued and outstanding.
// It is guarded, so "deposited + recovered <= issued" is a constraint: the posting that would break
// it fails with OVERDRAWN, the alarm of protocol.md section 4.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/storage/postgres.h"

namespace cafe::storage {

namespace account_kind {
inline constexpr std::string_view kCustomer = "customer";  ///< owner: account id, 32 bytes
inline constexpr std::string_view kPayee = "payee";        ///< owner: payee id, 16 bytes
inline constexpr std::string_view kCoins = "coins";        ///< owner: denom id, 32 bytes
inline constexpr std::string_view kCheques =
    "cheques";  ///< owner: digest of the issuer id, 32 bytes
inline constexpr std::string_view kClaims =
    "claims";  ///< owner: that of the 'coins' or 'cheques' it will be drawn from; advances
inline constexpr std::string_view kCash = "cash";  ///< owner: empty, or the bank's name
inline constexpr std::string_view kLoss = "loss";  ///< owner: empty, or the case
inline constexpr std::string_view kClearing =
    "clearing";  ///< owner: the other issuer's id; either sign
}  // namespace account_kind

/// An account, created by the first posting that names it.
struct AccountRef {
  std::string kind;
  std::vector<uint8_t> owner;  ///< at most 64 bytes
  std::string currency;        ///< ISO 4217, three capitals
  auto operator<=>(const AccountRef&) const = default;
};

struct LedgerLine {
  AccountRef account;
  int64_t amount = 0;  ///< minor units, not 0; see the signs above
  auto operator<=>(const LedgerLine&) const = default;
};

/// One movement. (kind, reference) is its idempotency key: the order, batch or receipt that it
/// carries out.
struct Posting {
  std::string kind;                ///< e.g. "withdrawal"; at most 32 of a-z and _
  std::vector<uint8_t> reference;  ///< 1 to 64 bytes
  std::vector<LedgerLine> lines;   ///< 2 to 10,000; one currency; sum 0; order does not matter
};

/// Movements and balances; the implementation is PostgreSQL's or FakeLedger's (fake_ledger.h).
class Ledger {
 public:
  virtual ~Ledger() = default;

  /// Posts within the caller's transaction and returns the posting's id. The same posting again
  /// (lines in any order) returns the same id and changes nothing.
  ///
  /// Errors: INVALID_ARGUMENT BAD_POSTING (line count, zero amount, unbalanced, currency, owner,
  /// overflow); ALREADY_EXISTS POSTING_CONFLICT (same key, other lines); FAILED_PRECONDITION
  /// INSUFFICIENT_FUNDS (a customer's, payee's or recovered balance would fall below zero),
  /// OVERDRAWN (more coins or cheques would come back than were issued: raise an alarm),
  /// BALANCE_OVERFLOW (above 2^63-1).
  virtual absl::StatusOr<int64_t> post(Transaction& tx, const Posting& posting) = 0;

  /// Posts all of them, of one kind and with references that differ (1 to 1,000 postings, 10,000
  /// lines at most), or none: the same checks and errors as post, at a fraction of its cost for
  /// each. Balances are judged by what all postings together change. None: nothing to do.
  virtual absl::Status post_all(Transaction& tx, std::span<const Posting> postings) = 0;

  /// The account's balance, 0 for one that no posting has named.
  virtual absl::StatusOr<int64_t> balance(Transaction& tx, const AccountRef& account) = 0;
};

/// The ledger of migrations/0002_ledger.sql.
std::unique_ptr<Ledger> make_postgres_ledger();

/// One thing that is wrong with the books.
struct LedgerDiscrepancy {
  std::string check;    ///< which rule is broken, e.g. "balance_differs_from_entries"
  std::string subject;  ///< the posting or account
  std::string detail;   ///< both sides of the comparison
};

/// Recomputes everything from the entries, as the operator's audit does. Empty = the books are
/// right. Run it in a repeatable-read transaction. Needs the operator's role.
absl::StatusOr<std::vector<LedgerDiscrepancy>> audit_ledger(Transaction& tx);

}  // namespace cafe::storage
