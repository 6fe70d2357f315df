#include "services/doublespend/reserve_sql.h"

#include "services/doublespend/columns.h"

namespace cafe::doublespend {

using protocol::Bytes32;
using storage::Row;
using storage::Rows;
using storage::Transaction;

absl::StatusOr<std::vector<SlotFacts>> select_facts(Transaction& tx,
                                                    std::span<const SlotKey> slots) {
  KeyColumns keys(slots.size());
  for (const SlotKey& slot : slots) keys.add(slot);
  CAFE_ASSIGN_OR_RETURN(
      const Rows rows,
      tx.query("SELECT i.i, s.d, r.d, r.until_ms, c.claimed "
               "FROM (SELECT generate_series(0, cardinality($1::smallint[]) - 1) AS i,"
               "             unnest($1::smallint[]) AS month, unnest($2::smallint[]) AS slot,"
               "             unnest($3::bytea[]) AS coin_id) AS i "
               "LEFT JOIN LATERAL ("
               "  SELECT substr(trace, 1, 32) AS d FROM coinstore.spent s"
               "  WHERE s.month = i.month AND s.coin_id = i.coin_id AND s.slot = i.slot"
               "  OFFSET 0) s ON true "
               "LEFT JOIN LATERAL ("
               "  SELECT true AS claimed FROM coinstore.claimed c"
               "  WHERE c.month = i.month AND c.coin_id = i.coin_id AND c.slot = i.slot"
               "  OFFSET 0) c ON true "
               "LEFT JOIN LATERAL ("
               "  SELECT d, until_ms FROM coinstore.reservation r"
               "  WHERE r.coin_id = i.coin_id AND r.slot = i.slot OFFSET 0) r ON true "
               "WHERE s.d IS NOT NULL OR r.d IS NOT NULL OR c.claimed",
               keys.months.bytes(), keys.slots.bytes(), keys.coin_ids.bytes()));
  std::vector<SlotFacts> facts(slots.size());
  for (const Row row : rows) {
    SlotFacts& known = facts.at(row.get<size_t>(0));
    known.spent_d = row.get<std::optional<Bytes32>>(1);
    if (!row.is_null(2)) known.hold = Hold{row.get<Bytes32>(2), row.get<uint64_t>(3)};
    known.claimed = !row.is_null(4);
  }
  return facts;
}

absl::StatusOr<bool> upsert_holds(Transaction& tx, std::span<const SlotHold> holds,
                                  uint64_t now_ms) {
  storage::SmallintArray slots(holds.size());
  storage::ByteaArray coin_ids(holds.size(), 32);
  storage::ByteaArray challenges(holds.size(), 32);
  storage::BigintArray untils(holds.size());
  for (const SlotHold& hold : holds) {
    slots.add(static_cast<int16_t>(hold.slot));
    coin_ids.add(hold.coin_id);
    challenges.add(hold.hold.d);
    untils.add(static_cast<int64_t>(hold.hold.until_ms));
  }
  CAFE_ASSIGN_OR_RETURN(
      const Rows written,
      tx.query("INSERT INTO coinstore.reservation AS r (until_ms, slot, coin_id, d) "
               "SELECT unnest($1::bigint[]), unnest($2::smallint[]), unnest($3::bytea[]),"
               "       unnest($4::bytea[]) "
               "ON CONFLICT (coin_id, slot) DO UPDATE"
               "  SET d = excluded.d, until_ms = CASE WHEN r.d = excluded.d"
               "    THEN greatest(r.until_ms, excluded.until_ms) ELSE excluded.until_ms END"
               "  WHERE r.d = excluded.d OR r.until_ms <= $5::bigint",
               untils.bytes(), slots.bytes(), coin_ids.bytes(), challenges.bytes(), now_ms));
  return written.affected() == static_cast<int64_t>(holds.size());
}

}  // namespace cafe::doublespend
