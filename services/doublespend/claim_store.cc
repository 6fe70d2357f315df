#include "services/doublespend/claim_store.h"

#include <algorithm>
#include <bit>

#include "libs/protocol/status.h"
#include "services/doublespend/columns.h"

namespace cafe::doublespend {
namespace {

using storage::Row;
using storage::Rows;
using storage::Transaction;

// The claimed slots as keys, in the order in which they are written: two claims that name the same
// slots wait for each other, but never in a circle.
std::vector<SlotKey> slots_of(std::span<const ClaimedCoin> coins) {
  std::vector<SlotKey> slots;
  for (const ClaimedCoin& coin : coins) {
    for (uint64_t bits = coin.slots; bits != 0; bits &= bits - 1) {
      slots.push_back(
          {coin.coin_id, static_cast<uint32_t>(std::countr_zero(bits)), coin.deposit_until});
    }
  }
  std::ranges::sort(slots);
  return slots;
}

absl::Status claimed_before() {
  return protocol::refused("CLAIMED_BEFORE", "Another claim names one of these slots.");
}

// Whether any of these slots is another claim's.
absl::StatusOr<bool> any_of_others(Transaction& tx, uint64_t claim, const KeyColumns& keys) {
  CAFE_ASSIGN_OR_RETURN(
      const Rows others,
      tx.query("SELECT 1 "
               "FROM (SELECT unnest($2::smallint[]) AS month, unnest($3::smallint[]) AS slot,"
               "             unnest($4::bytea[]) AS coin_id) AS i "
               "CROSS JOIN LATERAL ("
               "  SELECT claim FROM coinstore.claimed c"
               "  WHERE c.month = i.month AND c.coin_id = i.coin_id AND c.slot = i.slot"
               "  OFFSET 0) c "
               "WHERE c.claim <> $1 LIMIT 1",
               claim, keys.months.bytes(), keys.slots.bytes(), keys.coin_ids.bytes()));
  return !others.empty();
}

}  // namespace

absl::Status ClaimStore::mark(uint64_t claim, std::span<const ClaimedCoin> coins) {
  const std::vector<SlotKey> slots = slots_of(coins);
  KeyColumns keys(slots.size());
  for (const SlotKey& slot : slots) keys.add(slot);
  return partitions_.write(coins, [&] {
    return database_.transaction({.idempotent = true}, [&](Transaction& tx) -> absl::Status {
      CAFE_ASSIGN_OR_RETURN(
          const Rows marked,
          tx.query("INSERT INTO coinstore.claimed (claim, month, slot, coin_id) "
                   "SELECT $1::bigint, unnest($2::smallint[]), unnest($3::smallint[]),"
                   "       unnest($4::bytea[]) "
                   "ON CONFLICT DO NOTHING",
                   claim, keys.months.bytes(), keys.slots.bytes(), keys.coin_ids.bytes()));
      if (marked.affected() == static_cast<int64_t>(slots.size())) return absl::OkStatus();
      // What was there is only visible to the next statement when it has just been committed.
      CAFE_ASSIGN_OR_RETURN(const bool others, any_of_others(tx, claim, keys));
      return others ? claimed_before() : absl::OkStatus();
    });
  });
}

absl::StatusOr<std::vector<LocatedSpend>> ClaimStore::locate(
    std::span<const protocol::CoinId> coins) {
  storage::ByteaArray ids(coins.size(), 32);
  for (const protocol::CoinId& coin : coins) ids.add(coin);
  return database_.transaction(
      {.read_only = true, .idempotent = true, .single_statement = true},
      [&](Transaction& tx) -> absl::StatusOr<std::vector<LocatedSpend>> {
        CAFE_ASSIGN_OR_RETURN(
            const Rows rows,
            tx.query("SELECT i.i, s.slot, s.place, t.ticks, t.place "
                     "FROM (SELECT generate_series(0, cardinality($1::bytea[]) - 1) AS i,"
                     "             unnest($1::bytea[]) AS coin_id) AS i "
                     "CROSS JOIN LATERAL ("
                     "  SELECT month, slot, place FROM coinstore.spent s"
                     "  WHERE s.coin_id = i.coin_id OFFSET 0) s "
                     "LEFT JOIN LATERAL ("
                     "  SELECT ticks, place FROM coinstore.tick t"
                     "  WHERE t.month = s.month AND t.coin_id = i.coin_id AND t.slot = s.slot"
                     "  ORDER BY t.ticks_before DESC LIMIT 1) t ON true",
                     ids.bytes()));
        std::vector<LocatedSpend> found;
        found.reserve(static_cast<size_t>(rows.size()));
        for (const Row row : rows) {
          LocatedSpend& spend =
              found.emplace_back(LocatedSpend{.coin = row.get<uint32_t>(0),
                                              .slot = row.get<uint32_t>(1),
                                              .place = unpack_place(row.get<int64_t>(2))});
          if (row.is_null(3)) continue;
          spend.ticks = row.get<uint32_t>(3);
          spend.ticks_place = unpack_place(row.get<int64_t>(4));
        }
        std::ranges::sort(
            found, {}, [](const LocatedSpend& spend) { return std::pair(spend.coin, spend.slot); });
        return found;
      });
}

}  // namespace cafe::doublespend
