#include "services/withdrawal/denomination_book.h"

namespace cafe::withdrawal {

absl::StatusOr<std::shared_ptr<const DenominationBook>> DenominationBook::open(
    const protocol::SignedDocument& document, const protocol::Point& master_key,
    const storage::DenominationSecrets& secrets, const DenominationBook* previous) {
  CAFE_ASSIGN_OR_RETURN(protocol::DenominationList list, protocol::open_list(document, master_key));
  if (list.issuer_id != secrets.issuer_id) {
    return protocol::refused("WRONG_ISSUER", "The list is another issuer's: " + list.issuer_id);
  }
  if (previous != nullptr) {
    CAFE_RETURN_IF_ERROR(protocol::check_successor(previous->list_, list));
  }
  auto book = std::shared_ptr<DenominationBook>(new DenominationBook());
  for (const protocol::Denomination& denomination : list.denominations) {
    Entry entry{.denomination = denomination, .id = denomination.id(), .key = std::nullopt};
    entry.compromised = list.is_compromised(entry.id);
    if (const protocol::Scalar* x = secrets.find(denomination.H); x != nullptr) {
      CAFE_ASSIGN_OR_RETURN(entry.key, protocol::DenominationKey::create(denomination, *x));
    }
    book->entries_.emplace(entry.id, std::move(entry));
  }
  book->document_ = document;
  book->digest_ = document.digest();
  book->list_ = std::move(list);
  return book;
}

const DenominationBook::Entry* DenominationBook::find(const protocol::DenomId& id) const {
  const auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : &found->second;
}

std::vector<protocol::DenomId> DenominationBook::missing_keys(uint64_t now_s) const {
  std::vector<protocol::DenomId> missing;
  for (const auto& [id, entry] : entries_) {
    const protocol::Denomination& d = entry.denomination;
    if (!entry.compromised && !entry.key.has_value() && d.withdraw_from <= now_s &&
        now_s < d.withdraw_until) {
      missing.push_back(id);
    }
  }
  return missing;
}

}  // namespace cafe::withdrawal
