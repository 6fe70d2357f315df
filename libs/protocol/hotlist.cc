#include "libs/protocol/hotlist.h"

#include "libs/protocol/document_fields.h"

namespace cafe::protocol {

namespace {

constexpr std::string_view kLabel = "cafe/v1/hotlist";
constexpr size_t kEntryWidth = 3 * 8;  // u64 short id ‖ u64 slots ‖ u64 spend_until_s

absl::StatusOr<std::vector<HotlistEntry>> decode_entries(ByteView list) {
  CAFE_ASSIGN_OR_RETURN(const size_t count, count_items(list, kEntryWidth, kMaxHotlistEntries));
  std::vector<HotlistEntry> entries;
  entries.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    const ByteView item = list.subspan(i * kEntryWidth, kEntryWidth);
    const HotlistEntry next{decode_u64(item.first<8>()), decode_u64(item.subspan(8).first<8>()),
                            decode_u64(item.last<8>())};
    if (next.slots == 0 || (!entries.empty() && next.short_id <= entries.back().short_id)) {
      return invalid("NOT_CANONICAL",
                     "A hotlist's coins stand in ascending order, each once, with a slot that is "
                     "claimed.");
    }
    entries.push_back(next);
  }
  return entries;
}

}  // namespace

uint64_t HotlistEntry::short_id_of(const CoinId& id) { return decode_u64(ByteView(id).first<8>()); }

Bytes Hotlist::encode() const {
  Bytes list;
  list.reserve(entries.size() * kEntryWidth);
  for (const HotlistEntry& entry : entries) {
    append(list, encode_u64(entry.short_id));
    append(list, encode_u64(entry.slots));
    append(list, encode_u64(entry.spend_until_s));
  }
  return Frame(kLabel)
      .add(issuer_id)
      .add_u64(after)
      .add_u64(number)
      .add_u64(time_ms)
      .add(list)
      .take();
}

absl::StatusOr<Hotlist> Hotlist::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kLabel, bytes));
  Hotlist hotlist;
  CAFE_ASSIGN_OR_RETURN(hotlist.issuer_id, issuer_field(in));
  CAFE_ASSIGN_OR_RETURN(hotlist.after, in.u64());
  CAFE_ASSIGN_OR_RETURN(hotlist.number, in.u64());
  CAFE_ASSIGN_OR_RETURN(hotlist.time_ms, in.u64());
  CAFE_ASSIGN_OR_RETURN(ByteView list, in.field());
  CAFE_RETURN_IF_ERROR(in.finish());
  CAFE_ASSIGN_OR_RETURN(hotlist.entries, decode_entries(list));
  if (hotlist.number < hotlist.after ||
      (hotlist.number == hotlist.after && !hotlist.entries.empty())) {
    return invalid("HOTLIST_ORDER", "A hotlist leads from an edition to a later one.");
  }
  return hotlist;
}

}  // namespace cafe::protocol
