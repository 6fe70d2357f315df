// Rows to record, for tests.
#pragma once

#include "libs/protocol/rng.h"
#include "libs/protocol/slot_rows.h"
#include "libs/protocol/spend_rows.h"
#include "services/doublespend/spend_row.h"

namespace cafe::doublespend::testing {

inline constexpr uint64_t kDay_s = 86400;

// Draws spends of made-up coins; the same seed draws the same.
class RowMaker {
 public:
  // `deposit_until` and `claim_until` of all its rows, unix seconds.
  RowMaker(std::string_view seed, uint64_t deposit_until, uint64_t claim_until)
      : rng_(seed), deposit_until_(deposit_until), claim_until_(claim_until) {}

  protocol::CoinId coin() { return {rng_.array<32>()}; }

  Trace trace() { return {rng_.scalar().bytes(), rng_.scalar().bytes(), rng_.scalar().bytes()}; }

  // A spend of a slot, archived at `place`.
  SpendRow spend(const protocol::CoinId& coin, uint32_t slot, Place place) {
    return {.key = {coin, slot, deposit_until_},
            .place = place,
            .trace = trace(),
            .claim_until = claim_until_};
  }

  // `count` first spends of as many coins, from the start of a batch on.
  std::vector<SpendRow> spends(size_t count, uint64_t batch) {
    std::vector<SpendRow> rows;
    for (uint32_t i = 0; i < count; ++i) {
      rows.push_back(spend(coin(), 0, {.batch = batch, .position = i}));
    }
    return rows;
  }

 private:
  protocol::SeededRng rng_;
  const uint64_t deposit_until_;
  const uint64_t claim_until_;
};

// The row as it travels.
inline void append_packed(std::string& to, const SpendRow& row) {
  protocol::append_spend_row(to, {.coin_id = row.key.coin_id,
                                  .d = row.trace.d,
                                  .r1 = row.trace.r1,
                                  .r2 = row.trace.r2,
                                  .deposit_until = row.key.deposit_until,
                                  .claim_until = row.claim_until,
                                  .batch = row.place.batch,
                                  .position = row.place.position,
                                  .slot = row.key.slot,
                                  .ticks = row.ticks});
}

// The row's slot as a payment asks to reserve it.
inline void append_slot(std::string& to, const SpendRow& row) {
  protocol::append_slot_row(to, {.coin_id = row.key.coin_id,
                                 .d = row.trace.d,
                                 .deposit_until = row.key.deposit_until,
                                 .slot = row.key.slot});
}

// A spend that pays ticks, of which this deposit shows so many.
inline SpendRow showing(SpendRow row, uint32_t ticks, Place place) {
  row.ticks = ticks;
  row.place = place;
  return row;
}

// The same spend, archived elsewhere.
inline SpendRow moved(SpendRow row, Place place) {
  row.place = place;
  return row;
}

}  // namespace cafe::doublespend::testing
