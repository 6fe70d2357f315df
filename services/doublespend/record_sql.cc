#include "services/doublespend/record_sql.h"

#include "services/doublespend/packing.h"

namespace cafe::doublespend {
namespace {

using protocol::Bytes;
using protocol::Bytes32;
using storage::Row;
using storage::Rows;
using storage::Transaction;

Place place_at(const Row& row, int batch_column) {
  return {.batch = row.get<uint64_t>(batch_column),
          .position = row.get<uint32_t>(batch_column + 1)};
}

}  // namespace

absl::StatusOr<std::vector<size_t>> insert_spent(Transaction& tx, std::span<const SpendRow> rows) {
  Bytes packed;
  packed.reserve(rows.size() * kPackedRowSize);
  for (const SpendRow& row : rows) pack(packed, row);
  // What a row was compared with is only visible to the next statement when another transaction
  // has just committed it; so this one tells which rows remain.
  CAFE_ASSIGN_OR_RETURN(
      const Rows rest,
      tx.query("WITH input AS MATERIALIZED ("
               "  SELECT i, substr($1::bytea, i * 152 + 1, 32) AS coin_id,"
               "         cafe.u64_at($1::bytea, i * 152 + 32) AS deposit_until,"
               "         cafe.u32_at($1::bytea, i * 152 + 40)::integer AS slot,"
               "         cafe.u32_at($1::bytea, i * 152 + 44)::integer AS position,"
               "         cafe.u64_at($1::bytea, i * 152 + 48) AS batch,"
               "         substr($1::bytea, i * 152 + 57, 32) AS d,"
               "         substr($1::bytea, i * 152 + 89, 32) AS r1,"
               "         substr($1::bytea, i * 152 + 121, 32) AS r2"
               "  FROM generate_series(0, octet_length($1::bytea) / 152 - 1) AS i), "
               "inserted AS ("
               "  INSERT INTO coinstore.spent AS s (deposit_until, batch, slot, position, coin_id,"
               "                                    d, r1, r2)"
               "  SELECT deposit_until, batch, slot, position, coin_id, d, r1, r2"
               "  FROM input ORDER BY i "
               "  ON CONFLICT DO NOTHING"
               "  RETURNING s.coin_id, s.slot, s.deposit_until, s.d, s.batch, s.position) "
               "SELECT i FROM input WHERE NOT EXISTS ("
               "  SELECT FROM inserted s"
               "  WHERE s.coin_id = input.coin_id AND s.slot = input.slot"
               "    AND s.deposit_until = input.deposit_until AND s.d = input.d"
               "    AND s.batch = input.batch AND s.position = input.position) "
               "ORDER BY i",
               packed));
  std::vector<size_t> indices;
  for (const Row row : rest) indices.push_back(row.get<uint32_t>(0));
  return indices;
}

absl::StatusOr<std::vector<std::optional<StoredSpend>>> select_spent(
    Transaction& tx, std::span<const SlotKey> keys) {
  Bytes packed;
  packed.reserve(keys.size() * kPackedKeySize);
  for (const SlotKey& key : keys) pack(packed, key);
  CAFE_ASSIGN_OR_RETURN(const Rows rows,
                        tx.query("SELECT i, s.batch, s.position, s.d, s.r1, s.r2 "
                                 "FROM generate_series(0, octet_length($1::bytea) / 44 - 1) AS i "
                                 "CROSS JOIN LATERAL ("
                                 "  SELECT * FROM coinstore.spent s"
                                 "  WHERE s.coin_id = substr($1::bytea, i * 44 + 1, 32)"
                                 "    AND s.deposit_until = cafe.u64_at($1::bytea, i * 44 + 32)"
                                 "    AND s.slot = cafe.u32_at($1::bytea, i * 44 + 40)::integer"
                                 "  OFFSET 0) s",
                                 packed));
  std::vector<std::optional<StoredSpend>> found(keys.size());
  for (const Row row : rows) {
    found.at(row.get<uint32_t>(0)) =
        StoredSpend{.place = place_at(row, 1),
                    .trace = {row.get<Bytes32>(3), row.get<Bytes32>(4), row.get<Bytes32>(5)}};
  }
  return found;
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
