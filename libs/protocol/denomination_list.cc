#include <algorithm>
// The rules of denomination lists (section 2): what one list must fulfil, what may follow it, and
// what convicts its issuer.
#include <tuple>

#include "absl/container/flat_hash_set.h"
#include "libs/protocol/denomination.h"

namespace cafe::protocol {

namespace {

absl::Status check_limits(const std::vector<Limits>& limits) {
  absl::flat_hash_set<std::string> seen;
  for (const Limits& limit : limits) {
    if (!check_currency(limit.currency).ok()) {
      return invalid("LIMITS_INVALID", "Limits must name an ISO 4217 currency.");
    }
    if (!seen.insert(limit.currency).second) {
      return invalid("DUPLICATE_ITEM", "A list states the limits of one currency twice.");
    }
  }
  return absl::OkStatus();
}

absl::Status key_reused() {
  return invalid("KEY_REUSED",
                 "One key stands in two denominations: do not use this list, and keep it.");
}

// Two denominations that a wallet could be given in each other's place have equal keys of this
// kind. The order of the slots makes no difference to what a coin is good for, so it is no excuse
// either.
auto likeness(const Denomination& denomination) {
  std::vector<uint64_t> values = denomination.slot_values;
  std::sort(values.begin(), values.end());
  return std::make_tuple(denomination.currency, denomination.kind, std::move(values));
}

// [guard] One denomination of a likeness at a time is open, for at least 30 days.
absl::Status check_tagging(const DenominationList& list) {
  std::vector<const Denomination*> open;
  for (const Denomination& denomination : list.denominations) {
    if (!list.is_compromised(denomination.id())) open.push_back(&denomination);
  }
  for (const Denomination* denomination : open) {
    if (denomination->withdraw_until - denomination->withdraw_from < kMinWithdrawalPeriod_s) {
      return invalid("TAGGING_SHORT",
                     "A denomination is open for withdrawal for less than 30 days, which would tag "
                     "its few users: do not use this list.");
    }
  }
  std::sort(open.begin(), open.end(), [](const Denomination* a, const Denomination* b) {
    return std::make_tuple(likeness(*a), a->withdraw_from) <
           std::make_tuple(likeness(*b), b->withdraw_from);
  });
  for (size_t i = 1; i < open.size(); ++i) {
    if (likeness(*open[i - 1]) == likeness(*open[i]) &&
        open[i]->withdraw_from < open[i - 1]->withdraw_until) {
      return invalid("TAGGING_OVERLAP",
                     "Two denominations of equal values are open for withdrawal at one time, which "
                     "would tag their users: do not use this list.");
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status DenominationList::validate() const {
  CAFE_RETURN_IF_ERROR(check_issuer_id(issuer_id));
  if (number == 0) return invalid("LIST_NUMBER", "Denomination lists are numbered from 1.");
  CAFE_RETURN_IF_ERROR(check_limits(limits));
  absl::flat_hash_set<DenomId> ids;
  absl::flat_hash_set<std::string> keys;
  for (const Denomination& denomination : denominations) {
    CAFE_RETURN_IF_ERROR(denomination.validate());
    if (denomination.issuer_id != issuer_id) {
      return invalid("BAD_ISSUER_ID", "A list holds a denomination of another issuer.");
    }
    if (!ids.insert(denomination.id()).second) {
      return invalid("DUPLICATE_ITEM", "A list holds one denomination twice.");
    }
    if (!keys.insert(to_string(denomination.H.bytes())).second) return key_reused();
  }
  absl::flat_hash_set<DenomId> reported;
  for (const DenomId& id : compromised) {
    if (!ids.contains(id)) {
      return invalid("UNKNOWN_DENOMINATION",
                     "A list reports a denomination compromised that it does not hold.");
    }
    if (!reported.insert(id).second) {
      return invalid("DUPLICATE_ITEM", "A list reports one denomination compromised twice.");
    }
  }
  return check_tagging(*this);
}

const Denomination* DenominationList::find(const DenomId& id) const {
  for (const Denomination& denomination : denominations) {
    if (denomination.id() == id) return &denomination;
  }
  return nullptr;
}

bool DenominationList::is_compromised(const DenomId& id) const {
  return std::find(compromised.begin(), compromised.end(), id) != compromised.end();
}

absl::StatusOr<DenominationList> open_list(const SignedDocument& document,
                                           const Point& master_key) {
  CAFE_RETURN_IF_ERROR(document.check(master_key));
  CAFE_ASSIGN_OR_RETURN(DenominationList list, DenominationList::decode(document.frame));
  CAFE_RETURN_IF_ERROR(list.validate());
  return list;
}

absl::Status check_successor(const DenominationList& older, const DenominationList& newer) {
  if (newer.issuer_id != older.issuer_id || newer.number <= older.number ||
      newer.issued_at < older.issued_at) {
    return invalid("LIST_NUMBER",
                   "A new list of denominations must be of the same issuer, with a higher number "
                   "and no earlier date.");
  }
  absl::flat_hash_map<DenomId, const Denomination*> newer_ids;
  absl::flat_hash_map<std::string, DenomId> newer_keys;
  for (const Denomination& denomination : newer.denominations) {
    newer_ids.emplace(denomination.id(), &denomination);
    newer_keys.emplace(to_string(denomination.H.bytes()), denomination.id());
  }
  for (const Denomination& denomination : older.denominations) {
    const DenomId id = denomination.id();
    const auto same_key = newer_keys.find(to_string(denomination.H.bytes()));
    if (same_key != newer_keys.end() && same_key->second != id) return key_reused();
    if (denomination.claim_until > newer.issued_at && !newer_ids.contains(id)) {
      return invalid("DENOMINATION_VANISHED",
                     "A new list lacks a denomination whose coins can still be claimed.");
    }
  }
  for (const DenomId& id : older.compromised) {
    if (newer_ids.contains(id) && !newer.is_compromised(id)) {
      return invalid("DENOMINATION_VANISHED",
                     "A new list no longer reports a denomination compromised.");
    }
  }
  return absl::OkStatus();
}

bool is_equivocation(const SignedDocument& a, const SignedDocument& b, const Point& master_key) {
  if (!a.check(master_key).ok() || !b.check(master_key).ok()) return false;
  // Decoded only: a list that breaks other rules convicts all the same.
  const auto first = DenominationList::decode(a.frame);
  const auto second = DenominationList::decode(b.frame);
  return first.ok() && second.ok() && first->issuer_id == second->issuer_id &&
         first->number == second->number && a.frame != b.frame;
}

void DenominationTable::add(const DenominationList& list) {
  issuers_[list.issuer_id].insert_or_assign(list.number, Stated{list.issued_at, list.limits});
  for (const Denomination& denomination : list.denominations) {
    std::unique_ptr<Denomination>& place = by_id_[denomination.id()];
    if (place == nullptr) place = std::make_unique<Denomination>(denomination);
  }
  compromised_.insert(list.compromised.begin(), list.compromised.end());
}

const Denomination* DenominationTable::find(const DenomId& id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second.get();
}

namespace {

const Limits* of_currency(const std::vector<Limits>& limits, std::string_view currency) {
  for (const Limits& limit : limits) {
    if (limit.currency == currency) return &limit;
  }
  return nullptr;
}

}  // namespace

const Limits* DenominationTable::limits(std::string_view issuer_id,
                                        std::string_view currency) const {
  const auto issuer = issuers_.find(std::string(issuer_id));
  if (issuer == issuers_.end()) return nullptr;
  return of_currency(issuer->second.rbegin()->second.limits, currency);
}

std::optional<LimitsInForce> DenominationTable::limits_at(std::string_view issuer_id,
                                                          std::string_view currency,
                                                          uint64_t at_s) const {
  const auto issuer = issuers_.find(std::string(issuer_id));
  if (issuer == issuers_.end()) return std::nullopt;
  std::optional<LimitsInForce> out;
  // From the newest back, until one that was replaced long before.
  const auto& lists = issuer->second;
  for (auto list = lists.rbegin(); list != lists.rend(); ++list) {
    const bool first = std::next(list) == lists.rend();
    if (list->second.issued_at > at_s && !first) continue;  // not issued yet
    if (const Limits* stated = of_currency(list->second.limits, currency)) {
      if (!out) out = LimitsInForce{0, 0, UINT64_MAX};
      out->offline = std::max(out->offline, stated->offline_limit);
      out->identification_needed =
          std::max(out->identification_needed, stated->identification_limit);
      out->identification_allowed =
          std::min(out->identification_allowed, stated->identification_limit);
    }
    if (at_s >= list->second.issued_at && at_s - list->second.issued_at >= kListGrace_s) break;
  }
  return out;
}

}  // namespace cafe::protocol
