#include "tools/cafectl/audit.h"

#include <map>

#include "libs/protocol/case_file.h"
#include "libs/protocol/deposit.h"
#include "libs/protocol/withdrawal.h"
#include "libs/storage/ledger.h"

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
  return {{"result", passed() ? "pass" : "fail"},
          {"checks", rows},
          {"batches_in_progress", batches_in_progress},
          {"cases_in_progress", cases_in_progress}};
}

namespace {

constexpr int64_t kBatchesAtOnce = 50;

// The signed sum of a ledger account kind by owner, of postings of one kind.
using Sums = std::map<std::string, int64_t>;  // by hex of the owner

absl::StatusOr<Sums> ledger_sums(Transaction& tx, std::string_view account_kind,
                                 std::string_view posting_kind) {
  CAFE_ASSIGN_OR_RETURN(
      const Rows rows,
      tx.query("SELECT encode(a.owner, 'hex'), sum(e.amount)::bigint FROM ledger.entry e "
               "JOIN ledger.account a ON a.id = e.account_id JOIN ledger.posting p ON p.id = "
               "e.posting_id "
               "WHERE a.kind = $1 AND p.kind = $2 GROUP BY 1",
               account_kind, posting_kind));
  Sums sums;
  for (const Row row : rows) sums[row.get<std::string>(0)] = row.get<int64_t>(1);
  return sums;
}

void compare(AuditCheck& check, const Sums& expected, const Sums& found,
             const std::string& subject) {
  for (const auto& [owner, amount] : expected) {
    ++check.examined;
    const auto it = found.find(owner);
    const int64_t other = it == found.end() ? 0 : it->second;
    if (other != amount) {
      check.violated(subject + " " + owner + ": documents say " + std::to_string(amount) +
                     ", the ledger " + std::to_string(other));
    }
  }
  for (const auto& [owner, amount] : found) {
    if (!expected.contains(owner) && amount != 0) {
      check.violated(subject + " " + owner + ": the ledger has " + std::to_string(amount) +
                     " without a document");
    }
  }
}

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
  Sums orders;
  for (const Row row : issued) orders[row.get<std::string>(0)] = row.get<int64_t>(1);
  CAFE_ASSIGN_OR_RETURN(const Sums posted,
                        ledger_sums(tx, storage::account_kind::kCoins, "withdrawal"));
  compare(check, orders, posted, "denomination");
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
        debited[protocol::to_hex(after_account)] -= static_cast<int64_t>(debit.amount);
      }
      if (total != row.get<int64_t>(4))
        check.violated(subject + ": its lines do not sum to what it debits");
    }
  }
  CAFE_ASSIGN_OR_RETURN(const Sums posted,
                        ledger_sums(tx, storage::account_kind::kCustomer, "withdrawal"));
  compare(check, debited, posted, "customer");
  return check;
}

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
      .rule = "payees are credited, and denominations debited, what the receipts say"};
  Sums payees;         // credited
  Sums denominations;  // deposited, negative
  int64_t losses = 0;
  uint64_t first_spends = 0;
};

// The rows that one batch must have: packed (coin id ‖ u32 slot ‖ u32 position ‖ u8 double).
struct ExpectedRows {
  Bytes first;   // in coinstore.spent
  Bytes second;  // in coinstore.double_spend
};

void append_row(Bytes& to, const protocol::CoinId& coin, uint32_t slot, size_t payment,
                size_t spend) {
  protocol::append(to, coin);
  protocol::append(to, protocol::encode_u32(slot));
  protocol::append(
      to, protocol::encode_u32(static_cast<uint32_t>(payment * protocol::kMaxSpends + spend)));
}

absl::StatusOr<std::vector<Bytes>> split_archive(ByteView archive) {
  std::vector<Bytes> out;
  while (!archive.empty()) {
    if (archive.size() < 4)
      return protocol::invalid("TRUNCATED", "An archive ends inside a length.");
    const uint32_t length = protocol::decode_u32(archive.first<4>());
    if (archive.size() - 4 < length)
      return protocol::invalid("TRUNCATED", "An archive ends inside a payment.");
    out.push_back(protocol::to_bytes(archive.subspan(4, length)));
    archive = archive.subspan(4 + size_t{length});
  }
  return out;
}

// Adds one payment's verdicts to the sums and the rows that must be there; false where they do not
// fit the payment.
bool take_payment(const protocol::Payment& payment, const protocol::PaymentVerdict& verdict,
                  size_t index, ReceiptChecks& checks, ExpectedRows& rows) {
  if (verdict.slots.size() != payment.spends.size()) return false;
  uint64_t credited = 0;
  for (size_t j = 0; j < payment.spends.size(); ++j) {
    const protocol::SlotVerdict& slot = verdict.slots[j];
    const protocol::Coin& coin = payment.coins[payment.spends[j].coin];
    credited += slot.credited;
    switch (slot.code) {
      case protocol::VerdictCode::kAccepted:
        if (slot.credited != protocol::worth_of(payment.spends[j])) return false;
        checks.denominations[coin.denom_id.hex()] -= static_cast<int64_t>(slot.credited);
        append_row(rows.first, coin.id(), payment.spends[j].slot, index, j);
        ++checks.first_spends;
        break;
      case protocol::VerdictCode::kCreditedSpentBefore:
        if (slot.credited != protocol::worth_of(payment.spends[j])) return false;
        checks.losses += static_cast<int64_t>(slot.credited);
        [[fallthrough]];
      case protocol::VerdictCode::kSpentBefore:
        if (slot.case_number == 0 ||
            (slot.code == protocol::VerdictCode::kSpentBefore && slot.credited != 0))
          return false;
        append_row(rows.second, coin.id(), payment.spends[j].slot, index, j);
        break;
      default:
        if (slot.credited != 0) return false;
    }
  }
  return credited == verdict.credited;
}

absl::Status check_rows(Transaction& tx, int64_t batch, std::string_view sql, const Bytes& rows,
                        AuditCheck& check) {
  if (rows.empty()) return absl::OkStatus();
  check.examined += rows.size() / 40;
  CAFE_ASSIGN_OR_RETURN(const Rows missing, tx.query(sql, rows, batch));
  if (const auto count = missing.front().get<int64_t>(0); count > 0) {
    check.violated("batch " + std::to_string(batch) + ": " + std::to_string(count) +
                   " slots have no row at their place");
  }
  return absl::OkStatus();
}

constexpr std::string_view kMissingSpent =
    "SELECT count(*) FROM generate_series(0, octet_length($1::bytea) / 40 - 1) AS i WHERE NOT "
    "EXISTS (SELECT FROM coinstore.spent s "
    "WHERE s.coin_id = substr($1::bytea, i * 40 + 1, 32) AND s.slot = cafe.u32_at($1::bytea, i * "
    "40 + 32) AND s.batch = $2 "
    "AND s.position = cafe.u32_at($1::bytea, i * 40 + 36))";
constexpr std::string_view kMissingDouble =
    "SELECT count(*) FROM generate_series(0, octet_length($1::bytea) / 40 - 1) AS i WHERE NOT "
    "EXISTS (SELECT FROM coinstore.double_spend s "
    "WHERE s.coin_id = substr($1::bytea, i * 40 + 1, 32) AND s.slot = cafe.u32_at($1::bytea, i * "
    "40 + 32) AND s.batch = $2 "
    "AND s.position = cafe.u32_at($1::bytea, i * 40 + 36))";

struct BatchRow {
  int64_t batch;
  Bytes payee;
  Bytes signed_order;
  Bytes payments;
  Bytes receipt;
  Bytes key_certificate;
};

absl::Status verify_receipt(const BatchRow& row, const protocol::SignedDocument& document,
                            const std::optional<protocol::TrustAnchors>& anchors) {
  if (!anchors) return absl::OkStatus();
  CAFE_ASSIGN_OR_RETURN(const auto certificate_document,
                        protocol::SignedDocument::decode(row.key_certificate));
  CAFE_ASSIGN_OR_RETURN(const auto certificate,
                        protocol::open_key_certificate(certificate_document, *anchors,
                                                       protocol::kPurposeDeposit, std::nullopt));
  return document.check(certificate.key);
}

// One batch that is done; an error says what is wrong with its documents.
absl::Status check_batch(Transaction& tx, const BatchRow& row,
                         const std::optional<protocol::TrustAnchors>& anchors,
                         ReceiptChecks& checks) {
  ++checks.receipts.examined;
  CAFE_ASSIGN_OR_RETURN(const auto document, protocol::SignedDocument::decode(row.receipt));
  CAFE_RETURN_IF_ERROR(verify_receipt(row, document, anchors));
  CAFE_ASSIGN_OR_RETURN(const auto receipt, protocol::Receipt::decode(document.frame));
  CAFE_ASSIGN_OR_RETURN(const auto order, protocol::SignedDocument::decode(row.signed_order));
  CAFE_ASSIGN_OR_RETURN(const auto payments, split_archive(row.payments));
  if (receipt.order_digest != order.digest() || receipt.batch != static_cast<uint64_t>(row.batch) ||
      receipt.verdicts.size() != payments.size() ||
      protocol::to_bytes(receipt.payee_id) != row.payee) {
    return protocol::invalid("RECEIPT_MISMATCH", "the receipt answers another order");
  }
  ExpectedRows rows;
  for (size_t i = 0; i < payments.size(); ++i) {
    const protocol::PaymentVerdict& verdict = receipt.verdicts[i];
    if (verdict.credited > 0)
      checks.payees[protocol::to_hex(row.payee)] += static_cast<int64_t>(verdict.credited);
    if (verdict.code == protocol::VerdictCode::kRefused) {
      if (verdict.credited != 0)
        return protocol::invalid("REFUSED_CREDITED", "a refused payment is credited");
      continue;
    }
    CAFE_ASSIGN_OR_RETURN(const auto payment, protocol::Payment::decode(payments[i]));
    if (!take_payment(payment, verdict, i, checks, rows))
      return protocol::invalid("VERDICT_MISMATCH", "a verdict does not fit its payment");
  }
  CAFE_RETURN_IF_ERROR(check_rows(tx, row.batch, kMissingSpent, rows.first, checks.store));
  return check_rows(tx, row.batch, kMissingDouble, rows.second, checks.store);
}

absl::StatusOr<ReceiptChecks> check_receipts(Transaction& tx,
                                             const std::optional<protocol::TrustAnchors>& anchors,
                                             uint64_t& in_progress) {
  ReceiptChecks checks;
  for (int64_t after = 0;;) {
    CAFE_ASSIGN_OR_RETURN(const Rows rows,
                          tx.query("SELECT batch, payee_id, signed_order, payments, receipt, "
                                   "key_certificate FROM deposit.batch "
                                   "WHERE batch > $1 AND state = 'done' ORDER BY batch LIMIT $2",
                                   after, kBatchesAtOnce));
    if (rows.empty()) break;
    for (const Row row : rows) {
      const BatchRow batch{row.get<int64_t>(0), row.get<Bytes>(1), row.get<Bytes>(2),
                           row.get<Bytes>(3),   row.get<Bytes>(4), row.get<Bytes>(5)};
      after = batch.batch;
      if (const absl::Status status = check_batch(tx, batch, anchors, checks); !status.ok()) {
        // A broken statement is the audit's own failure; a broken document is what it looks for.
        if (status.code() != absl::StatusCode::kInvalidArgument &&
            status.code() != absl::StatusCode::kUnauthenticated)
          return status;
        checks.receipts.violated("batch " + std::to_string(batch.batch) + ": " +
                                 std::string(status.message()));
      }
    }
  }
  CAFE_ASSIGN_OR_RETURN(const Rows pending,
                        tx.query("SELECT count(*) FROM deposit.batch WHERE state = 'stored'"));
  in_progress = pending.front().get<uint64_t>(0);
  CAFE_ASSIGN_OR_RETURN(const Rows stored,
                        tx.query("SELECT count(*) FROM coinstore.spent s WHERE s.batch NOT IN "
                                 "(SELECT b.batch FROM deposit.batch b WHERE b.state = 'stored')"));
  if (const auto count = stored.front().get<uint64_t>(0); count != checks.first_spends) {
    checks.store.violated("the coin store holds " + std::to_string(count) +
                          " slots of finished batches, the receipts accept " +
                          std::to_string(checks.first_spends));
  }
  CAFE_ASSIGN_OR_RETURN(const Sums payees,
                        ledger_sums(tx, storage::account_kind::kPayee, "deposit"));
  compare(checks.credits, checks.payees, payees, "payee");
  CAFE_ASSIGN_OR_RETURN(const Sums coins,
                        ledger_sums(tx, storage::account_kind::kCoins, "deposit"));
  compare(checks.credits, checks.denominations, coins, "denomination");
  CAFE_ASSIGN_OR_RETURN(const Sums losses,
                        ledger_sums(tx, storage::account_kind::kLoss, "deposit"));
  Sums expected;
  if (checks.losses != 0) expected[""] = -checks.losses;
  compare(checks.credits, expected, losses, "losses");
  return checks;
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

absl::StatusOr<Audit> run_audit(Transaction& tx,
                                const std::optional<protocol::TrustAnchors>& anchors) {
  Audit audit;
  CAFE_ASSIGN_OR_RETURN(AuditCheck books, check_books(tx));
  CAFE_ASSIGN_OR_RETURN(AuditCheck issued, check_issued(tx));
  CAFE_ASSIGN_OR_RETURN(AuditCheck orders, check_orders(tx));
  CAFE_ASSIGN_OR_RETURN(ReceiptChecks receipts,
                        check_receipts(tx, anchors, audit.batches_in_progress));
  CAFE_ASSIGN_OR_RETURN(AuditCheck cases, check_cases(tx, anchors, audit.cases_in_progress));
  audit.checks = {std::move(books),          std::move(issued),
                  std::move(orders),         std::move(receipts.receipts),
                  std::move(receipts.store), std::move(receipts.credits),
                  std::move(cases)};
  return audit;
}

}  // namespace cafe::cafectl
