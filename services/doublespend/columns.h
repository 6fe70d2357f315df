// Rows of the store as the columns of its tables (migrations/0007_narrow_spent.sql).
#pragma once

#include <array>
#include <span>

#include "libs/protocol/prefix_lookup.h"
#include "libs/storage/array_param.h"
#include "services/doublespend/spend_row.h"

namespace cafe::doublespend {

// Calendar months (UTC) from January 1970 to that of a deposit deadline: coinstore.month_of.
int16_t month_of(uint64_t deposit_until);

// The first and the last coin id under a prefix, which was checked.
struct CoinRange {
  protocol::CoinId first;
  protocol::CoinId last;
};
CoinRange coins_under(const protocol::CoinPrefix& prefix);

// batch · 2^17 + position; a batch is below 2^46, a position below 2^17.
int64_t pack_place(const Place& place);
Place unpack_place(int64_t place);

// d ‖ r1 ‖ r2
using TraceBytes = std::array<uint8_t, 96>;
TraceBytes pack_trace(const Trace& trace);
Trace unpack_trace(const TraceBytes& bytes);

// The keys of slots, side by side.
struct KeyColumns {
  explicit KeyColumns(size_t rows) : months(rows), slots(rows), coin_ids(rows, 32) {}
  void add(const SlotKey& key);

  storage::SmallintArray months;
  storage::SmallintArray slots;
  storage::ByteaArray coin_ids;
};

struct SpendColumns {
  explicit SpendColumns(std::span<const SpendRow> rows);

  KeyColumns keys;
  storage::BigintArray places;
  storage::ByteaArray traces;
};

}  // namespace cafe::doublespend
