#include "tools/cafectl/audit.h"

#include "libs/protocol/case_file.h"
#include "libs/protocol/withdrawal.h"
#include "libs/storage/ledger.h"
#include "tools/cafectl/audit_cheques.h"
#include "tools/cafectl/audit_claims.h"
#include "tools/cafectl/audit_loadtest.h"
#include "tools/cafectl/audit_losses.h"
#include "tools/cafectl/audit_receipts.h"

namespace cafe::cafectl {

using protocol::Bytes;
using protocol::ByteView;
using storage::Row;
using storage::Rows;
using storage::Transaction;

void AuditCheck::violated(std::string what) {
  ++violation_count;
  if (violations.size() < kMaxViolations) violations.push_back(std::move(what));
}

bool Audit::passed() const {
  for (const AuditCheck& check : checks) {
    if (check.violation_count > 0) return false;
  }
  return true;
}

Json Audit::to_json() const {
  Json rows = Json::array();
  for (const AuditCheck& check : checks) {
    Json row{{"check", check.name},
             {"result", check.violation_count == 0 ? "pass" : "fail"},
             {"examined", check.examined},
             {"rule", check.rule}};
    if (check.violation_count > 0) {
      row["violations"] = check.violation_count;
      row["first"] = check.violations;
    }
    rows.push_back(row);
  }
  Json json{{"result", passed() ? "pass" : "fail"},
            {"checks", rows},
            {"batches_in_progress", batches_in_progress},
            {"cases_in_progress", cases_in_progress}};
  json.update(more);
  return json;
}

namespace {

absl::StatusOr<AuditCheck> check_books(Transaction& tx) {
  AuditCheck check{.name = "ledger",
                   .rule =
                       "every posting sums to zero; balances are the sums of their entries; "
                       "guarded ones are not negative"};
  CAFE_ASSIGN_OR_RETURN(const auto discrepancies, storage::audit_ledger(tx));
  CAFE_ASSIGN_OR_RETURN(const Rows rows, tx.query("SELECT count(*) FROM ledger.posting"));
  check.examined = rows.front().get<uint64_t>(0);
  for (const auto& d : discrepancies) check.violated(d.check + " " + d.subject + ": " + d.detail);
  return check;
}

absl::StatusOr<AuditCheck> check_issued(Transaction& tx) {
  AuditCheck check{.name = "issued",
                   .rule =
                       "for each denomination, issued >= deposited + recovered; the ledger's issue "
                       "is the sum of completed orders"};
  CAFE_ASSIGN_OR_RETURN(
      const Rows issued,
      tx.query(
          "SELECT encode(denom_id, 'hex'), sum(value)::bigint FROM withdrawal.issued GROUP BY 1"));
  CAFE_ASSIGN_OR_RETURN(Published published, published_denominations(tx));
  Sums orders;
  for (const Row row : issued) {
    const auto denomination = row.get<std::string>(0);
    orders[denomination + " " + published[denomination].currency] = row.get<int64_t>(1);
  }
  CAFE_RETURN_IF_ERROR(compare_with_ledger(tx, check, orders, storage::account_kind::kCoins,
                                           "withdrawal", "denomination"));
  CAFE_ASSIGN_OR_RETURN(const Rows outstanding,
                        tx.query("SELECT encode(a.owner, 'hex'), sum(e.amount)::bigint FROM "
                                 "ledger.account a JOIN ledger.entry e ON e.account_id = a.id "
                                 "WHERE a.kind = 'coins' GROUP BY 1 HAVING sum(e.amount) < 0"));
  for (const Row row : outstanding)
    check.violated("denomination " + row.get<std::string>(0) +
                   ": more came back than was issued, by " + std::to_string(-row.get<int64_t>(1)));
  return check;
}

// Completed orders against their signed documents.
absl::StatusOr<AuditCheck> check_orders(Transaction& tx) {
  AuditCheck check{.name = "orders",
                   .rule =
                       "every account's completed orders are numbered 1, 2, 3, ...; each has its "
                       "lines, and debits what its signed completion says"};
  CAFE_ASSIGN_OR_RETURN(
      const Rows chain,
      tx.query("SELECT encode(a.account_id, 'hex'), a.last_order, count(o.n), coalesce(max(o.n), "
               "0) FROM withdrawal.account a "
               "LEFT JOIN withdrawal.completed_order o USING (account_id) GROUP BY a.account_id "
               "HAVING a.last_order <> count(o.n) OR a.last_order <> coalesce(max(o.n), 0)"));
  for (const Row row : chain)
    check.violated("account " + row.get<std::string>(0) + ": the chain of orders has a gap");
  // Debits by customer and currency, from the completions.
  Sums debited;
  Bytes after_account;
  int64_t after_n = 0;
  for (;;) {
    CAFE_ASSIGN_OR_RETURN(
        const Rows rows,
        tx.query(
            "SELECT account_id, n, order_digest, completion, (SELECT coalesce(sum(i.value), "
            "0)::bigint FROM withdrawal.issued i "
            "WHERE i.account_id = o.account_id AND i.n = o.n) FROM withdrawal.completed_order o "
            "WHERE (account_id, n) > ($1, $2) ORDER BY account_id, n LIMIT 1000",
            after_account, after_n));
    if (rows.empty()) break;
    for (const Row row : rows) {
      after_account = row.get<Bytes>(0);
      after_n = row.get<int64_t>(1);
      ++check.examined;
      const std::string subject =
          "order " + std::to_string(after_n) + " of account " + protocol::to_hex(after_account);
      const auto document = protocol::SignedDocument::decode(row.get<Bytes>(3));
      const auto completion =
          document.ok() ? protocol::Completion::decode(document->frame) : document.status();
      if (!completion.ok()) {
        check.violated(subject + ": the stored completion cannot be read");
        continue;
      }
      if (protocol::to_bytes(completion->order_digest) != row.get<Bytes>(2))
        check.violated(subject + ": the completion answers another order");
      int64_t total = 0;
      for (const auto& debit : completion->debits) {
        total += static_cast<int64_t>(debit.amount);
        debited[account_name(after_account, debit.currency)] -= static_cast<int64_t>(debit.amount);
      }
      if (total != row.get<int64_t>(4))
        check.violated(subject + ": its lines do not sum to what it debits");
    }
  }
  CAFE_RETURN_IF_ERROR(compare_with_ledger(tx, check, debited, storage::account_kind::kCustomer,
                                           "withdrawal", "customer"));
  return check;
}

absl::StatusOr<AuditCheck> check_cases(Transaction& tx,
                                       const std::optional<protocol::TrustAnchors>& anchors,
                                       uint64_t& in_progress) {
  AuditCheck check{.name = "cases",
                   .rule =
                       "every second spend has a case; every proved case verifies with public "
                       "keys; the first one closed its account"};
  CAFE_ASSIGN_OR_RETURN(
      const Rows rows,
      tx.query("SELECT c.number, c.state, c.signed_case, c.first_of_account, a.closed_at IS NOT "
               "NULL, c.account_closed_ms IS NOT NULL FROM coinstore.cases c "
               "LEFT JOIN withdrawal.account a ON a.account_id = c.account_id ORDER BY c.number"));
  for (const Row row : rows) {
    ++check.examined;
    const std::string subject = "case " + std::to_string(row.get<int64_t>(0));
    const auto state = row.get<std::string>(1);
    if (state == "alarm") check.violated(subject + " is an alarm: see its note");
    if (state != "proved") {
      in_progress += state == "open" ? 1 : 0;
      continue;
    }
    if (anchors) {
      const auto signed_case = protocol::SignedCase::decode(row.get<Bytes>(2));
      const auto verdict =
          signed_case.ok() ? protocol::verify_case(*signed_case, *anchors) : signed_case.status();
      if (!verdict.ok()) check.violated(subject + ": " + std::string(verdict.status().message()));
    }
    if (row.get<bool>(3) && row.get<bool>(5) && !row.get<std::optional<bool>>(4).value_or(false))
      check.violated(subject + ": the account is not closed");
  }
  CAFE_ASSIGN_OR_RETURN(
      const Rows lost,
      tx.query("SELECT count(*) FROM coinstore.double_spend d LEFT JOIN coinstore.cases c ON "
               "c.number = d.case_number WHERE c.number IS NULL"));
  if (lost.front().get<int64_t>(0) != 0)
    check.violated("second spends without a case: " + std::to_string(lost.front().get<int64_t>(0)));
  return check;
}

}  // namespace

absl::StatusOr<Audit> run_audit(Transaction& tx, const std::optional<storage::TrustFile>& trust) {
  std::optional<protocol::TrustAnchors> anchors;
  if (trust.has_value()) anchors = trust->anchors;
  Audit audit;
  CAFE_ASSIGN_OR_RETURN(AuditCheck books, check_books(tx));
  CAFE_ASSIGN_OR_RETURN(AuditCheck issued, check_issued(tx));
  CAFE_ASSIGN_OR_RETURN(AuditCheck orders, check_orders(tx));
  CAFE_ASSIGN_OR_RETURN(ReceiptChecks receipts,
                        check_receipts(tx, anchors, audit.batches_in_progress));
  CAFE_ASSIGN_OR_RETURN(LoadtestAudit loadtest,
                        check_loadtest(tx, receipts.published, receipts.loadtest_rows));
  loadtest.add_to(receipts.published, audit.more);
  CAFE_ASSIGN_OR_RETURN(LossAudit losses, check_losses(tx, anchors));
  audit.more["moves_in_progress"] = losses.moves_in_progress;
  CAFE_ASSIGN_OR_RETURN(ClaimAudit claims, check_claims(tx, anchors, receipts.published));
  claims.add_to(audit.more);
  CAFE_ASSIGN_OR_RETURN(ChequeAudit cheques,
                        check_cheques(tx, trust, receipts, loadtest.cheques, claims.cheques));
  cheques.add_to(audit.more);
  CAFE_ASSIGN_OR_RETURN(AuditCheck cases, check_cases(tx, anchors, audit.cases_in_progress));
  audit.checks = {std::move(books),
                  std::move(issued),
                  std::move(orders),
                  std::move(receipts.receipts),
                  std::move(receipts.store),
                  std::move(receipts.credits),
                  std::move(receipts.cheque_spends),
                  std::move(cheques.loads),
                  std::move(cheques.cheques),
                  std::move(cases),
                  std::move(losses.losses),
                  std::move(claims.claims),
                  std::move(loadtest.check)};
  return audit;
}

}  // namespace cafe::cafectl
