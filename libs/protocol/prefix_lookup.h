// Asking the spent store without saying for which coin (section 8): by a prefix of its id, which
// many coins share. The answer names all spent slots of all coins under it.
#pragma once

#include "libs/protocol/frame.h"

namespace cafe::protocol {

inline constexpr uint8_t kMaxPrefixBits = 20;
inline constexpr size_t kMaxPrefixSlots = 1024;  // spent slots in one answer

// The first `bits` bits of a coin id.
struct CoinPrefix {
  uint8_t bits;    // 0..kMaxPrefixBits
  uint32_t value;  // left-aligned; bits behind the prefix are zero

  static CoinPrefix of(const CoinId& id, uint8_t bits);
  bool covers(const CoinId& id) const;
  // BAD_PREFIX: too many bits, or bits set behind them.
  absl::Status check() const;
  auto operator<=>(const CoinPrefix&) const = default;
};

// frame("cafe/v1/spent-prefix", issuer id, u64 time_ms, u8 bits, u32 value, (coin id ‖ u64
// slots)*), signed with the coinstore key: of the coins under the prefix exactly these slots had
// been recorded as spent at time_ms.
struct SpentPrefixAnswer {
  struct Spent {
    CoinId coin_id;
    uint64_t slots;  // bit j: slot j is spent; not 0
    bool operator==(const Spent&) const = default;
  };

  std::string issuer_id;
  uint64_t time_ms;
  CoinPrefix prefix;
  std::vector<Spent> spent;  // ascending by coin id, each once

  // The spent slots of a coin under the prefix; 0: none.
  uint64_t slots_of(const CoinId& id) const;

  Bytes encode() const;
  // TOO_MANY_ITEMS, BAD_PREFIX, COIN_OUTSIDE_PREFIX, NOT_CANONICAL (not ascending, or no slot).
  static absl::StatusOr<SpentPrefixAnswer> decode(ByteView bytes);
};

}  // namespace cafe::protocol
