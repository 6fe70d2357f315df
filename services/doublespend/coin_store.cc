#include "services/doublespend/coin_store.h"

#include <algorithm>
#include <numeric>

#include "libs/platform/failpoint.h"
#include "services/doublespend/packing.h"
#include "services/doublespend/record_sql.h"

namespace cafe::doublespend {
namespace {

using protocol::Bytes;
using protocol::Bytes32;
using protocol::CoinId;
using protocol::make_error;
using protocol::reason_of;
using storage::Row;
using storage::Rows;
using storage::Transaction;

// Look-ups by key must not become scans because a table looked small when its plan was cached.
absl::Status look_up_by_index(Transaction& tx) {
  return tx.run_script("SET LOCAL enable_seqscan = off");
}

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

// Verdicts of sorted rows.
absl::StatusOr<std::vector<RecordVerdict>> record_sorted(Transaction& tx,
                                                         std::span<const SpendRow> rows,
                                                         uint64_t now_ms) {
  std::vector<RecordVerdict> verdicts(rows.size());
  CAFE_ASSIGN_OR_RETURN(const std::vector<size_t> rest, insert_spent(tx, rows));
  if (rest.empty()) return verdicts;

  CAFE_RETURN_IF_ERROR(look_up_by_index(tx));
  std::vector<SlotKey> keys;
  for (const size_t i : rest) keys.push_back(rows[i].key);
  CAFE_ASSIGN_OR_RETURN(const auto firsts, select_spent(tx, keys));
  std::vector<DoubleRow> doubles;
  std::vector<RecordVerdict*> double_verdicts;
  for (size_t k = 0; k < rest.size(); ++k) {
    if (!firsts[k].has_value()) {
      return absl::InternalError("a slot was neither inserted nor there before");
    }
    const SpendRow& row = rows[rest[k]];
    RecordVerdict& verdict = verdicts[rest[k]];
    verdict = classify(row, *firsts[k]);
    if (verdict.outcome == Outcome::kDouble) {
      doubles.push_back({.row = row, .first = *firsts[k]});
      double_verdicts.push_back(&verdict);
    }
  }
  if (!doubles.empty()) {
    CAFE_RETURN_IF_ERROR(record_doubles(tx, doubles, now_ms, double_verdicts));
  }
  return verdicts;
}

absl::CivilMonth month_of(uint64_t deposit_until) {
  return absl::ToCivilMonth(absl::FromUnixSeconds(static_cast<int64_t>(deposit_until)),
                            absl::UTCTimeZone());
}

}  // namespace

absl::Status CoinStore::ensure_partitions(std::span<const SpendRow> rows) {
  std::map<absl::CivilMonth, SlotKey> example;
  std::map<absl::CivilMonth, uint64_t> wanted;
  {
    const std::lock_guard lock(mutex_);
    uint64_t last_deposit_until = 0;  // rows are sorted by coin, but most share one deadline
    absl::CivilMonth month;
    for (const SpendRow& row : rows) {
      if (row.key.deposit_until != last_deposit_until) {
        last_deposit_until = row.key.deposit_until;
        month = month_of(last_deposit_until);
      }
      const auto known = partitions_.find(month);
      if (known != partitions_.end() && known->second >= row.claim_until) continue;
      uint64_t& keep_until = wanted[month];
      keep_until = std::max(keep_until, row.claim_until);
      example[month] = row.key;
    }
  }
  for (const auto& [month, keep_until] : wanted) {
    CAFE_RETURN_IF_ERROR(database_.transaction({.idempotent = true}, [&](Transaction& tx) {
      return tx
          .query("SELECT coinstore.ensure_partition($1, $2)", example[month].deposit_until,
                 keep_until)
          .status();
    }));
    const std::lock_guard lock(mutex_);
    uint64_t& known = partitions_[month];
    known = std::max(known, keep_until);
  }
  return absl::OkStatus();
}

void CoinStore::forget_partitions() {
  const std::lock_guard lock(mutex_);
  partitions_.clear();
}

absl::StatusOr<std::vector<RecordVerdict>> CoinStore::record(std::span<const SpendRow> rows) {
  std::vector<size_t> order(rows.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return rows[a] < rows[b]; });
  std::vector<SpendRow> sorted;
  sorted.reserve(rows.size());
  for (const size_t i : order) sorted.push_back(rows[i]);

  const auto run = [&] {
    return database_.transaction(
        {.idempotent = true}, [&](Transaction& tx) -> absl::StatusOr<std::vector<RecordVerdict>> {
          CAFE_ASSIGN_OR_RETURN(auto verdicts,
                                record_sorted(tx, sorted, platform::unix_ms(clock_)));
          CAFE_RETURN_IF_ERROR(platform::failpoint("doublespend/after-insert-before-commit"));
          return verdicts;
        });
  };
  CAFE_RETURN_IF_ERROR(ensure_partitions(sorted));
  absl::StatusOr<std::vector<RecordVerdict>> verdicts = run();
  if (reason_of(verdicts.status()) == "CHECK_VIOLATION") {
    // That is also how PostgreSQL says that a partition is missing: this one was dropped since.
    forget_partitions();
    CAFE_RETURN_IF_ERROR(ensure_partitions(sorted));
    verdicts = run();
  }
  CAFE_RETURN_IF_ERROR(verdicts.status());
  CAFE_RETURN_IF_ERROR(platform::failpoint("doublespend/after-commit"));
  std::vector<RecordVerdict> in_order(rows.size());
  for (size_t k = 0; k < order.size(); ++k) in_order[order[k]] = (*verdicts)[k];
  return in_order;
}

absl::StatusOr<std::vector<uint64_t>> CoinStore::spent_slots(std::span<const CoinId> coins) {
  Bytes packed;
  for (const CoinId& coin : coins) pack(packed, coin.bytes);
  return database_.transaction(
      {.read_only = true, .idempotent = true},
      [&](Transaction& tx) -> absl::StatusOr<std::vector<uint64_t>> {
        CAFE_RETURN_IF_ERROR(look_up_by_index(tx));
        CAFE_ASSIGN_OR_RETURN(
            const Rows rows,
            tx.query("SELECT i, s.slot "
                     "FROM generate_series(0, octet_length($1::bytea) / 32 - 1) AS i "
                     "CROSS JOIN LATERAL ("
                     "  SELECT slot FROM coinstore.spent s"
                     "  WHERE s.coin_id = substr($1::bytea, i * 32 + 1, 32) OFFSET 0) s",
                     packed));
        std::vector<uint64_t> slots(coins.size());
        for (const Row row : rows) {
          slots.at(row.get<uint32_t>(0)) |= uint64_t{1} << row.get<uint32_t>(1);
        }
        return slots;
      });
}

namespace {

// What spends and reservations say about each slot.
absl::StatusOr<std::vector<SlotFacts>> read_facts(Transaction& tx,
                                                  std::span<const SlotToReserve> slots) {
  std::vector<SlotKey> keys;
  Bytes packed;
  for (const SlotToReserve& slot : slots) {
    keys.push_back(slot.key);
    pack(packed, slot.key);
  }
  CAFE_RETURN_IF_ERROR(look_up_by_index(tx));
  CAFE_ASSIGN_OR_RETURN(const auto spent, select_spent(tx, keys));
  CAFE_ASSIGN_OR_RETURN(const Rows holds,
                        tx.query("SELECT i, r.d, r.until_ms "
                                 "FROM generate_series(0, octet_length($1::bytea) / 44 - 1) AS i "
                                 "CROSS JOIN LATERAL ("
                                 "  SELECT * FROM coinstore.reservation r"
                                 "  WHERE r.coin_id = substr($1::bytea, i * 44 + 1, 32)"
                                 "    AND r.slot = cafe.u32_at($1::bytea, i * 44 + 40)::integer"
                                 "  OFFSET 0) r",
                                 packed));
  std::vector<SlotFacts> facts(slots.size());
  for (size_t i = 0; i < slots.size(); ++i) {
    if (spent[i].has_value()) facts[i].spent_d = spent[i]->trace.d;
  }
  for (const Row row : holds) {
    facts.at(row.get<uint32_t>(0)).hold =
        Hold{.d = row.get<Bytes32>(1), .until_ms = row.get<uint64_t>(2)};
  }
  return facts;
}

// False: another payment got one of the slots since its facts were read.
absl::StatusOr<bool> write_holds(Transaction& tx, std::span<const SlotToReserve> slots,
                                 uint64_t now_ms, uint64_t until_ms) {
  std::vector<SlotToReserve> sorted(slots.begin(), slots.end());
  std::sort(sorted.begin(), sorted.end(),
            [](const SlotToReserve& a, const SlotToReserve& b) { return a.key < b.key; });
  Bytes packed;
  for (const SlotToReserve& slot : sorted) {
    pack(packed, slot.key);
    pack(packed, slot.d);
  }
  CAFE_ASSIGN_OR_RETURN(
      const Rows written,
      tx.query("INSERT INTO coinstore.reservation AS r (until_ms, slot, coin_id, d) "
               "SELECT $3::bigint, cafe.u32_at($1::bytea, i * 76 + 40)::integer,"
               "       substr($1::bytea, i * 76 + 1, 32), substr($1::bytea, i * 76 + 45, 32) "
               "FROM generate_series(0, octet_length($1::bytea) / 76 - 1) AS i ORDER BY i "
               "ON CONFLICT (coin_id, slot) DO UPDATE"
               "  SET d = excluded.d, until_ms = CASE WHEN r.d = excluded.d"
               "    THEN greatest(r.until_ms, excluded.until_ms) ELSE excluded.until_ms END"
               "  WHERE r.d = excluded.d OR r.until_ms <= $2::bigint",
               packed, now_ms, until_ms));
  return written.affected() == static_cast<int64_t>(slots.size());
}

constexpr std::string_view kRaced = "RESERVATION_RACE";

}  // namespace

absl::StatusOr<ReserveResult> CoinStore::reserve(std::span<const SlotToReserve> slots,
                                                 uint64_t until_ms) {
  const uint64_t now_ms = platform::unix_ms(clock_);
  const auto run = [&] {
    return database_.transaction(
        {.idempotent = true}, [&](Transaction& tx) -> absl::StatusOr<ReserveResult> {
          CAFE_ASSIGN_OR_RETURN(const std::vector<SlotFacts> facts, read_facts(tx, slots));
          ReserveResult result;
          for (size_t i = 0; i < slots.size(); ++i) {
            result.states.push_back(decide_slot(slots[i].d, facts[i], now_ms));
          }
          result.granted = is_granted(result.states);
          if (!result.granted) return result;
          CAFE_ASSIGN_OR_RETURN(const bool all, write_holds(tx, slots, now_ms, until_ms));
          if (!all) {
            return make_error(absl::StatusCode::kAborted, kRaced,
                              "Another payment reserved a slot at the same time: try again.");
          }
          return result;
        });
  };
  absl::StatusOr<ReserveResult> result = run();
  // The rival has committed by now, so the next look finds its hold.
  for (int attempt = 1; attempt < 3 && reason_of(result.status()) == kRaced; ++attempt) {
    result = run();
  }
  return result;
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
  if (names.ok() && !names->empty()) forget_partitions();
  return names;
}

}  // namespace cafe::doublespend
