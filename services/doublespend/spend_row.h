// What the coin store speaks of: spends of slots, and what becomes of recording them.
#pragma once

#include <compare>
#include <cstdint>
#include <tuple>

#include "libs/protocol/bytes.h"

namespace cafe::doublespend {

// A slot of a coin. The deposit deadline is the coin's denomination's, so it adds nothing to the
// coin id but says in which partition the slot lies.
struct SlotKey {
  protocol::CoinId coin_id;
  uint32_t slot = 0;
  uint64_t deposit_until = 0;  // unix seconds
  auto operator<=>(const SlotKey&) const = default;
};

// Where the full payment is archived: the deposit service's batch, and payment · 128 + spend in it.
struct Place {
  uint64_t batch = 0;
  uint32_t position = 0;
  auto operator<=>(const Place&) const = default;

  uint32_t payment() const { return position / 128; }
  uint32_t spend() const { return position % 128; }
};

// A spend's challenge and answers, canonical scalars (protocol.md section 5).
struct Trace {
  protocol::Bytes32 d{}, r1{}, r2{};
  auto operator<=>(const Trace&) const = default;
};

struct SpendRow {
  SlotKey key;
  Place place;
  Trace trace;
  uint64_t claim_until = 0;  // until when the store keeps it, unix seconds
  uint32_t ticks = 0;        // shown, where the spend pays ticks

  // The order in which rows are written: by slot, so that concurrent writers never wait in a
  // circle, then by place, which decides which of two equal slots in one commit came first.
  friend bool operator<(const SpendRow& a, const SpendRow& b) {
    return std::tie(a.key, a.place, a.trace, a.ticks) < std::tie(b.key, b.place, b.trace, b.ticks);
  }
};

// A slot that is spent.
struct SpentSlot {
  protocol::CoinId coin_id;
  uint32_t slot = 0;
  auto operator<=>(const SpentSlot&) const = default;
};

// A coin of which a claim names slots.
struct ClaimedCoin {
  protocol::CoinId coin_id;
  uint64_t slots = 0;          // bit j: slot j; not 0
  uint64_t deposit_until = 0;  // its denomination's, unix seconds
  uint64_t claim_until = 0;    // until when the store keeps its month
};

enum class Outcome {
  kFresh,   // nothing else is recorded of the slot
  kRepeat,  // the same spend is recorded from another place
  kDouble,  // another spend of the slot is recorded
};

struct RecordVerdict {
  Outcome outcome = Outcome::kFresh;
  uint64_t case_number = 0;   // of a double, and of a double's repeat
  Place other{};              // kRepeat: of the same spend; kDouble: of the slot's first
  Trace first{};              // kDouble: the slot's first spend
  uint32_t ticks_before = 0;  // kRepeat of a spend with ticks: how many were shown before
  bool operator==(const RecordVerdict&) const = default;
};

}  // namespace cafe::doublespend
