#include "libs/protocol/lookup.h"

#include "libs/protocol/denomination.h"

namespace cafe::protocol {
namespace {

constexpr std::string_view kLabel = "cafe/v1/spent-slots";
constexpr size_t kSpentSize = 8;  // u32 coin ‖ u32 slot

absl::StatusOr<std::vector<CoinId>> decode_coin_ids(ByteView list) {
  CAFE_ASSIGN_OR_RETURN(const size_t count, count_items(list, CoinId::kSize, kMaxLookup));
  if (count == 0) {
    return invalid("ITEM_COUNT", "A look-up answer names at least one coin.");
  }
  std::vector<CoinId> coin_ids(count);
  for (size_t i = 0; i < count; ++i) {
    CAFE_ASSIGN_OR_RETURN(coin_ids[i],
                          CoinId::decode(list.subspan(i * CoinId::kSize, CoinId::kSize)));
  }
  return coin_ids;
}

absl::StatusOr<std::vector<SpentSlotsAnswer::Spent>> decode_spent(ByteView list, size_t coins) {
  CAFE_ASSIGN_OR_RETURN(const size_t count, count_items(list, kSpentSize, coins * kMaxSlots));
  std::vector<SpentSlotsAnswer::Spent> spent;
  spent.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    const ByteView item = list.subspan(i * kSpentSize, kSpentSize);
    const SpentSlotsAnswer::Spent next{.coin = decode_u32(item.first<4>()),
                                       .slot = decode_u32(item.last<4>())};
    if (next.coin >= coins) {
      return invalid("COIN_OUTSIDE_LIST", "A spent slot names a coin that was not asked for.");
    }
    if (next.slot >= kMaxSlots) {
      return invalid("SLOT_OUTSIDE_COIN", "A spent slot lies outside of any coin.");
    }
    if (!spent.empty() && next <= spent.back()) {
      return invalid("NOT_CANONICAL", "Spent slots stand in ascending order, each once.");
    }
    spent.push_back(next);
  }
  return spent;
}

}  // namespace

Bytes SpentSlotsAnswer::encode() const {
  Bytes ids;
  ids.reserve(coin_ids.size() * CoinId::kSize);
  for (const CoinId& id : coin_ids) append(ids, id);
  Bytes slots;
  slots.reserve(spent.size() * kSpentSize);
  for (const Spent& item : spent) {
    append(slots, encode_u32(item.coin));
    append(slots, encode_u32(item.slot));
  }
  return Frame(kLabel).add(issuer_id).add_u64(time_ms).add(ids).add(slots).take();
}

absl::StatusOr<SpentSlotsAnswer> SpentSlotsAnswer::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kLabel, bytes));
  SpentSlotsAnswer answer;
  CAFE_ASSIGN_OR_RETURN(answer.issuer_id, in.text());
  CAFE_ASSIGN_OR_RETURN(answer.time_ms, in.u64());
  CAFE_ASSIGN_OR_RETURN(const ByteView ids, in.field());
  CAFE_ASSIGN_OR_RETURN(answer.coin_ids, decode_coin_ids(ids));
  CAFE_ASSIGN_OR_RETURN(const ByteView slots, in.field());
  CAFE_ASSIGN_OR_RETURN(answer.spent, decode_spent(slots, answer.coin_ids.size()));
  CAFE_RETURN_IF_ERROR(in.finish());
  return answer;
}

}  // namespace cafe::protocol
