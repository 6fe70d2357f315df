#include "services/deposit/denominations.h"

#include "libs/platform/log.h"
#include "libs/protocol/loadtest_key.h"
#include "services/deposit/store.h"

namespace cafe::deposit {

using platform::log_error;
using platform::log_info;
using protocol::Bytes;
using protocol::DenominationTable;
using protocol::SignedDocument;
using storage::Transaction;

namespace {
constexpr absl::Duration kLeastBetweenAttempts = absl::Seconds(1);
}  // namespace

Denominations::Denominations(std::string issuer_id, const protocol::Point& master_key,
                             storage::Database& database, Withdrawal& withdrawal,
                             const platform::Clock& clock, platform::Metrics& metrics,
                             bool production)
    : issuer_id_(std::move(issuer_id)),
      master_key_(master_key),
      database_(database),
      withdrawal_(withdrawal),
      clock_(clock),
      production_(production),
      number_(metrics.gauge("cafe_deposit_denomination_list",
                            "Number of the newest list of denominations known here.")),
      equivocations_(metrics.counter("cafe_deposit_list_equivocations_total",
                                     "Lists met that contradict one of the same number.")) {}

absl::StatusOr<Denominations::KnownList> Denominations::open(protocol::ByteView encoded) const {
  CAFE_ASSIGN_OR_RETURN(SignedDocument document, SignedDocument::decode(encoded));
  CAFE_ASSIGN_OR_RETURN(protocol::DenominationList list, open_list(document, master_key_));
  if (list.issuer_id != issuer_id_) {
    return protocol::invalid("WRONG_ISSUER", "The list of denominations is another issuer's.");
  }
  if (production_) CAFE_RETURN_IF_ERROR(protocol::refuse_loadtest(list));
  return KnownList{std::move(document), std::move(list)};
}

void Denominations::publish(std::vector<KnownList> lists) {
  lists_ = std::move(lists);
  if (lists_.empty()) return;
  auto table = std::make_shared<DenominationTable>();
  for (const KnownList& known : lists_) table->add(known.list);
  {
    const std::lock_guard lock(table_mutex_);
    table_ = std::move(table);
  }
  number_.Set(lists_.back().list.number);
}

absl::Status Denominations::load() {
  const std::lock_guard lock(refresh_mutex_);
  CAFE_ASSIGN_OR_RETURN(
      const std::vector<Bytes> documents,
      database_.transaction({.read_only = true, .idempotent = true},
                            [&](Transaction& tx) { return store::load_lists(tx, issuer_id_); }));
  std::vector<KnownList> lists;
  for (const Bytes& document : documents) {
    CAFE_ASSIGN_OR_RETURN(KnownList known, open(document));
    lists.push_back(std::move(known));
  }
  publish(std::move(lists));
  return absl::OkStatus();
}

absl::StatusOr<bool> Denominations::check_next(const KnownList& candidate) const {
  for (const KnownList& known : lists_) {
    if (known.list.number != candidate.list.number) continue;
    if (known.document.frame == candidate.document.frame) return false;
    equivocations_.Increment();
    log_error("the issuer signed two different lists of one number; both are evidence",
              {{"number", known.list.number},
               {"known_digest", protocol::to_hex(known.document.digest())},
               {"other_digest", protocol::to_hex(candidate.document.digest())}});
    return protocol::make_error(absl::StatusCode::kDataLoss, "LIST_EQUIVOCATION",
                                "Two lists of denominations with one number: stop and find out.");
  }
  if (lists_.empty()) return true;
  if (candidate.list.number < lists_.back().list.number) return false;  // a server that lags
  CAFE_RETURN_IF_ERROR(check_successor(lists_.back().list, candidate.list));
  return true;
}

absl::Status Denominations::refresh() {
  const std::lock_guard lock(refresh_mutex_);
  last_attempt_ = clock_.now();
  CAFE_ASSIGN_OR_RETURN(const Bytes encoded, withdrawal_.newest_list());
  CAFE_ASSIGN_OR_RETURN(KnownList candidate, open(encoded));
  CAFE_ASSIGN_OR_RETURN(const bool is_next, check_next(candidate));
  if (!is_next) return absl::OkStatus();
  CAFE_RETURN_IF_ERROR(database_.transaction({.idempotent = true}, [&](Transaction& tx) {
    return store::insert_list(tx, issuer_id_, candidate.list.number, encoded, unix_ms(clock_));
  }));
  log_info("new list of denominations", {{"number", candidate.list.number},
                                         {"denominations", candidate.list.denominations.size()}});
  std::vector<KnownList> lists = lists_;
  lists.push_back(std::move(candidate));
  publish(std::move(lists));
  return absl::OkStatus();
}

void Denominations::refresh_for_unknown() {
  {
    const std::lock_guard lock(refresh_mutex_);
    if (clock_.now() - last_attempt_ < kLeastBetweenAttempts) return;
  }
  if (const absl::Status status = refresh(); !status.ok()) {
    platform::log_warning("cannot refresh the denominations", {{"status", status}});
  }
}

absl::StatusOr<std::shared_ptr<const DenominationTable>> Denominations::table() const {
  const std::lock_guard lock(table_mutex_);
  if (table_ == nullptr) {
    return protocol::make_error(absl::StatusCode::kUnavailable, "DENOMINATIONS_UNKNOWN",
                                "The issuer's list of denominations is not here yet: try again.");
  }
  return table_;
}

}  // namespace cafe::deposit
