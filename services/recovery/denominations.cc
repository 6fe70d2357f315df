#include "services/recovery/denominations.h"

#include <algorithm>

#include "libs/platform/log.h"
#include "libs/protocol/loadtest_key.h"

namespace cafe::recovery {

using protocol::DenomId;
using protocol::SignedDocument;

namespace {
constexpr absl::Duration kLeastBetweenAttempts = absl::Seconds(1);
}  // namespace

std::vector<SignedDocument> KnownLists::lists_of(std::span<const DenomId> ids) const {
  std::vector<DenomId> wanted(ids.begin(), ids.end());
  std::vector<SignedDocument> named;
  for (auto each = lists.rbegin(); each != lists.rend() && !wanted.empty(); ++each) {
    const size_t removed =
        std::erase_if(wanted, [&](const DenomId& id) { return each->list.find(id) != nullptr; });
    if (removed > 0) named.push_back(each->document);
  }
  return named;
}

Denominations::Denominations(std::string issuer_id, const protocol::Point& master_key,
                             Withdrawal& withdrawal, const platform::Clock& clock,
                             platform::Metrics& metrics, bool production)
    : issuer_id_(std::move(issuer_id)),
      master_key_(master_key),
      withdrawal_(withdrawal),
      clock_(clock),
      production_(production),
      number_(metrics.gauge("cafe_recovery_denomination_list",
                            "Number of the newest list of denominations known here.")) {}

std::shared_ptr<const KnownLists> Denominations::current() const {
  const std::lock_guard lock(mutex_);
  return known_;
}

absl::StatusOr<KnownLists::List> Denominations::fetch(uint32_t number) {
  CAFE_ASSIGN_OR_RETURN(SignedDocument document, withdrawal_.list(number));
  CAFE_ASSIGN_OR_RETURN(protocol::DenominationList list, open_list(document, master_key_));
  if (list.issuer_id != issuer_id_ || (number != 0 && list.number != number)) {
    return protocol::invalid("WRONG_ISSUER", "The list of denominations is another one.");
  }
  if (production_) CAFE_RETURN_IF_ERROR(protocol::refuse_loadtest(list));
  return KnownLists::List{std::move(document), std::move(list)};
}

absl::Status Denominations::refresh() {
  const std::lock_guard lock(refresh_mutex_);
  return refresh_locked();
}

absl::Status Denominations::refresh_locked() {
  last_attempt_ = clock_.now();
  const uint64_t attempt = ++attempts_;
  CAFE_ASSIGN_OR_RETURN(const KnownLists::List newest, fetch(0));
  auto next = std::make_shared<KnownLists>();
  if (const auto before = current(); before != nullptr) next->lists = before->lists;
  const uint32_t last = newest.list.number;
  if (last <= next->lists.size()) {
    last_success_ = attempt;
    return absl::OkStatus();
  }
  for (auto number = static_cast<uint32_t>(next->lists.size() + 1); number <= last; ++number) {
    KnownLists::List list = newest;
    if (number < last) {
      CAFE_ASSIGN_OR_RETURN(list, fetch(number));
    }
    if (!next->lists.empty()) {
      CAFE_RETURN_IF_ERROR(check_successor(next->lists.back().list, list.list));
    }
    next->lists.push_back(std::move(list));
  }
  for (const KnownLists::List& each : next->lists) next->table.add(each.list);
  number_.Set(static_cast<double>(next->lists.size()));
  platform::log_info("new list of denominations", {{"number", next->lists.size()}});
  last_success_ = attempt;
  const std::lock_guard publish(mutex_);
  known_ = std::move(next);
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const KnownLists>> Denominations::known(
    std::span<const DenomId> ids) {
  const auto complete = [&](const KnownLists* lists) {
    return lists != nullptr && std::ranges::all_of(ids, [&](const DenomId& id) {
             return lists->table.find(id) != nullptr;
           });
  };
  const uint64_t earlier_attempts = attempts_;
  auto lists = current();
  if (complete(lists.get())) return lists;
  const std::lock_guard lock(refresh_mutex_);
  // Another call may have refreshed while this one waited.
  lists = current();
  if (complete(lists.get())) return lists;
  if (lists == nullptr || clock_.now() - last_attempt_ >= kLeastBetweenAttempts) {
    if (const absl::Status status = refresh_locked(); !status.ok()) {
      platform::log_warning("cannot refresh the denominations", {{"status", status}});
    }
    lists = current();
  }
  const bool up_to_date = lists != nullptr && last_success_ > earlier_attempts;
  if (up_to_date || complete(lists.get())) return lists;
  return protocol::make_error(absl::StatusCode::kUnavailable, "DENOMINATIONS_UNKNOWN",
                              "The issuer's newest list of denominations is not here yet: try "
                              "again.");
}

}  // namespace cafe::recovery
