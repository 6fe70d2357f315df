// The part of the audit that goes through the archive of deposits, and the sums that all parts
// compare.
#pragma once

#include <map>

#include "libs/protocol/denomination.h"
#include "tools/cafectl/audit.h"

namespace cafe::cafectl {

// The signed sum of a ledger account kind by account, of postings of one kind.
using Sums = std::map<std::string, int64_t>;  // by account_name

// "owner currency", the owner in hexadecimal.
std::string account_name(protocol::ByteView owner, const std::string& currency);

// What the published lists say of a denomination.
struct PublishedDenomination {
  std::string issuer_id;
  std::string currency;
  protocol::Kind kind = protocol::Kind::kCoin;
  uint64_t value = 0;  // of all its slots, minor units
  uint64_t deposit_until = 0;
  bool retained = true;   // false: its spent slots were dropped, their retention being over
  bool loadtest = false;  // anyone can make its coins
};
// Every denomination that was ever published, by its id in hexadecimal.
using Published = std::map<std::string, PublishedDenomination>;
absl::StatusOr<Published> published_denominations(storage::Transaction& tx);

absl::StatusOr<Sums> ledger_sums(storage::Transaction& tx, std::string_view account_kind,
                                 std::string_view posting_kind);

// Notes every owner for whom the documents say another sum than the ledger, in accounts and
// postings of these kinds.
absl::Status compare_with_ledger(storage::Transaction& tx, AuditCheck& check, const Sums& expected,
                                 std::string_view account_kind, std::string_view posting_kind,
                                 const std::string& subject);

struct ReceiptChecks {
  AuditCheck receipts{
      .name = "receipts",
      .rule =
          "every receipt is signed, answers its own order, and has one verdict for each payment"};
  AuditCheck store{.name = "coin store",
                   .rule =
                       "every slot that a receipt accepts or calls spent before has its row in the "
                       "coin store, at its place"};
  AuditCheck credits{
      .name = "credits",
      .rule =
          "payees and account holders are credited, and denominations debited, what the receipts "
          "say"};
  AuditCheck cheque_spends{
      .name = "cheque spends",
      .rule =
          "every spend of a cheque that a receipt credits is kept with its place, as long as the "
          "cheque may be claimed, and no other is"};
  Sums payees;         // credited
  Sums holders;        // credited: customers who paid money back into their accounts
  Sums denominations;  // coins deposited, negative
  Sums cheques;        // deposited, by account of loads, negative: what the issuer bore included
  Sums losses;         // of coins spent before, negative
  uint64_t first_spends = 0;
  uint64_t shown_ticks = 0;    // slots that paid ticks, each time that more of them were shown
  uint64_t loadtest_rows = 0;  // in the coin store, of no payment
  Published published;
};

// Every batch that is done, against its receipt, its rows in the coin store and the ledger, but for
// what cheques took and what the issuer bore: check_cheques compares those.
absl::StatusOr<ReceiptChecks> check_receipts(storage::Transaction& tx,
                                             const std::optional<protocol::TrustAnchors>& anchors,
                                             uint64_t& in_progress);

}  // namespace cafe::cafectl
