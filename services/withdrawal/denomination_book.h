// One signed list of denominations with the keys that this service holds for it. Immutable.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "libs/protocol/withdrawal_issuer.h"
#include "libs/storage/key_files.h"

namespace cafe::withdrawal {

class DenominationBook {
 public:
  struct Entry {
    protocol::Denomination denomination;
    protocol::DenomId id;
    bool compromised = false;
    // Absent where the key file has none for its H: the denomination cannot be withdrawn here.
    std::optional<protocol::DenominationKey> key;
  };

  // Opens a published list: signed with `master_key`, its own rules, this issuer's, and, where
  // there is one, a legal successor of `previous`.
  // Errors: those of protocol::open_list and check_successor; WRONG_ISSUER.
  static absl::StatusOr<std::shared_ptr<const DenominationBook>> open(
      const protocol::SignedDocument& document, const protocol::Point& master_key,
      const storage::DenominationSecrets& secrets, const DenominationBook* previous);

  const protocol::SignedDocument& document() const { return document_; }
  const protocol::Bytes32& digest() const { return digest_; }
  const protocol::DenominationList& list() const { return list_; }
  // Null where the list does not hold it.
  const Entry* find(const protocol::DenomId& id) const;
  // Denominations that are open for withdrawal at `now_s` but whose key is missing.
  std::vector<protocol::DenomId> missing_keys(uint64_t now_s) const;

 private:
  DenominationBook() = default;

  protocol::SignedDocument document_;
  protocol::Bytes32 digest_;
  protocol::DenominationList list_;
  absl::flat_hash_map<protocol::DenomId, Entry> entries_;
};

}  // namespace cafe::withdrawal
