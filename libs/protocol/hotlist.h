// The hotlist (section 8): claimed slots, which terminals take no more. Small and numbered, so that
// a terminal fetches what is new only.
#pragma once

#include "libs/protocol/frame.h"

namespace cafe::protocol {

inline constexpr size_t kMaxHotlistEntries = 100'000;

// 8 bytes name a coin: that another one shares them is a chance of 2^-64 for each pair, and would
// cost its holder one payment with it.
struct HotlistEntry {
  uint64_t short_id;       // the first 8 bytes of the coin id
  uint64_t slots;          // bit j: slot j is claimed; not 0
  uint64_t spend_until_s;  // of its denomination: no terminal takes it after that anyway

  static uint64_t short_id_of(const CoinId& id);
  bool operator==(const HotlistEntry&) const = default;
};

// frame("cafe/v1/hotlist", issuer id, u64 after, u64 number, u64 time_ms, (u64 short id ‖ u64 slots
// ‖ u64 spend_until_s)*), signed with the recovery key: what was claimed after edition `after`, up
// to edition `number`. A terminal that holds edition `after` holds `number` when it has added
// these.
struct Hotlist {
  std::string issuer_id;
  uint64_t after;
  uint64_t number;
  uint64_t time_ms;
  std::vector<HotlistEntry> entries;  // ascending by short id

  Bytes encode() const;
  // TOO_MANY_ITEMS, NOT_CANONICAL, HOTLIST_ORDER (number < after).
  static absl::StatusOr<Hotlist> decode(ByteView bytes);
};

}  // namespace cafe::protocol
