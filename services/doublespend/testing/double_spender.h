// A wallet whose guardian forgets, and the case against it as the store has it, for tests.
#pragma once

#include "libs/protocol/testing/market.h"
#include "services/doublespend/case_store.h"

namespace cafe::doublespend::testing {

// The row of a spend of a payment that is archived at `place`.
inline SpendRow row_of(const cafe::testing::Market& market, const protocol::Payment& payment,
                       Place place, uint64_t deposit_until, uint64_t claim_until) {
  const protocol::Spend& spend = payment.spends[place.spend()];
  const protocol::SpendTrace trace = market.trace(payment, place.spend());
  return {.key = {payment.coins[spend.coin].id(), spend.slot, deposit_until},
          .place = place,
          .trace = {trace.d.bytes(), trace.r1.bytes(), trace.r2.bytes()},
          .claim_until = claim_until,
          .ticks = spend.tick ? spend.tick->index + 1 : 0};
}

// What Record makes of two such rows.
inline DueCase case_of(uint64_t number, const SpendRow& first, const SpendRow& second,
                       uint64_t opened_ms) {
  DueCase made;
  made.summary.number = number;
  made.summary.state = "open";
  made.summary.key = first.key;
  made.summary.opened_ms = opened_ms;
  made.first_place = first.place;
  made.second_place = second.place;
  made.first = first.trace;
  made.second = second.trace;
  return made;
}

}  // namespace cafe::doublespend::testing
