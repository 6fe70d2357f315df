// Claimed slots (section 8): what was lost and claimed pays no more, off line either.
#include "libs/protocol/hotlist.h"
#include "device-sim/firmware/pos/state.h"

namespace cafe::pos {

using firmware::Batch;
using protocol::Bytes;
using protocol::ByteView;
using protocol::Hotlist;
using protocol::HotlistEntry;
using protocol::SignedDocument;

namespace {

constexpr size_t kEntryWidth = 3 * 8;  // u64 short id ‖ u64 slots ‖ u64 spend_until_s

Bytes pack(std::span<const HotlistEntry> entries) {
  Bytes packed;
  packed.reserve(entries.size() * kEntryWidth);
  for (const HotlistEntry& entry : entries) {
    protocol::append(packed, protocol::encode_u64(entry.short_id));
    protocol::append(packed, protocol::encode_u64(entry.slots));
    protocol::append(packed, protocol::encode_u64(entry.spend_until_s));
  }
  return packed;
}

std::vector<HotlistEntry> unpack(ByteView packed) {
  std::vector<HotlistEntry> entries;
  for (; packed.size() >= kEntryWidth; packed = packed.subspan(kEntryWidth)) {
    entries.push_back({protocol::decode_u64(packed.first<8>()),
                       protocol::decode_u64(packed.subspan<8, 8>()),
                       protocol::decode_u64(packed.subspan<16, 8>())});
  }
  return entries;
}

std::string edition_key(std::string_view issuer_id) {
  return record_key(kHotlistPrefix, protocol::view_of(issuer_id));
}

// Issuer ids have no blank in them.
std::string page_key(std::string_view issuer_id, uint64_t number) {
  std::string key = record_key(kClaimedPrefix, protocol::view_of(issuer_id));
  key += ' ';
  return record_key(key, protocol::encode_u64(number));
}

}  // namespace

void Terminal::State::note_claimed(std::span<const HotlistEntry> entries) {
  for (const HotlistEntry& entry : entries) claimed[entry.short_id] |= entry.slots;
}

void Terminal::State::load_hotlists() {
  claimed.clear();
  store->scan(kClaimedPrefix,
              [&](std::string_view, ByteView value) { note_claimed(unpack(value)); });
}

bool Terminal::State::is_claimed(const protocol::CoinId& coin, uint32_t slot) const {
  const auto found = claimed.find(HotlistEntry::short_id_of(coin));
  return found != claimed.end() && (found->second >> slot & 1) != 0;
}

// A bill of the coin's last second can still be paid for its whole life.
std::vector<Batch> Terminal::State::prune_hotlists(uint64_t now_s) const {
  std::vector<Batch> changes;
  store->scan(kClaimedPrefix, [&](std::string_view key, ByteView value) {
    std::vector<HotlistEntry> entries = unpack(value);
    const size_t before = entries.size();
    std::erase_if(entries, [&](const HotlistEntry& entry) {
      return entry.spend_until_s + kBillLife_ms / 1000 <= now_s;
    });
    if (entries.size() == before) return;
    Batch& change = changes.emplace_back();
    entries.empty() ? change.erase(key) : change.put(key, pack(entries));
  });
  return changes;
}

uint64_t Terminal::hotlist_edition(std::string_view issuer_id) const {
  const Bytes* edition = state_->store->find(edition_key(issuer_id));
  if (edition == nullptr || edition->size() != 8) return 0;
  return protocol::decode_u64(ByteView(*edition).first<8>());
}

absl::Status Terminal::restart_hotlist(std::string_view issuer_id) {
  return state_->store->commit(Batch().erase(edition_key(issuer_id)));
}

size_t Terminal::claimed_coins() const { return state_->claimed.size(); }

absl::Status Terminal::accept_hotlist(ByteView signed_hotlist, ByteView key_certificate,
                                      uint64_t now_s) {
  State& s = *state_;
  CAFE_ASSIGN_OR_RETURN(const auto certificate, SignedDocument::decode(key_certificate));
  CAFE_ASSIGN_OR_RETURN(const auto key,
                        protocol::open_key_certificate(certificate, s.config.anchors,
                                                       protocol::kPurposeRecovery, now_s));
  CAFE_ASSIGN_OR_RETURN(const auto document, SignedDocument::decode(signed_hotlist));
  CAFE_RETURN_IF_ERROR(document.check(key.key));
  CAFE_ASSIGN_OR_RETURN(const Hotlist list, Hotlist::decode(document.frame));
  if (list.issuer_id != key.issuer_id) {
    return protocol::invalid("BAD_ISSUER_ID", "The hotlist is another issuer's than its key.");
  }
  const uint64_t held = hotlist_edition(list.issuer_id);
  if (list.number <= held) return absl::OkStatus();
  if (list.after > held) {
    return protocol::refused("HOTLIST_GAP",
                             "The hotlist begins after the edition that the terminal holds: fetch "
                             "what follows that one.");
  }
  Batch batch;
  batch.put(edition_key(list.issuer_id), protocol::encode_u64(list.number));
  if (!list.entries.empty()) {
    batch.put(page_key(list.issuer_id, list.number), pack(list.entries));
  }
  CAFE_RETURN_IF_ERROR(s.store->commit(batch));
  s.note_claimed(list.entries);
  return absl::OkStatus();
}

}  // namespace cafe::pos
