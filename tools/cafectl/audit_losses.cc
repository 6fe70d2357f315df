#include "tools/cafectl/audit_losses.h"

#include "libs/protocol/loss.h"
#include "libs/protocol/successor_consent.h"
#include "libs/storage/ledger.h"
#include "tools/cafectl/audit_claim_rows.h"

namespace cafe::cafectl {

using protocol::Authority;
using protocol::Bytes;
using protocol::SignedDocument;
using protocol::to_bytes;
using storage::Row;
using storage::Rows;
using storage::Transaction;

namespace {

absl::Status mismatch(const char* what) { return protocol::invalid("LOSS_MISMATCH", what); }

// A statement of the issuer's, and the account holder's request that it rests on, if there is one.
struct Statement {
  SignedDocument document;
  SignedDocument certificate;
  std::optional<SignedDocument> request;
};

absl::StatusOr<Statement> read_statement(const Bytes& document, const Bytes& certificate,
                                         const std::optional<Bytes>& request) {
  Statement out;
  CAFE_ASSIGN_OR_RETURN(out.document, SignedDocument::decode(document));
  CAFE_ASSIGN_OR_RETURN(out.certificate, SignedDocument::decode(certificate));
  if (request) {
    CAFE_ASSIGN_OR_RETURN(out.request, SignedDocument::decode(*request));
  }
  return out;
}

// Signed by the issuer at that time, on the request that it names, which the account's key signed,
// or on the operator's act where there is none.
absl::Status check_authority(const Statement& statement, uint64_t time_ms, Authority authority,
                             const protocol::Bytes32& request_digest, const Bytes& account_key,
                             const std::optional<protocol::TrustAnchors>& anchors) {
  if (anchors) {
    CAFE_ASSIGN_OR_RETURN(
        const auto certificate,
        protocol::open_key_certificate(statement.certificate, *anchors,
                                       protocol::kPurposeWithdrawal, time_ms / 1000));
    CAFE_RETURN_IF_ERROR(statement.document.check(certificate.key));
  }
  if ((authority == Authority::kAccountKey) != statement.request.has_value()) {
    return mismatch("its statement rests on something else than what is stored");
  }
  if (!statement.request) return absl::OkStatus();
  CAFE_ASSIGN_OR_RETURN(const auto K, protocol::Point::decode(account_key));
  CAFE_RETURN_IF_ERROR(statement.request->check(K));
  return statement.request->digest() == request_digest
             ? absl::OkStatus()
             : mismatch("its statement answers another request");
}

absl::Status check_loss(const Row& row, const std::optional<protocol::TrustAnchors>& anchors) {
  CAFE_ASSIGN_OR_RETURN(
      const Statement statement,
      read_statement(row.get<Bytes>(3), row.get<Bytes>(4), row.get<std::optional<Bytes>>(5)));
  CAFE_ASSIGN_OR_RETURN(const auto loss, protocol::LossRecorded::decode(statement.document.frame));
  if (to_bytes(loss.account) != row.get<Bytes>(0) || loss.last_order != row.get<uint64_t>(1) ||
      loss.last_load != row.get<uint64_t>(2)) {
    return mismatch("its row says something else than the signed statement");
  }
  CAFE_RETURN_IF_ERROR(check_authority(statement, loss.time_ms, loss.authority, loss.report_digest,
                                       row.get<Bytes>(6), anchors));
  if (statement.request) {
    CAFE_ASSIGN_OR_RETURN(const auto report,
                          protocol::LossReport::decode(statement.request->frame));
    if (report.account != loss.account) return mismatch("the report is of another account");
  }
  if (!row.get<bool>(7)) return mismatch("the account is not closed");
  if (loss.last_order != row.get<uint64_t>(8) || loss.last_load != row.get<uint64_t>(9)) {
    return mismatch("something was ordered or loaded after the account was lost");
  }
  return absl::OkStatus();
}

absl::Status check_replacement(const Row& row,
                               const std::optional<protocol::TrustAnchors>& anchors) {
  CAFE_ASSIGN_OR_RETURN(
      const Statement statement,
      read_statement(row.get<Bytes>(2), row.get<Bytes>(3), row.get<std::optional<Bytes>>(4)));
  CAFE_ASSIGN_OR_RETURN(const auto replaced, protocol::Replaced::decode(statement.document.frame));
  if (to_bytes(replaced.lost) != row.get<Bytes>(0) ||
      to_bytes(replaced.successor) != row.get<Bytes>(1)) {
    return mismatch("its successor is not the one in the signed statement");
  }
  CAFE_RETURN_IF_ERROR(check_authority(statement, replaced.time_ms, replaced.authority,
                                       replaced.request_digest, row.get<Bytes>(5), anchors));
  if (!statement.request) return absl::OkStatus();
  CAFE_ASSIGN_OR_RETURN(const auto request,
                        protocol::Replacement::decode(statement.request->frame));
  if (request.lost != replaced.lost || request.successor != replaced.successor) {
    return mismatch("the successor is not the one that the holder named");
  }
  CAFE_ASSIGN_OR_RETURN(const auto K, protocol::Point::decode(row.get<Bytes>(7)));
  return protocol::check_consent(*statement.request,
                                 row.get<std::optional<Bytes>>(6).value_or(Bytes{}), K);
}

// Notes what `check` says of each of `rows`, whose first column is the account.
template <typename Check>
absl::Status check_each(const Rows& rows, const char* what, AuditCheck& audit, Check check) {
  for (const Row row : rows) {
    ++audit.examined;
    const absl::Status status = check(row);
    if (status.ok()) continue;
    if (!is_of_documents(status)) return status;
    audit.violated(std::string(what) + " of account " + protocol::to_hex(row.get<Bytes>(0)) + ": " +
                   std::string(status.message()));
  }
  return absl::OkStatus();
}

absl::Status check_moves(Transaction& tx, LossAudit& audit) {
  CAFE_ASSIGN_OR_RETURN(
      const Rows rows,
      tx.query("SELECT m.lost, r.successor, m.currency, sum(m.amount)::bigint "
               "FROM withdrawal.replacement_move m JOIN withdrawal.replacement r USING (lost) "
               "GROUP BY m.lost, r.successor, m.currency"));
  Sums moved;
  for (const Row row : rows) {
    const auto currency = row.get<std::string>(2);
    moved[account_name(row.get<Bytes>(0), currency)] -= row.get<int64_t>(3);
    moved[account_name(row.get<Bytes>(1), currency)] += row.get<int64_t>(3);
  }
  CAFE_RETURN_IF_ERROR(compare_with_ledger(
      tx, audit.losses, moved, storage::account_kind::kCustomer, "replacement", "customer"));
  CAFE_ASSIGN_OR_RETURN(
      const Rows waiting,
      tx.query("SELECT count(*) FROM withdrawal.replacement r "
               "JOIN withdrawal.account l ON l.account_id = r.lost AND l.closed_case IS NULL "
               "WHERE EXISTS (SELECT FROM ledger.account a "
               "JOIN ledger.balance b ON b.account_id = a.id "
               "WHERE a.kind = 'customer' AND a.owner = r.lost AND b.amount > 0)"));
  audit.moves_in_progress = waiting.front().get<uint64_t>(0);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<LossAudit> check_losses(Transaction& tx,
                                       const std::optional<protocol::TrustAnchors>& anchors) {
  LossAudit audit;
  CAFE_ASSIGN_OR_RETURN(
      const Rows losses,
      tx.query("SELECT l.account_id, l.last_order, l.last_load, l.statement, c.document, l.report, "
               "a.k, a.closed_at IS NOT NULL, a.last_order, a.last_load "
               "FROM withdrawal.loss l JOIN withdrawal.key_certificate c ON c.digest = l.signed_by "
               "JOIN withdrawal.account a USING (account_id) ORDER BY l.account_id"));
  CAFE_RETURN_IF_ERROR(check_each(losses, "the loss", audit.losses,
                                  [&](const Row& row) { return check_loss(row, anchors); }));
  CAFE_ASSIGN_OR_RETURN(
      const Rows replacements,
      tx.query(
          "SELECT r.lost, r.successor, r.statement, c.document, r.request, a.k, r.consent, s.k "
          "FROM withdrawal.replacement r "
          "JOIN withdrawal.key_certificate c ON c.digest = r.signed_by "
          "JOIN withdrawal.account a ON a.account_id = r.lost "
          "JOIN withdrawal.account s ON s.account_id = r.successor ORDER BY r.lost"));
  CAFE_RETURN_IF_ERROR(check_each(replacements, "the replacement", audit.losses,
                                  [&](const Row& row) { return check_replacement(row, anchors); }));
  // Both rest on rows that others name, by foreign keys, so none of these is missing unless
  // somebody took them away.
  CAFE_ASSIGN_OR_RETURN(
      const Rows acts, tx.query("SELECT count(*) FROM withdrawal.operator_act o WHERE NOT EXISTS "
                                "(SELECT FROM withdrawal.loss l WHERE l.account_id = o.account_id "
                                "AND l.report IS NULL AND o.kind = 'loss') AND NOT EXISTS "
                                "(SELECT FROM withdrawal.replacement r WHERE r.lost = o.account_id "
                                "AND r.request IS NULL AND o.kind = 'replacement')"));
  if (const auto count = acts.front().get<uint64_t>(0); count > 0) {
    audit.losses.violated(std::to_string(count) + " acts of operators without what they did");
  }
  CAFE_RETURN_IF_ERROR(check_moves(tx, audit));
  return audit;
}

}  // namespace cafe::cafectl
