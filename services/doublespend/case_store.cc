#include "services/doublespend/case_store.h"

#include <algorithm>

#include "libs/protocol/status.h"
#include "services/doublespend/columns.h"

namespace cafe::doublespend {
namespace {

using protocol::AccountId;
using protocol::Bytes;
using protocol::Bytes32;
using protocol::make_error;
using storage::Row;
using storage::Rows;
using storage::Transaction;

// The columns that read_summary reads, of a table or alias c.
#define CAFE_CASE_SUMMARY                                                                     \
  "c.number, c.state, c.coin_id, c.slot, c.deposit_until, c.account_id, c.first_of_account, " \
  "c.opened_ms, c.note"
constexpr int kSummaryColumns = 9;

CaseSummary read_summary(const Row& row) {
  CaseSummary summary{.number = row.get<uint64_t>(0),
                      .state = row.get<std::string>(1),
                      .key = {.coin_id = {row.get<Bytes32>(2)},
                              .slot = row.get<uint32_t>(3),
                              .deposit_until = row.get<uint64_t>(4)},
                      .account = std::nullopt,
                      .first_of_account = row.get<bool>(6),
                      .opened_ms = row.get<uint64_t>(7),
                      .note = row.get<std::string>(8)};
  if (const auto account = row.get<std::optional<Bytes32>>(5); account.has_value()) {
    summary.account = AccountId{*account};
  }
  return summary;
}

std::optional<Trace> read_trace(const Row& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return unpack_trace(row.get<TraceBytes>(column));
}

DueCase read_due(const Row& row) {
  constexpr int k = kSummaryColumns;
  return {.summary = read_summary(row),
          .first_place = {row.get<uint64_t>(k), row.get<uint32_t>(k + 1)},
          .second_place = {row.get<uint64_t>(k + 2), row.get<uint32_t>(k + 3)},
          .first = read_trace(row, k + 5),
          .second = read_trace(row, k + 6),
          .signed_case = row.get<std::optional<Bytes>>(k + 4).value_or(Bytes())};
}

// A note is for people: one short line, whatever a peer's message held.
std::string as_note(std::string_view text) {
  std::string note(text.substr(0, 500));
  std::replace_if(
      note.begin(), note.end(), [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return note;
}

}  // namespace

absl::StatusOr<std::vector<DueCase>> CaseStore::take_due(uint64_t now_ms, int limit) {
  return database_.transaction(
      {.idempotent = true}, [&](Transaction& tx) -> absl::StatusOr<std::vector<DueCase>> {
        CAFE_ASSIGN_OR_RETURN(
            const Rows rows,
            tx.query("WITH due AS ("
                     "  SELECT number FROM coinstore.cases"
                     "  WHERE (state = 'open' OR (first_of_account AND account_closed_ms IS NULL))"
                     "    AND next_attempt_ms <= $1::bigint"
                     "  ORDER BY number LIMIT $2 FOR UPDATE SKIP LOCKED), "
                     "c AS ("
                     "  UPDATE coinstore.cases SET attempts = attempts + 1, next_attempt_ms ="
                     "    $1::bigint + least(300000, 1000::bigint << least(attempts, 9))"
                     "  WHERE number IN (SELECT number FROM due) RETURNING *) "
                     "SELECT " CAFE_CASE_SUMMARY ", c.first_batch, c.first_position,"
                     "  c.second_batch, c.second_position, c.signed_case,"
                     "  s.trace, t.d || t.r1 || t.r2 "
                     "FROM c "
                     "LEFT JOIN coinstore.spent s ON s.coin_id = c.coin_id AND s.slot = c.slot"
                     "  AND s.month = coinstore.month_of(c.deposit_until) "
                     "LEFT JOIN coinstore.double_spend t ON t.case_number = c.number "
                     "ORDER BY c.number",
                     now_ms, limit));
        std::vector<DueCase> due;
        for (const Row row : rows) due.push_back(read_due(row));
        return due;
      });
}

absl::StatusOr<bool> CaseStore::store_proof(uint64_t number, const AccountId& account,
                                            protocol::ByteView signed_case) {
  const auto run = [&] {
    return database_.transaction(
        {.idempotent = true}, [&](Transaction& tx) -> absl::StatusOr<bool> {
          CAFE_RETURN_IF_ERROR(
              tx.query("UPDATE coinstore.cases c SET state = 'proved', account_id = $2,"
                       "  signed_case = $3, note = '', attempts = 0, first_of_account ="
                       "    NOT EXISTS (SELECT FROM coinstore.cases o"
                       "                WHERE o.account_id = $2 AND o.first_of_account) "
                       "WHERE c.number = $1 AND c.state = 'open'",
                       number, account.bytes, signed_case)
                  .status());
          CAFE_ASSIGN_OR_RETURN(
              const Rows rows,
              tx.query("SELECT first_of_account FROM coinstore.cases WHERE number = $1", number));
          return rows.front().get<bool>(0);
        });
  };
  absl::StatusOr<bool> first = run();
  if (storage::constraint_of(first.status()) == "cases_first_of_account") {
    first = run();  // another case of the account was first a moment ago, and is there to see now
  }
  return first;
}

absl::Status CaseStore::raise_alarm(uint64_t number, std::string_view note) {
  return database_.transaction({.idempotent = true}, [&](Transaction& tx) {
    return tx
        .query(
            "UPDATE coinstore.cases SET state = 'alarm', note = $2 "
            "WHERE number = $1 AND state = 'open'",
            number, as_note(note))
        .status();
  });
}

absl::Status CaseStore::set_note(uint64_t number, std::string_view note) {
  return database_.transaction({.idempotent = true}, [&](Transaction& tx) {
    return tx
        .query("UPDATE coinstore.cases SET note = $2 WHERE number = $1 AND state <> 'alarm'",
               number, as_note(note))
        .status();
  });
}

absl::Status CaseStore::mark_closed(uint64_t number, uint64_t now_ms) {
  return database_.transaction({.idempotent = true}, [&](Transaction& tx) {
    return tx
        .query(
            "UPDATE coinstore.cases SET account_closed_ms = $2, note = '' "
            "WHERE number = $1 AND first_of_account AND account_closed_ms IS NULL",
            number, now_ms)
        .status();
  });
}

absl::StatusOr<StoredCase> CaseStore::get(uint64_t number) {
  return database_.transaction(
      {.read_only = true, .idempotent = true}, [&](Transaction& tx) -> absl::StatusOr<StoredCase> {
        CAFE_ASSIGN_OR_RETURN(const Rows rows,
                              tx.query("SELECT " CAFE_CASE_SUMMARY ", c.signed_case "
                                       "FROM coinstore.cases c WHERE c.number = $1",
                                       number));
        if (rows.empty()) {
          return make_error(absl::StatusCode::kNotFound, "NO_SUCH_CASE",
                            "There is no case of this number: list the cases.");
        }
        const Row row = rows.front();
        return StoredCase{
            .summary = read_summary(row),
            .signed_case = row.get<std::optional<Bytes>>(kSummaryColumns).value_or(Bytes())};
      });
}

absl::StatusOr<std::vector<CaseSummary>> CaseStore::list(uint64_t after_number, uint32_t limit) {
  return database_.transaction({.read_only = true, .idempotent = true},
                               [&](Transaction& tx) -> absl::StatusOr<std::vector<CaseSummary>> {
                                 CAFE_ASSIGN_OR_RETURN(
                                     const Rows rows,
                                     tx.query("SELECT " CAFE_CASE_SUMMARY " FROM coinstore.cases c "
                                              "WHERE c.number > $1 ORDER BY c.number LIMIT $2",
                                              after_number, limit));
                                 std::vector<CaseSummary> cases;
                                 for (const Row row : rows) cases.push_back(read_summary(row));
                                 return cases;
                               });
}

absl::StatusOr<std::map<std::string, int64_t>> CaseStore::count_by_state() {
  return database_.transaction(
      {.read_only = true, .idempotent = true},
      [&](Transaction& tx) -> absl::StatusOr<std::map<std::string, int64_t>> {
        CAFE_ASSIGN_OR_RETURN(
            const Rows rows,
            tx.query("SELECT state, count(*) FROM coinstore.cases GROUP BY state"));
        std::map<std::string, int64_t> counts{{"open", 0}, {"proved", 0}, {"alarm", 0}};
        for (const Row row : rows) counts[row.get<std::string>(0)] = row.get<int64_t>(1);
        return counts;
      });
}

}  // namespace cafe::doublespend
