#include "services/doublespend/prefix_lookups.h"

#include <algorithm>

#include "libs/protocol/status.h"

namespace cafe::doublespend {

using protocol::CoinPrefix;
using protocol::SignedDocument;
using protocol::SpentPrefixAnswer;

absl::StatusOr<SignedDocument> PrefixLookups::answer(const CoinPrefix& prefix,
                                                     std::vector<SpentSlot> slots,
                                                     uint64_t time_ms) const {
  if (slots.size() > protocol::kMaxPrefixSlots) {
    return protocol::refused("PREFIX_TOO_SHORT",
                             "Too many slots are spent under this prefix: ask with more bits.");
  }
  std::ranges::sort(slots);
  SpentPrefixAnswer answer{
      .issuer_id = issuer_id_, .time_ms = time_ms, .prefix = prefix, .spent = {}};
  for (const SpentSlot& slot : slots) {
    if (answer.spent.empty() || answer.spent.back().coin_id != slot.coin_id) {
      answer.spent.push_back({.coin_id = slot.coin_id, .slots = 0});
    }
    answer.spent.back().slots |= uint64_t{1} << slot.slot;
  }
  return SignedDocument::sign(answer.encode(), key_.key);
}

absl::StatusOr<std::vector<absl::StatusOr<SignedDocument>>> PrefixLookups::answer_all(
    std::span<const CoinPrefix> prefixes) {
  // Read before the database is: everything committed until then is in the answers.
  const uint64_t now_ms = platform::unix_ms(clock_);
  CAFE_ASSIGN_OR_RETURN(std::vector<std::vector<SpentSlot>> found, read_(prefixes));
  std::vector<absl::StatusOr<SignedDocument>> answers;
  answers.reserve(prefixes.size());
  for (size_t i = 0; i < prefixes.size(); ++i) {
    answers.push_back(answer(prefixes[i], std::move(found.at(i)), now_ms));
  }
  return answers;
}

}  // namespace cafe::doublespend
