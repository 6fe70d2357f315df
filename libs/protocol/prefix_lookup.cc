#include "libs/protocol/prefix_lookup.h"

#include <bit>

#include "libs/protocol/document_fields.h"

namespace cafe::protocol {

namespace {

constexpr std::string_view kLabel = "cafe/v1/spent-prefix";
constexpr size_t kSpentWidth = CoinId::kSize + 8;  // coin id ‖ u64 slots

// The bits that a prefix of this length fixes, of the first 32.
uint32_t mask_of(uint8_t bits) {
  if (bits == 0) return 0;
  return bits < 32 ? ~uint32_t{0} << (32 - bits) : ~uint32_t{0};
}

uint32_t first_bits(const CoinId& id) { return decode_u32(ByteView(id).first<4>()); }

absl::StatusOr<std::vector<SpentPrefixAnswer::Spent>> decode_spent(ByteView list,
                                                                   const CoinPrefix& prefix) {
  CAFE_ASSIGN_OR_RETURN(const size_t count, count_items(list, kSpentWidth, kMaxPrefixSlots));
  std::vector<SpentPrefixAnswer::Spent> spent;
  spent.reserve(count);
  size_t slots = 0;
  for (size_t i = 0; i < count; ++i) {
    const ByteView item = list.subspan(i * kSpentWidth, kSpentWidth);
    CAFE_ASSIGN_OR_RETURN(CoinId id, CoinId::decode(item.first<CoinId::kSize>()));
    const SpentPrefixAnswer::Spent next{id, decode_u64(item.last<8>())};
    if (!prefix.covers(id)) {
      return invalid("COIN_OUTSIDE_PREFIX", "A spent coin does not lie under the prefix.");
    }
    if (next.slots == 0 || (!spent.empty() && id <= spent.back().coin_id)) {
      return invalid("NOT_CANONICAL",
                     "Spent coins stand in ascending order, each once, with a slot that is spent.");
    }
    slots += static_cast<size_t>(std::popcount(next.slots));
    if (slots > kMaxPrefixSlots) {
      return invalid("TOO_MANY_ITEMS", "An answer names at most 1,024 spent slots.");
    }
    spent.push_back(next);
  }
  return spent;
}

}  // namespace

CoinPrefix CoinPrefix::of(const CoinId& id, uint8_t bits) {
  return {bits, first_bits(id) & mask_of(bits)};
}

bool CoinPrefix::covers(const CoinId& id) const {
  return (first_bits(id) & mask_of(bits)) == value;
}

absl::Status CoinPrefix::check() const {
  if (bits > kMaxPrefixBits || (value & ~mask_of(bits)) != 0) {
    return invalid("BAD_PREFIX",
                   "A prefix has at most 20 bits, to the left of its number, and zeros behind.");
  }
  return absl::OkStatus();
}

uint64_t SpentPrefixAnswer::slots_of(const CoinId& id) const {
  const auto at = std::lower_bound(
      spent.begin(), spent.end(), id,
      [](const Spent& item, const CoinId& wanted) { return item.coin_id < wanted; });
  return at != spent.end() && at->coin_id == id ? at->slots : 0;
}

Bytes SpentPrefixAnswer::encode() const {
  Bytes list;
  list.reserve(spent.size() * kSpentWidth);
  for (const Spent& item : spent) {
    append(list, item.coin_id);
    append(list, encode_u64(item.slots));
  }
  return Frame(kLabel)
      .add(issuer_id)
      .add_u64(time_ms)
      .add_u8(prefix.bits)
      .add_u32(prefix.value)
      .add(list)
      .take();
}

absl::StatusOr<SpentPrefixAnswer> SpentPrefixAnswer::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kLabel, bytes));
  SpentPrefixAnswer answer;
  CAFE_ASSIGN_OR_RETURN(answer.issuer_id, issuer_field(in));
  CAFE_ASSIGN_OR_RETURN(answer.time_ms, in.u64());
  CAFE_ASSIGN_OR_RETURN(answer.prefix.bits, in.u8());
  CAFE_ASSIGN_OR_RETURN(answer.prefix.value, in.u32());
  CAFE_ASSIGN_OR_RETURN(ByteView list, in.field());
  CAFE_RETURN_IF_ERROR(in.finish());
  CAFE_RETURN_IF_ERROR(answer.prefix.check());
  CAFE_ASSIGN_OR_RETURN(answer.spent, decode_spent(list, answer.prefix));
  return answer;
}

}  // namespace cafe::protocol
