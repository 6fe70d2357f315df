#include "services/withdrawal/account_records.h"
#include "services/withdrawal/loss_store.h"
#include "services/withdrawal/withdrawal_store.h"

namespace cafe::withdrawal {
namespace {

using storage::Row;
using storage::Rows;

absl::StatusOr<AccountRecord> read_account(Transaction& tx, const protocol::AccountId& account) {
  CAFE_ASSIGN_OR_RETURN(
      const Rows rows,
      tx.query("SELECT r.registration_file, r.receipt, a.closed_at IS NOT NULL, "
               "a.closed_case IS NOT NULL, l.statement, a.last_order, a.last_load "
               "FROM withdrawal.account a JOIN withdrawal.registration r USING (account_id) "
               "LEFT JOIN withdrawal.loss l USING (account_id) WHERE a.account_id = $1",
               account.bytes));
  if (rows.empty()) return unknown_account();
  const Row row = rows.front();
  const bool lost = !row.is_null(4);
  return AccountRecord{.registration_file = row.bytes(0),
                       .receipt = row.bytes(1),
                       .standing = standing_of(row.boolean(2), row.boolean(3), lost),
                       .loss_recorded = lost ? row.bytes(4) : protocol::Bytes{},
                       .successors = {},
                       .last_order = row.get<uint64_t>(5),
                       .last_load = row.get<uint64_t>(6),
                       .key_certificates = {}};
}

/// The chain ends: an account was open when it took another's place, and that one closed for good.
absl::StatusOr<std::vector<AccountRecord::Successor>> read_successors(
    Transaction& tx, const protocol::AccountId& account) {
  CAFE_ASSIGN_OR_RETURN(
      const Rows rows,
      tx.query("WITH RECURSIVE chain AS ("
               "SELECT r.successor, r.statement, 1 AS step FROM withdrawal.replacement r "
               "WHERE r.lost = $1 "
               "UNION ALL SELECT r.successor, r.statement, chain.step + 1 "
               "FROM chain JOIN withdrawal.replacement r ON r.lost = chain.successor) "
               "SELECT chain.statement, g.receipt FROM chain "
               "JOIN withdrawal.registration g ON g.account_id = chain.successor "
               "ORDER BY chain.step",
               account.bytes));
  std::vector<AccountRecord::Successor> successors;
  for (const Row row : rows) successors.push_back({row.bytes(0), row.bytes(1)});
  return successors;
}

}  // namespace

absl::StatusOr<AccountRecord> get_account(Issuer& issuer, const protocol::AccountId& account) {
  return issuer.db.transaction(
      {.isolation = storage::Isolation::kRepeatableRead, .read_only = true, .idempotent = true},
      [&](Transaction& tx) -> absl::StatusOr<AccountRecord> {
        CAFE_ASSIGN_OR_RETURN(auto record, read_account(tx, account));
        CAFE_ASSIGN_OR_RETURN(record.successors, read_successors(tx, account));
        CAFE_ASSIGN_OR_RETURN(record.key_certificates, kept_certificates(tx));
        return record;
      });
}

absl::Status register_key_certificates(Issuer& issuer) {
  return issuer.db.transaction({.idempotent = true}, [&](Transaction& tx) -> absl::Status {
    for (const protocol::Bytes& certificate : issuer.keys.certificates) {
      CAFE_ASSIGN_OR_RETURN(const auto document, protocol::SignedDocument::decode(certificate));
      CAFE_ASSIGN_OR_RETURN(const auto named, protocol::KeyCertificate::decode(document.frame));
      if (named.purpose != protocol::kPurposeWithdrawal || named.issuer_id != issuer.id()) continue;
      CAFE_RETURN_IF_ERROR(keep_certificate(tx, certificate));
    }
    return absl::OkStatus();
  });
}

}  // namespace cafe::withdrawal
