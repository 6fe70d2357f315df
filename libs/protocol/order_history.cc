#include "libs/protocol/order_history.h"

#include "libs/protocol/document_fields.h"
#include "libs/protocol/hash.h"

namespace cafe::protocol {

namespace {

constexpr std::string_view kQueryLabel = "cafe/v1/orders-query";
constexpr std::string_view kListedLabel = "cafe/v1/orders-listed";
constexpr size_t kListedWidth = 8 + 32 + 32;  // u64 N ‖ order digest ‖ completion digest

absl::StatusOr<std::vector<ListedOrder>> decode_listed(ByteView list, uint64_t last_order) {
  CAFE_ASSIGN_OR_RETURN(const size_t count, count_items(list, kListedWidth, kMaxOrdersListed));
  std::vector<ListedOrder> orders(count);
  for (size_t i = 0; i < count; ++i) {
    const ByteView item = list.subspan(i * kListedWidth, kListedWidth);
    ListedOrder& listed = orders[i];
    listed.order = decode_u64(item.first<8>());
    CAFE_ASSIGN_OR_RETURN(listed.order_digest, to_array<32>(item.subspan(8, 32)));
    CAFE_ASSIGN_OR_RETURN(listed.completion_digest, to_array<32>(item.subspan(40, 32)));
    const bool follows = i == 0 || orders[i - 1].order == listed.order - 1;
    if (!follows || listed.order == 0 || listed.order > last_order) {
      return invalid("NOT_CANONICAL",
                     "Listed orders have consecutive numbers from 1 up to the account's last.");
    }
  }
  return orders;
}

absl::Status mismatch() {
  return invalid("LISTING_MISMATCH",
                 "The orders are not those that the issuer's signed listing names: keep both, they "
                 "are evidence.");
}

// Both documents are of the order that the listing says, and of one account.
absl::Status check_record(const OrdersListed& listed, const ListedOrder& entry,
                          const OrderRecord& record) {
  if (record.order.digest() != entry.order_digest ||
      record.completion.digest() != entry.completion_digest) {
    return mismatch();
  }
  CAFE_ASSIGN_OR_RETURN(const Order order, Order::decode(record.order.frame));
  CAFE_ASSIGN_OR_RETURN(const Completion completion, Completion::decode(record.completion.frame));
  const bool same = order.opened.issuer_id == listed.issuer_id &&
                    order.opened.account == listed.account && order.opened.order == entry.order &&
                    completion.issuer_id == listed.issuer_id &&
                    completion.account == listed.account && completion.order == entry.order &&
                    completion.order_digest == entry.order_digest;
  return same ? absl::OkStatus() : mismatch();
}

}  // namespace

Bytes OrdersQuery::encode() const {
  return Frame(kQueryLabel)
      .add(issuer_id)
      .add(account)
      .add(by)
      .add_u64(after)
      .add_u64(after_load)
      .add_u64(time_ms)
      .take();
}

absl::StatusOr<OrdersQuery> OrdersQuery::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kQueryLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(std::string issuer_id, issuer_field(in));
  CAFE_ASSIGN_OR_RETURN(AccountId account, in.id<AccountId>());
  CAFE_ASSIGN_OR_RETURN(AccountId by, in.id<AccountId>());
  CAFE_ASSIGN_OR_RETURN(uint64_t after, in.u64());
  CAFE_ASSIGN_OR_RETURN(uint64_t after_load, in.u64());
  CAFE_ASSIGN_OR_RETURN(uint64_t time_ms, in.u64());
  CAFE_RETURN_IF_ERROR(in.finish());
  return OrdersQuery{std::move(issuer_id), account, by, after, after_load, time_ms};
}

Bytes OrdersListed::encode() const {
  Bytes list;
  list.reserve(orders.size() * kListedWidth);
  for (const ListedOrder& listed : orders) {
    append(list, encode_u64(listed.order));
    append(list, listed.order_digest);
    append(list, listed.completion_digest);
  }
  return Frame(kListedLabel)
      .add(issuer_id)
      .add(account)
      .add(query_digest)
      .add_u64(last_order)
      .add_u64(last_load)
      .add_u64(time_ms)
      .add(list)
      .take();
}

absl::StatusOr<OrdersListed> OrdersListed::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kListedLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(std::string issuer_id, issuer_field(in));
  CAFE_ASSIGN_OR_RETURN(AccountId account, in.id<AccountId>());
  CAFE_ASSIGN_OR_RETURN(Bytes32 query_digest, in.array<32>());
  CAFE_ASSIGN_OR_RETURN(uint64_t last_order, in.u64());
  CAFE_ASSIGN_OR_RETURN(uint64_t last_load, in.u64());
  CAFE_ASSIGN_OR_RETURN(uint64_t time_ms, in.u64());
  CAFE_ASSIGN_OR_RETURN(ByteView list, in.field());
  CAFE_RETURN_IF_ERROR(in.finish());
  CAFE_ASSIGN_OR_RETURN(std::vector<ListedOrder> orders, decode_listed(list, last_order));
  return OrdersListed{std::move(issuer_id), account, query_digest, last_order, last_load, time_ms,
                      std::move(orders)};
}

namespace {

constexpr std::string_view kRecordLabel = "cafe/v1/order-record";

absl::StatusOr<SignedDocument> document_field(FrameReader& in) {
  CAFE_ASSIGN_OR_RETURN(const ByteView bytes, in.field());
  return SignedDocument::decode(bytes);
}

}  // namespace

Bytes OrderRecord::encode() const {
  return Frame(kRecordLabel).add(order.encode()).add(completion.encode()).take();
}

absl::StatusOr<OrderRecord> OrderRecord::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kRecordLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(SignedDocument order, document_field(in));
  CAFE_ASSIGN_OR_RETURN(SignedDocument completion, document_field(in));
  CAFE_RETURN_IF_ERROR(in.finish());
  return OrderRecord{std::move(order), std::move(completion)};
}

absl::Status check_listing(const OrdersQuery& query, const OrdersListed& listed,
                           std::span<const OrderRecord> records, size_t loads) {
  if (listed.issuer_id != query.issuer_id || listed.account != query.account ||
      listed.query_digest != sha256(query.encode()) || records.size() != listed.orders.size()) {
    return mismatch();
  }
  const bool more = listed.last_order > query.after;
  if (more ? listed.orders.empty() || listed.orders.front().order != query.after + 1
           : !listed.orders.empty()) {
    return invalid("LISTING_GAP",
                   "The issuer's listing leaves out orders that the account completed: keep it, it "
                   "is evidence.");
  }
  const uint64_t more_loads =
      listed.last_load > query.after_load ? listed.last_load - query.after_load : 0;
  if (loads > more_loads || (!more && loads == 0 && more_loads > 0)) {
    return invalid("LISTING_GAP",
                   "The loads are not those that the issuer's listing counts: keep both, they are "
                   "evidence.");
  }
  for (size_t i = 0; i < records.size(); ++i) {
    CAFE_RETURN_IF_ERROR(check_record(listed, listed.orders[i], records[i]));
  }
  return absl::OkStatus();
}

}  // namespace cafe::protocol
