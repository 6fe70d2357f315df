#include "services/doublespend/record_sql.h"

#include <array>

#include "services/doublespend/packing.h"

namespace cafe::doublespend {
namespace {

using protocol::Bytes;
using storage::Row;
using storage::Rows;
using storage::Transaction;

Place place_at(const Row& row, int batch_column) {
  return {.batch = row.get<uint64_t>(batch_column),
          .position = row.get<uint32_t>(batch_column + 1)};
}

StoredSpend stored_spend(const Row& row, int column) {
  return {.place = unpack_place(row.get<int64_t>(column)),
          .trace = unpack_trace(row.get<TraceBytes>(column + 1))};
}

}  // namespace

absl::StatusOr<int64_t> insert_spent(Transaction& tx, const SpendColumns& rows) {
  CAFE_ASSIGN_OR_RETURN(
      const Rows done,
      tx.query("INSERT INTO coinstore.spent (place, month, slot, coin_id, trace) "
               "SELECT unnest($1::bigint[]), unnest($2::smallint[]), unnest($3::smallint[]),"
               "       unnest($4::bytea[]), unnest($5::bytea[]) "
               "ON CONFLICT DO NOTHING",
               rows.places.bytes(), rows.keys.months.bytes(), rows.keys.slots.bytes(),
               rows.keys.coin_ids.bytes(), rows.traces.bytes()));
  return done.affected();
}

absl::StatusOr<std::vector<OtherSpend>> select_others(Transaction& tx, const SpendColumns& rows) {
  CAFE_ASSIGN_OR_RETURN(
      const Rows others,
      tx.query("SELECT i.i, s.place, s.trace "
               "FROM (SELECT generate_series(0, cardinality($1::bigint[]) - 1) AS i,"
               "             unnest($1::bigint[]) AS place, unnest($2::smallint[]) AS month,"
               "             unnest($3::smallint[]) AS slot, unnest($4::bytea[]) AS coin_id,"
               "             unnest($5::bytea[]) AS trace) AS i "
               "LEFT JOIN LATERAL ("
               "  SELECT place, trace FROM coinstore.spent s"
               "  WHERE s.month = i.month AND s.coin_id = i.coin_id AND s.slot = i.slot"
               "  OFFSET 0) s ON true "
               "WHERE s.place IS DISTINCT FROM i.place OR s.trace IS DISTINCT FROM i.trace",
               rows.places.bytes(), rows.keys.months.bytes(), rows.keys.slots.bytes(),
               rows.keys.coin_ids.bytes(), rows.traces.bytes()));
  std::vector<OtherSpend> found;
  found.reserve(static_cast<size_t>(others.size()));
  for (const Row row : others) {
    found.push_back({.row = row.get<size_t>(0), .first = std::nullopt});
    if (!row.is_null(1)) found.back().first = stored_spend(row, 1);
  }
  return found;
}

absl::StatusOr<std::vector<std::optional<StoredSpend>>> select_spent(Transaction& tx,
                                                                     const KeyColumns& keys,
                                                                     size_t count) {
  CAFE_ASSIGN_OR_RETURN(
      const Rows rows,
      tx.query("SELECT i.i, s.place, s.trace "
               "FROM (SELECT generate_series(0, cardinality($1::smallint[]) - 1) AS i,"
               "             unnest($1::smallint[]) AS month, unnest($2::smallint[]) AS slot,"
               "             unnest($3::bytea[]) AS coin_id) AS i "
               "CROSS JOIN LATERAL ("
               "  SELECT place, trace FROM coinstore.spent s"
               "  WHERE s.month = i.month AND s.coin_id = i.coin_id AND s.slot = i.slot"
               "  OFFSET 0) s",
               keys.months.bytes(), keys.slots.bytes(), keys.coin_ids.bytes()));
  std::vector<std::optional<StoredSpend>> found(count);
  for (const Row row : rows) found.at(row.get<size_t>(0)) = stored_spend(row, 1);
  return found;
}

absl::Status lock_ticks(Transaction& tx, std::span<const SpendRow> rows) {
  // A lock for each slot would be one too many for a large batch: slots share 256, by their coin's
  // first byte. Taken in ascending order.
  constexpr int32_t kTickLocks = 0x7469636b;
  std::array<bool, 256> wanted{};
  for (const SpendRow& row : rows) wanted[row.key.coin_id.bytes[0]] = true;
  storage::SmallintArray locks(rows.size());
  for (int16_t lock = 0; lock < 256; ++lock) {
    if (wanted[static_cast<size_t>(lock)]) locks.add(lock);
  }
  return tx
      .query(
          "SELECT count(pg_advisory_xact_lock($1::integer, l))"
          " FROM unnest($2::smallint[]) AS l",
          kTickLocks, locks.bytes())
      .status();
}

absl::StatusOr<std::vector<std::optional<TickLink>>> select_ticks(Transaction& tx,
                                                                  std::span<const SpendRow> rows) {
  KeyColumns keys(rows.size());
  storage::BigintArray ticks(rows.size());
  for (const SpendRow& row : rows) {
    keys.add(row.key);
    ticks.add(row.ticks);
  }
  CAFE_ASSIGN_OR_RETURN(
      const Rows links,
      tx.query("SELECT i.i, t.place, t.ticks_before, t.ticks "
               "FROM (SELECT generate_series(0, cardinality($1::smallint[]) - 1) AS i,"
               "             unnest($1::smallint[]) AS month, unnest($2::smallint[]) AS slot,"
               "             unnest($3::bytea[]) AS coin_id, unnest($4::bigint[]) AS ticks) AS i "
               "CROSS JOIN LATERAL ("
               "  SELECT place, ticks_before, ticks FROM coinstore.tick t"
               "  WHERE t.month = i.month AND t.coin_id = i.coin_id AND t.slot = i.slot"
               "    AND t.ticks_before < i.ticks"
               "  ORDER BY t.ticks_before DESC LIMIT 1) t",
               keys.months.bytes(), keys.slots.bytes(), keys.coin_ids.bytes(), ticks.bytes()));
  std::vector<std::optional<TickLink>> found(rows.size());
  for (const Row row : links) {
    found.at(row.get<size_t>(0)) = TickLink{.ticks_before = row.get<uint32_t>(2),
                                            .ticks = row.get<uint32_t>(3),
                                            .place = unpack_place(row.get<int64_t>(1))};
  }
  return found;
}

absl::Status insert_ticks(Transaction& tx, std::span<const SpendRow> rows,
                          std::span<const TickDecision::NewLink> links) {
  KeyColumns keys(links.size());
  storage::BigintArray places(links.size()), before(links.size()), ticks(links.size());
  for (const TickDecision::NewLink& made : links) {
    keys.add(rows[made.row].key);
    places.add(pack_place(made.link.place));
    before.add(made.link.ticks_before);
    ticks.add(made.link.ticks);
  }
  return tx
      .query(
          "INSERT INTO coinstore.tick (place, ticks_before, ticks, month, slot, coin_id) "
          "SELECT unnest($1::bigint[]), unnest($2::bigint[])::integer,"
          "       unnest($3::bigint[])::integer, unnest($4::smallint[]), unnest($5::smallint[]),"
          "       unnest($6::bytea[])",
          places.bytes(), before.bytes(), ticks.bytes(), keys.months.bytes(), keys.slots.bytes(),
          keys.coin_ids.bytes())
      .status();
}

absl::StatusOr<std::vector<std::optional<StoredDouble>>> select_doubles(
    Transaction& tx, std::span<const DoubleRow> rows) {
  Bytes packed;
  for (const DoubleRow& item : rows) {
    pack(packed, item.row.key.coin_id.bytes);
    pack(packed, item.row.trace.d);
    pack(packed, item.row.key.slot);
  }
  CAFE_ASSIGN_OR_RETURN(const Rows stored,
                        tx.query("SELECT i, s.batch, s.position, s.case_number "
                                 "FROM generate_series(0, octet_length($1::bytea) / 68 - 1) AS i "
                                 "CROSS JOIN LATERAL ("
                                 "  SELECT * FROM coinstore.double_spend s"
                                 "  WHERE s.coin_id = substr($1::bytea, i * 68 + 1, 32)"
                                 "    AND s.d = substr($1::bytea, i * 68 + 33, 32)"
                                 "    AND s.slot = cafe.u32_at($1::bytea, i * 68 + 64)::integer"
                                 "  OFFSET 0) s",
                                 packed));
  std::vector<std::optional<StoredDouble>> found(rows.size());
  for (const Row row : stored) {
    found.at(row.get<uint32_t>(0)) =
        StoredDouble{.place = place_at(row, 1), .case_number = row.get<uint64_t>(3)};
  }
  return found;
}

absl::Status insert_doubles(Transaction& tx, std::span<const DoubleRow> rows, uint64_t opened_ms) {
  Bytes packed;
  for (const DoubleRow& item : rows) {
    pack(packed, item.row);
    pack(packed, item.first.place.batch);
    pack(packed, item.first.place.position);
  }
  // Two sets without an index: the one statement here that needs a hash join (session_settings.h).
  CAFE_RETURN_IF_ERROR(tx.query("SELECT set_config('enable_hashjoin', 'on', true)").status());
  return tx
      .query(
          "WITH input AS MATERIALIZED ("
          "  SELECT i, substr($1::bytea, i * 164 + 1, 32) AS coin_id,"
          "         cafe.u64_at($1::bytea, i * 164 + 32) AS deposit_until,"
          "         cafe.u32_at($1::bytea, i * 164 + 40)::integer AS slot,"
          "         cafe.u32_at($1::bytea, i * 164 + 44)::integer AS position,"
          "         cafe.u64_at($1::bytea, i * 164 + 48) AS batch,"
          "         substr($1::bytea, i * 164 + 57, 32) AS d,"
          "         substr($1::bytea, i * 164 + 89, 32) AS r1,"
          "         substr($1::bytea, i * 164 + 121, 32) AS r2,"
          "         cafe.u64_at($1::bytea, i * 164 + 152) AS first_batch,"
          "         cafe.u32_at($1::bytea, i * 164 + 160)::integer AS first_position"
          "  FROM generate_series(0, octet_length($1::bytea) / 164 - 1) AS i), "
          "added AS ("
          "  INSERT INTO coinstore.double_spend AS s (deposit_until, batch, case_number, slot,"
          "                                           position, coin_id, d, r1, r2)"
          "  SELECT deposit_until, batch, nextval('coinstore.cases_number_seq'), slot, position,"
          "         coin_id, d, r1, r2"
          "  FROM (SELECT * FROM input ORDER BY i) AS sorted "
          "  ON CONFLICT (coin_id, slot, d) DO NOTHING"
          "  RETURNING s.case_number, s.coin_id, s.slot, s.d) "
          "INSERT INTO coinstore.cases (number, coin_id, slot, deposit_until, first_batch,"
          "                             first_position, second_batch, second_position, opened_ms) "
          "SELECT a.case_number, i.coin_id, i.slot, i.deposit_until, i.first_batch,"
          "       i.first_position, i.batch, i.position, $2::bigint "
          "FROM added a JOIN input i ON i.coin_id = a.coin_id AND i.slot = a.slot AND i.d = a.d",
          packed, opened_ms)
      .status();
}

}  // namespace cafe::doublespend
