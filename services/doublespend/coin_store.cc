#include "services/doublespend/coin_store.h"

#include <algorithm>

#include "libs/platform/failpoint.h"
#include "libs/protocol/frame.h"
#include "services/doublespend/record_sql.h"
#include "services/doublespend/reserve_sql.h"

namespace cafe::doublespend {
namespace {

using protocol::CoinId;
using protocol::CoinPrefix;
using protocol::make_error;
using protocol::reason_of;
using storage::Row;
using storage::Rows;
using storage::Transaction;

// Stores the doubles among `rows` that are not stored yet, and finishes their verdicts.
absl::Status record_doubles(Transaction& tx, std::span<const DoubleRow> rows, uint64_t now_ms,
                            std::span<RecordVerdict* const> verdicts) {
  CAFE_ASSIGN_OR_RETURN(auto stored, select_doubles(tx, rows));
  std::vector<DoubleRow> missing;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (!stored[i].has_value()) missing.push_back(rows[i]);
  }
  if (!missing.empty()) {
    const auto same_spend = [](const DoubleRow& a, const DoubleRow& b) {
      return a.row.key == b.row.key && a.row.trace.d == b.row.trace.d;
    };
    std::stable_sort(missing.begin(), missing.end(), [](const DoubleRow& a, const DoubleRow& b) {
      return std::tie(a.row.key, a.row.trace.d, a.row.place) <
             std::tie(b.row.key, b.row.trace.d, b.row.place);
    });
    missing.erase(std::unique(missing.begin(), missing.end(), same_spend), missing.end());
    CAFE_RETURN_IF_ERROR(insert_doubles(tx, missing, now_ms));
    CAFE_ASSIGN_OR_RETURN(stored, select_doubles(tx, rows));
  }
  for (size_t i = 0; i < rows.size(); ++i) {
    if (!stored[i].has_value()) {
      return absl::InternalError("a double that was stored is not there");
    }
    *verdicts[i] = classify_double(rows[i].row, rows[i].first, *stored[i]);
  }
  return absl::OkStatus();
}

// Whether a row's ticks count: those of the slot's first spend and of the same one again, not those
// of a double, which is paid once at most.
bool counts_ticks(const SpendRow& row, const RecordVerdict& verdict) {
  return row.ticks > 0 && verdict.outcome != Outcome::kDouble && verdict.case_number == 0;
}

// Adds what sorted rows show of ticks to their slots' chains, and tells each row what stood before.
// `all_new`: no slot was there before these rows.
absl::Status record_ticks(Transaction& tx, std::span<const SpendRow> rows, bool all_new,
                          std::span<RecordVerdict> verdicts) {
  std::vector<SpendRow> shown;
  std::vector<RecordVerdict*> whose;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (!counts_ticks(rows[i], verdicts[i])) continue;
    shown.push_back(rows[i]);
    whose.push_back(&verdicts[i]);
  }
  if (shown.empty()) return absl::OkStatus();
  std::vector<std::optional<TickLink>> found(shown.size());
  if (!all_new) {
    // Slots that this transaction inserted are not seen by others yet; the chains of the rest are
    // read under a lock, so that deposits which race go on one from the other.
    CAFE_RETURN_IF_ERROR(lock_ticks(tx, shown));
    CAFE_ASSIGN_OR_RETURN(found, select_ticks(tx, shown));
  }
  const TickDecision decision = decide_ticks(shown, found);
  if (!decision.links.empty()) {
    CAFE_RETURN_IF_ERROR(insert_ticks(tx, shown, decision.links));
  }
  for (size_t i = 0; i < shown.size(); ++i) {
    if (whose[i]->outcome == Outcome::kFresh && decision.ticks_before[i] > 0) {
      // Never of our callers, which store a batch once: this place showed fewer ticks before.
      *whose[i] = {.outcome = Outcome::kRepeat, .other = shown[i].place};
    }
    whose[i]->ticks_before = decision.ticks_before[i];
  }
  return absl::OkStatus();
}

// Verdicts of sorted rows.
absl::StatusOr<std::vector<RecordVerdict>> record_sorted(Transaction& tx,
                                                         std::span<const SpendRow> rows,
                                                         uint64_t now_ms) {
  std::vector<RecordVerdict> verdicts(rows.size());
  const SpendColumns columns(rows);
  CAFE_ASSIGN_OR_RETURN(const int64_t inserted, insert_spent(tx, columns));
  if (inserted == static_cast<int64_t>(rows.size())) {
    CAFE_RETURN_IF_ERROR(record_ticks(tx, rows, true, verdicts));
    return verdicts;
  }

  // What a row was compared with is only visible to the next statement when another transaction
  // has just committed it. Asking which rows were inserted would slow down all for the sake of few.
  CAFE_ASSIGN_OR_RETURN(const std::vector<OtherSpend> others, select_others(tx, columns));
  std::vector<DoubleRow> doubles;
  std::vector<RecordVerdict*> double_verdicts;
  for (const OtherSpend& other : others) {
    if (!other.first.has_value()) {
      return absl::InternalError("a slot was neither inserted nor there before");
    }
    const SpendRow& row = rows[other.row];
    RecordVerdict& verdict = verdicts[other.row];
    verdict = classify(row, *other.first);
    if (verdict.outcome == Outcome::kDouble) {
      doubles.push_back({.row = row, .first = *other.first});
      double_verdicts.push_back(&verdict);
    }
  }
  if (!doubles.empty()) {
    CAFE_RETURN_IF_ERROR(record_doubles(tx, doubles, now_ms, double_verdicts));
  }
  CAFE_RETURN_IF_ERROR(record_ticks(tx, rows, false, verdicts));
  return verdicts;
}

// The order in which rows are written (spend_row.h), as indices. Coin ids are digests, so that
// their first eight bytes nearly always decide.
std::vector<uint32_t> writing_order(std::span<const SpendRow> rows) {
  std::vector<std::pair<uint64_t, uint32_t>> prefixes;
  prefixes.reserve(rows.size());
  for (uint32_t i = 0; i < rows.size(); ++i) {
    prefixes.emplace_back(protocol::decode_u64(std::span(rows[i].key.coin_id.bytes).first<8>()), i);
  }
  std::sort(prefixes.begin(), prefixes.end(), [&](const auto& a, const auto& b) {
    if (a.first != b.first) return a.first < b.first;
    if (rows[a.second] < rows[b.second]) return true;
    return !(rows[b.second] < rows[a.second]) && a.second < b.second;
  });
  std::vector<uint32_t> order;
  order.reserve(rows.size());
  for (const auto& [prefix, i] : prefixes) order.push_back(i);
  return order;
}

}  // namespace

absl::StatusOr<std::vector<RecordVerdict>> CoinStore::record(std::span<const SpendRow> rows) {
  const std::vector<uint32_t> order = writing_order(rows);
  std::vector<SpendRow> sorted;
  sorted.reserve(rows.size());
  for (const uint32_t i : order) sorted.push_back(rows[i]);

  std::vector<RecordVerdict> verdicts;
  CAFE_RETURN_IF_ERROR(partitions_.write(std::span<const SpendRow>(sorted), [&] {
    return database_.transaction({.idempotent = true}, [&](Transaction& tx) -> absl::Status {
      CAFE_ASSIGN_OR_RETURN(verdicts, record_sorted(tx, sorted, platform::unix_ms(clock_)));
      return platform::failpoint("doublespend/after-insert-before-commit");
    });
  }));
  CAFE_RETURN_IF_ERROR(platform::failpoint("doublespend/after-commit"));
  std::vector<RecordVerdict> in_order(rows.size());
  for (size_t k = 0; k < order.size(); ++k) in_order[order[k]] = verdicts[k];
  return in_order;
}

absl::StatusOr<std::vector<uint64_t>> CoinStore::spent_slots(std::span<const CoinId> coins) {
  storage::ByteaArray ids(coins.size(), 32);
  for (const CoinId& coin : coins) ids.add(coin);
  return database_.transaction(
      {.read_only = true, .idempotent = true},
      [&](Transaction& tx) -> absl::StatusOr<std::vector<uint64_t>> {
        // A look-up does not say the coin's month: each partition's index is asked, and no table.
        CAFE_ASSIGN_OR_RETURN(
            const Rows rows,
            tx.query("SELECT i.i, s.slot "
                     "FROM (SELECT generate_series(0, cardinality($1::bytea[]) - 1) AS i,"
                     "             unnest($1::bytea[]) AS coin_id) AS i "
                     "CROSS JOIN LATERAL ("
                     "  SELECT slot FROM coinstore.spent s WHERE s.coin_id = i.coin_id OFFSET 0) s",
                     ids.bytes()));
        std::vector<uint64_t> slots(coins.size());
        for (const Row row : rows) {
          slots.at(row.get<uint32_t>(0)) |= uint64_t{1} << row.get<uint32_t>(1);
        }
        return slots;
      });
}

absl::StatusOr<std::vector<std::vector<SpentSlot>>> CoinStore::spent_under(
    std::span<const CoinPrefix> prefixes) {
  storage::ByteaArray firsts(prefixes.size(), 32), lasts(prefixes.size(), 32);
  for (const CoinPrefix& prefix : prefixes) {
    const auto [first, last] = coins_under(prefix);
    firsts.add(first);
    lasts.add(last);
  }
  return database_.transaction(
      {.read_only = true, .idempotent = true, .single_statement = true},
      [&](Transaction& tx) -> absl::StatusOr<std::vector<std::vector<SpentSlot>>> {
        // A range of each partition's index in turn, until there are more than an answer holds.
        CAFE_ASSIGN_OR_RETURN(
            const Rows rows,
            tx.query("SELECT i.i, s.coin_id, s.slot "
                     "FROM (SELECT generate_series(0, cardinality($1::bytea[]) - 1) AS i,"
                     "             unnest($1::bytea[]) AS first, unnest($2::bytea[]) AS last) AS i "
                     "CROSS JOIN LATERAL ("
                     "  SELECT coin_id, slot FROM coinstore.spent s"
                     "  WHERE s.coin_id >= i.first AND s.coin_id <= i.last LIMIT $3::bigint) s",
                     firsts.bytes(), lasts.bytes(), protocol::kMaxPrefixSlots + 1));
        std::vector<std::vector<SpentSlot>> found(prefixes.size());
        for (const Row row : rows) {
          found.at(row.get<uint32_t>(0))
              .push_back({CoinId{row.get<protocol::Bytes32>(1)}, row.get<uint32_t>(2)});
        }
        return found;
      });
}

absl::StatusOr<std::vector<ReserveResult>> CoinStore::reserve(
    std::span<const ReserveOrder> orders) {
  std::vector<SlotKey> slots;
  for (const ReserveOrder& order : orders) {
    for (const SlotToReserve& slot : order.slots) slots.push_back(slot.key);
  }
  const uint64_t now_ms = platform::unix_ms(clock_);
  const auto run = [&] {
    return database_.transaction(
        {.idempotent = true}, [&](Transaction& tx) -> absl::StatusOr<std::vector<ReserveResult>> {
          CAFE_ASSIGN_OR_RETURN(const std::vector<SlotFacts> facts, select_facts(tx, slots));
          ReserveDecision decision = decide_orders(orders, facts, now_ms);
          if (decision.holds.empty()) return std::move(decision.results);
          CAFE_ASSIGN_OR_RETURN(const bool all, upsert_holds(tx, decision.holds, now_ms));
          if (!all) {
            return make_error(absl::StatusCode::kAborted, "RESERVATION_RACE",
                              "Another payment reserved a slot at the same time: try again.");
          }
          return std::move(decision.results);
        });
  };
  auto results = run();
  // The rival has committed by now, so the next look finds its hold.
  for (int attempt = 1; attempt < 3 && reason_of(results.status()) == "RESERVATION_RACE";
       ++attempt) {
    results = run();
  }
  return results;
}

absl::StatusOr<int64_t> CoinStore::sweep_reservations() {
  return database_.transaction(
      {.idempotent = true}, [&](Transaction& tx) -> absl::StatusOr<int64_t> {
        CAFE_ASSIGN_OR_RETURN(const Rows rows,
                              tx.query("DELETE FROM coinstore.reservation WHERE until_ms <= $1",
                                       platform::unix_ms(clock_)));
        return rows.affected();
      });
}

absl::StatusOr<std::vector<std::string>> CoinStore::drop_expired() {
  const auto names = database_.transaction(
      {.idempotent = true}, [&](Transaction& tx) -> absl::StatusOr<std::vector<std::string>> {
        CAFE_ASSIGN_OR_RETURN(const Rows rows,
                              tx.query("SELECT dropped FROM coinstore.drop_expired($1)",
                                       platform::unix_seconds(clock_)));
        std::vector<std::string> dropped;
        for (const Row row : rows) dropped.push_back(row.get<std::string>(0));
        return dropped;
      });
  if (names.ok() && !names->empty()) partitions_.forget();
  return names;
}

}  // namespace cafe::doublespend
