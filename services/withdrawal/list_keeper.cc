#include "services/withdrawal/list_keeper.h"

#include "libs/platform/log.h"
#include "libs/protocol/loadtest_key.h"

namespace cafe::withdrawal {
namespace {

platform::Gauge& alarm(platform::Metrics& metrics, const std::string& kind) {
  return metrics.gauge("cafe_withdrawal_alarm", "Conditions that an operator must look at.",
                       {{"kind", kind}});
}

}  // namespace

ListKeeper::ListKeeper(const protocol::Point& master_key,
                       const storage::DenominationSecrets& secrets, const platform::Clock& clock,
                       platform::Metrics& metrics, bool production)
    : master_key_(master_key),
      secrets_(secrets),
      clock_(clock),
      production_(production),
      list_refused_(alarm(metrics, "list_refused")),
      list_replaced_(alarm(metrics, "list_replaced")),
      key_missing_(alarm(metrics, "key_missing")),
      stopped_(alarm(metrics, "denomination_stopped")) {}

std::shared_ptr<const DenominationBook> ListKeeper::book() const {
  const std::lock_guard lock(mutex_);
  return offer_ == nullptr ? nullptr : offer_->book;
}

absl::Status ListKeeper::newest_refusal() const {
  const std::lock_guard lock(mutex_);
  return newest_refusal_;
}

absl::StatusOr<std::shared_ptr<const Offer>> ListKeeper::offer() const {
  const std::lock_guard lock(mutex_);
  if (offer_ == nullptr || offer_->book == nullptr) {
    return protocol::make_error(absl::StatusCode::kUnavailable, "NO_DENOMINATIONS",
                                "The issuer has not published a list of denominations yet.");
  }
  return offer_;
}

absl::Status ListKeeper::refresh(storage::Database& db) {
  const std::lock_guard refreshing(refreshing_);
  const std::shared_ptr<const DenominationBook> before = book();
  std::vector<ListRow> published;
  auto next = std::make_shared<Offer>();
  CAFE_RETURN_IF_ERROR(
      db.transaction({.read_only = true, .idempotent = true}, [&](Transaction& tx) -> absl::Status {
        // The one in use is read again, to see that it is still the same.
        CAFE_ASSIGN_OR_RETURN(published,
                              lists_from(tx, before == nullptr ? 1 : before->list().number));
        CAFE_ASSIGN_OR_RETURN(next->stopped, stopped_denominations(tx));
        return absl::OkStatus();
      }));
  next->book = advance(before, published);
  stopped_.Set(static_cast<double>(next->stopped.size()));
  key_missing_.Set(
      next->book == nullptr
          ? 0
          : static_cast<double>(next->book->missing_keys(platform::unix_seconds(clock_)).size()));
  const std::lock_guard lock(mutex_);
  offer_ = std::move(next);
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const DenominationBook>> ListKeeper::open(
    const ListRow& row, const DenominationBook* before) const {
  CAFE_ASSIGN_OR_RETURN(const protocol::SignedDocument document,
                        protocol::SignedDocument::decode(row.document));
  CAFE_ASSIGN_OR_RETURN(std::shared_ptr<const DenominationBook> opened,
                        DenominationBook::open(document, master_key_, secrets_, before));
  if (opened->list().number != row.number) {
    return protocol::refused("LIST_NUMBER", "The list was published under another number.");
  }
  if (production_) CAFE_RETURN_IF_ERROR(protocol::refuse_loadtest(opened->list()));
  return opened;
}

std::shared_ptr<const DenominationBook> ListKeeper::advance(
    std::shared_ptr<const DenominationBook> book, const std::vector<ListRow>& published) {
  for (const ListRow& row : published) {
    if (book != nullptr && row.number == book->list().number) {
      const absl::StatusOr<protocol::SignedDocument> document =
          protocol::SignedDocument::decode(row.document);
      const bool same = document.ok() && document->digest() == book->digest();
      list_replaced_.Set(same ? 0 : 1);
      if (!same) {
        platform::log_error("the list in use was replaced under its number",
                            {{"number", row.number}});
      }
      continue;
    }
    const bool first_look = row.number > seen_;
    if (!first_look) continue;
    seen_ = row.number;
    absl::StatusOr<std::shared_ptr<const DenominationBook>> opened = open(row, book.get());
    {
      const std::lock_guard lock(mutex_);
      newest_refusal_ = opened.status();
    }
    if (!opened.ok()) {
      list_refused_.Set(1);
      platform::log_error("a published list is refused; the last good one stays in use",
                          {{"number", row.number}, {"status", opened.status()}});
      continue;
    }
    // A good list after a refused one mends what was wrong.
    list_refused_.Set(0);
    book = *std::move(opened);
    platform::log_info("list of denominations in use",
                       {{"number", row.number},
                        {"denominations", book->list().denominations.size()},
                        {"digest", protocol::to_hex(book->digest())}});
    for (const protocol::DenomId& id : book->missing_keys(platform::unix_seconds(clock_))) {
      platform::log_error("no key for a denomination on offer: it cannot be withdrawn here",
                          {{"denomination", id.hex()}});
    }
  }
  return book;
}

absl::StatusOr<protocol::SignedDocument> ListKeeper::verified(protocol::ByteView document) const {
  CAFE_ASSIGN_OR_RETURN(protocol::SignedDocument decoded,
                        protocol::SignedDocument::decode(document));
  CAFE_ASSIGN_OR_RETURN(const protocol::DenominationList list,
                        protocol::open_list(decoded, master_key_));
  if (production_) CAFE_RETURN_IF_ERROR(protocol::refuse_loadtest(list));
  return decoded;
}

}  // namespace cafe::withdrawal
