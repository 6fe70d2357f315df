// What the spent store answers to a look-up (section 8): which slots of the coins that were asked
// for are spent.
//
//   CAFE_ASSIGN_OR_RETURN(SignedDocument document, SignedDocument::decode(response.answer()));
//   CAFE_RETURN_IF_ERROR(document.check(coinstore_key));
//   CAFE_ASSIGN_OR_RETURN(auto answer, SpentSlotsAnswer::decode(document.frame));
//   if (answer.coin_ids != asked) ...   // it covers its question
#pragma once

#include "libs/protocol/frame.h"

namespace cafe::protocol {

inline constexpr size_t kMaxLookup = 1000;  // coins in one look-up

// frame("cafe/v1/spent-slots", issuer id, u64 time_ms, coin ids, (u32 coin index ‖ u32 slot)*),
// signed with the issuer's coinstore key. It says: of these coins exactly these slots had been
// recorded as spent at time_ms. So an answer that leaves out a slot whose deposit has an older
// receipt is evidence against the issuer.
struct SpentSlotsAnswer {
  struct Spent {
    uint32_t coin;  // index into coin_ids
    uint32_t slot;
    auto operator<=>(const Spent&) const = default;
  };

  std::string issuer_id;
  uint64_t time_ms;              // as of when, unix milliseconds
  std::vector<CoinId> coin_ids;  // 1..kMaxLookup, as they were asked for
  std::vector<Spent> spent;      // ascending, each once

  Bytes encode() const;
  // Besides the frame's own errors: ITEM_COUNT (none, or more than kMaxLookup coins),
  // TOO_MANY_ITEMS, COIN_OUTSIDE_LIST, SLOT_OUTSIDE_COIN, NOT_CANONICAL (not ascending).
  static absl::StatusOr<SpentSlotsAnswer> decode(ByteView bytes);
  bool operator==(const SpentSlotsAnswer&) const = default;
};

}  // namespace cafe::protocol
