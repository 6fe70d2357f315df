// Look-ups by a prefix of the coin id: all spent slots of all coins under it, signed.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "libs/platform/clock.h"
#include "libs/protocol/prefix_lookup.h"
#include "libs/storage/key_files.h"
#include "services/doublespend/spend_row.h"

namespace cafe::doublespend {

class PrefixLookups {
 public:
  // The truth: for each prefix the spent slots under it, in any order; where there are more than
  // protocol::kMaxPrefixSlots, any of them, but more than that.
  using ReadSlots = std::function<absl::StatusOr<std::vector<std::vector<SpentSlot>>>(
      std::span<const protocol::CoinPrefix> prefixes)>;

  // `key` and `clock` must outlive it.
  PrefixLookups(std::string issuer_id, const storage::OnlineKey& key, ReadSlots read,
                const platform::Clock& clock)
      : issuer_id_(std::move(issuer_id)), key_(key), read_(std::move(read)), clock_(clock) {}

  // protocol::SpentPrefixAnswer, signed, of each prefix: everything that was recorded when it was
  // asked. FAILED_PRECONDITION PREFIX_TOO_SHORT in place of an answer that would name too many.
  // Prefixes that came together are read in one statement; an error of that is all of theirs.
  absl::StatusOr<std::vector<absl::StatusOr<protocol::SignedDocument>>> answer_all(
      std::span<const protocol::CoinPrefix> prefixes);

  const protocol::SignedDocument& key_certificate() const { return key_.certificate; }

 private:
  absl::StatusOr<protocol::SignedDocument> answer(const protocol::CoinPrefix& prefix,
                                                  std::vector<SpentSlot> slots,
                                                  uint64_t time_ms) const;

  const std::string issuer_id_;
  const storage::OnlineKey& key_;
  const ReadSlots read_;
  const platform::Clock& clock_;
};

}  // namespace cafe::doublespend
