#include "libs/storage/ledger.h"

#include "libs/protocol/bytes.h"
#include "libs/protocol/status.h"
#include "libs/storage/array_param.h"
#include "libs/storage/posting_rules.h"

namespace cafe::storage {
namespace {

/// The columns of the lines as array literals: "{customer,coins}", {"\\x01","\\x02"}, {-5,5}.
/// Nothing in them needs quoting but the backslash of the hexadecimal form.
struct LineArrays {
  std::string kinds = "{", owners = "{", amounts = "{";

  explicit LineArrays(const std::vector<LedgerLine>& lines) {
    std::string_view comma;
    for (const LedgerLine& line : lines) {
      kinds.append(comma).append(line.account.kind);
      owners.append(comma)
          .append("\"\\\\x")
          .append(protocol::to_hex(line.account.owner))
          .append("\"");
      amounts.append(comma).append(std::to_string(line.amount));
      comma = ",";
    }
    for (std::string* column : {&kinds, &owners, &amounts}) column->append("}");
  }
};

/// Many postings, column by column: one element of the first two for each, of the others for each
/// line.
struct PostingColumns {
  ByteaArray references;
  TextArray currencies;
  BigintArray places;  // which posting a line is of, counted from 1
  TextArray kinds;
  ByteaArray owners;
  BigintArray amounts;
  int64_t count = 0;

  explicit PostingColumns(size_t postings)
      : references(postings, 43),
        currencies(postings, 3),
        places(2 * postings),
        kinds(2 * postings, 8),
        owners(2 * postings, 32),
        amounts(2 * postings) {}

  absl::Status add(const Posting& posting) {
    CAFE_ASSIGN_OR_RETURN(const std::vector<LedgerLine> lines, normalised_lines(posting));
    references.add(posting.reference);
    currencies.add(lines.front().account.currency);
    ++count;
    for (const LedgerLine& line : lines) {
      places.add(count);
      kinds.add(line.account.kind);
      owners.add(line.account.owner);
      amounts.add(line.amount);
    }
    return absl::OkStatus();
  }
};

class PostgresLedger : public Ledger {
 public:
  absl::StatusOr<int64_t> post(Transaction& tx, const Posting& posting) override {
    CAFE_ASSIGN_OR_RETURN(const std::vector<LedgerLine> lines, normalised_lines(posting));
    const LineArrays arrays(lines);
    CAFE_ASSIGN_OR_RETURN(
        Rows rows,
        tx.query("SELECT ledger.post($1::text, $2::bytea, $3::text, $4::text[], $5::bytea[], "
                 "$6::bigint[])",
                 posting.kind, posting.reference, lines.front().account.currency, arrays.kinds,
                 arrays.owners, arrays.amounts));
    return rows.front().get<int64_t>(0);
  }

  absl::Status post_all(Transaction& tx, std::span<const Posting> postings) override {
    if (postings.empty()) return absl::OkStatus();
    PostingColumns columns(postings.size());
    for (const Posting& posting : postings) {
      if (posting.kind != postings.front().kind) return bad_posting("not all are of one kind");
      CAFE_RETURN_IF_ERROR(columns.add(posting));
    }
    return tx
        .query(
            "SELECT ledger.post_all($1::text, $2::bytea[], $3::text[], $4::bigint[], "
            "$5::text[], $6::bytea[], $7::bigint[])",
            postings.front().kind, columns.references.bytes(), columns.currencies.bytes(),
            columns.places.bytes(), columns.kinds.bytes(), columns.owners.bytes(),
            columns.amounts.bytes())
        .status();
  }

  absl::StatusOr<int64_t> balance(Transaction& tx, const AccountRef& account) override {
    CAFE_ASSIGN_OR_RETURN(
        Rows rows, tx.query("SELECT ledger.balance_of($1::text, $2::bytea, $3::text)", account.kind,
                            account.owner, account.currency));
    return rows.front().get<int64_t>(0);
  }
};

}  // namespace

std::unique_ptr<Ledger> make_postgres_ledger() { return std::make_unique<PostgresLedger>(); }

absl::StatusOr<std::vector<LedgerDiscrepancy>> audit_ledger(Transaction& tx) {
  CAFE_ASSIGN_OR_RETURN(Rows rows,
                        tx.query("SELECT broken_rule, subject, detail FROM ledger.audit()"));
  std::vector<LedgerDiscrepancy> found;
  for (const Row row : rows) {
    found.push_back({.check = row.get<std::string>(0),
                     .subject = row.get<std::string>(1),
                     .detail = row.get<std::string>(2)});
  }
  return found;
}

}  // namespace cafe::storage
