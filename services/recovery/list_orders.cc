#include "services/recovery/list_orders.h"

#include <algorithm>
#include <iterator>

#include "services/recovery/account.h"
#include "services/recovery/fresh.h"

namespace cafe::recovery {

using protocol::AccountId;
using protocol::OrderRecord;
using protocol::SignedDocument;

namespace {

// An order may hold 64 kB of attachment, and a message 8 MB: an answer ends early where it would be
// longer than half of that. So do withdrawal's.
constexpr size_t kEnoughBytes = size_t{4} << 20;

size_t bytes_of(const SignedDocument& document) { return document.encode().size(); }
size_t bytes_of(const OrderRecord& record) {
  return bytes_of(record.order) + bytes_of(record.completion);
}

// The first `documents` for which an answer has room that has `bytes` already, which grow; at least
// one where it has nothing.
template <typename Document>
void shorten(std::vector<Document>& documents, size_t& bytes) {
  for (size_t i = 0; i < documents.size(); ++i) {
    const size_t more = bytes_of(documents[i]);
    if (bytes > 0 && bytes + more > kEnoughBytes) {
      documents.erase(documents.begin() + static_cast<std::ptrdiff_t>(i), documents.end());
      bytes = kEnoughBytes;
      return;
    }
    bytes += more;
  }
}

constexpr uint64_t kLoadsAtOnce = 100;

absl::Status missing(std::string_view what) {
  std::string message = "Withdrawal lists fewer than it says that there are: ";
  message += what;
  return protocol::make_error(absl::StatusCode::kInternal, "PEER_ANSWER", message);
}

}  // namespace

absl::StatusOr<std::vector<OrderRecord>> fetch_orders(const RecoveryParts& parts,
                                                      const AccountId& account, uint64_t after,
                                                      uint64_t count, absl::Time deadline) {
  std::vector<OrderRecord> orders;
  while (orders.size() < count) {
    const auto limit =
        static_cast<uint32_t>(std::min<uint64_t>(count - orders.size(), kMostOrdersAtOnce));
    CAFE_ASSIGN_OR_RETURN(std::vector<OrderRecord> page,
                          parts.withdrawal.orders(account, after + orders.size(), limit, deadline));
    if (page.empty()) return missing("orders");
    std::move(page.begin(), page.end(), std::back_inserter(orders));
  }
  return orders;
}

absl::StatusOr<std::vector<SignedDocument>> fetch_loads(const RecoveryParts& parts,
                                                        const AccountId& account, uint64_t after,
                                                        uint64_t count, absl::Time deadline) {
  std::vector<SignedDocument> loads;
  while (loads.size() < count) {
    const auto limit = static_cast<uint32_t>(std::min(count - loads.size(), kLoadsAtOnce));
    CAFE_ASSIGN_OR_RETURN(std::vector<SignedDocument> page,
                          parts.withdrawal.loads(account, after + loads.size(), limit, deadline));
    if (page.empty()) return missing("loads");
    std::move(page.begin(), page.end(), std::back_inserter(loads));
  }
  return loads;
}

absl::StatusOr<OrdersAnswer> list_orders(const RecoveryParts& parts, protocol::ByteView encoded,
                                         absl::Time deadline) {
  CAFE_ASSIGN_OR_RETURN(const SignedDocument document, SignedDocument::decode(encoded));
  CAFE_ASSIGN_OR_RETURN(const auto query, protocol::OrdersQuery::decode(document.frame));
  CAFE_RETURN_IF_ERROR(check_issuer(query.issuer_id, parts.issuer_id));
  CAFE_ASSIGN_OR_RETURN(const AccountAnswer answer,
                        parts.withdrawal.account(query.account, deadline));
  CAFE_ASSIGN_OR_RETURN(Account account,
                        open_account(answer, query.account, parts.issuer_id, parts.anchors));
  CAFE_RETURN_IF_ERROR(check_speaker(account, query.by, document));
  const uint64_t now_ms = unix_ms(parts.clock);
  CAFE_RETURN_IF_ERROR(check_fresh(query.time_ms, parts.callers_now_ms(query.time_ms)));

  OrdersAnswer listed{.listing = {},
                      .orders = {},
                      .key_certificates = std::move(account.key_certificates),
                      .registration_file = answer.registration_file,
                      .receipt = answer.receipt,
                      .loads = {}};
  listed.key_certificates.push_back(parts.key.certificate);
  const uint64_t behind = account.last_order > query.after ? account.last_order - query.after : 0;
  CAFE_ASSIGN_OR_RETURN(
      listed.orders,
      fetch_orders(parts, query.account, query.after,
                   std::min<uint64_t>(behind, protocol::kMaxOrdersListed), deadline));
  size_t bytes = 0;
  shorten(listed.orders, bytes);
  const uint64_t loads =
      account.last_load > query.after_load ? account.last_load - query.after_load : 0;
  if (bytes < kEnoughBytes) {
    CAFE_ASSIGN_OR_RETURN(
        listed.loads, fetch_loads(parts, query.account, query.after_load,
                                  std::min<uint64_t>(loads, protocol::kMaxLoadsListed), deadline));
    shorten(listed.loads, bytes);
  }
  protocol::OrdersListed listing{.issuer_id = parts.issuer_id,
                                 .account = query.account,
                                 .query_digest = document.digest(),
                                 .last_order = account.last_order,
                                 .last_load = account.last_load,
                                 .time_ms = now_ms,
                                 .orders = {}};
  for (const OrderRecord& record : listed.orders) {
    listing.orders.push_back({query.after + listing.orders.size() + 1, record.order.digest(),
                              record.completion.digest()});
  }
  CAFE_ASSIGN_OR_RETURN(const SignedDocument signed_listing, parts.sign(listing.encode(), now_ms));
  listed.listing = signed_listing.encode();
  return listed;
}

}  // namespace cafe::recovery
