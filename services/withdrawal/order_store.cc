#include "services/withdrawal/order_store.h"

#include <algorithm>

#include "libs/protocol/frame.h"
#include "libs/storage/array_param.h"

namespace cafe::withdrawal {

using protocol::AccountId;
using protocol::Bytes;
using protocol::Bytes32;
using storage::BigintArray;
using storage::ByteaArray;
using storage::Row;
using storage::Rows;

namespace {

/// A number as a bigint. One above 2^63 - 1 becomes a negative one, under which nothing is stored.
int64_t stored(uint64_t number) { return static_cast<int64_t>(number); }

/// Records of currency (3 bytes) ‖ u64 amount.
Bytes wanted_of(std::span<const protocol::Completion::Debit> debits) {
  Bytes wanted;
  for (const auto& debit : debits) {
    protocol::append(wanted, protocol::view_of(debit.currency));
    protocol::append(wanted, protocol::encode_u64(debit.amount));
  }
  return wanted;
}

/// The places column by column.
struct PlaceColumns {
  ByteaArray accounts;
  BigintArray ns, time_slots;
  ByteaArray wanted;

  explicit PlaceColumns(std::span<const OrderPlace> places)
      : accounts(places.size(), AccountId::kSize),
        ns(places.size()),
        time_slots(places.size()),
        wanted(places.size(), 11) {
    for (const OrderPlace& place : places) {
      accounts.add(place.account.bytes);
      ns.add(stored(place.n));
      time_slots.add(stored(place.time_slot));
      wanted.add(wanted_of(place.debits));
    }
  }
};

/// Ids one after the other, or NULL for none.
DenomSet denominations_at(const Row& row, int column) {
  DenomSet ids;
  if (row.is_null(column)) return ids;
  const Bytes packed = row.bytes(column);
  for (size_t i = 0; i + protocol::DenomId::kSize <= packed.size(); i += protocol::DenomId::kSize) {
    protocol::DenomId id;
    std::copy_n(packed.begin() + static_cast<ptrdiff_t>(i), id.bytes.size(), id.bytes.begin());
    ids.insert(id);
  }
  return ids;
}

/// item, last_order, closed, void, short_of, the lineage in four columns, stopped; then
/// order_digest and completion, where they were read.
GroupFacts facts_of(const Rows& rows, size_t places, bool with_completions) {
  GroupFacts facts;
  facts.orders.resize(places);
  for (const Row row : rows) {
    OrderFacts& order = facts.orders.at(row.get<uint32_t>(0) - 1).emplace();
    order.state = {row.get<uint64_t>(1), row.boolean(2)};
    order.slot_void = row.boolean(3);
    order.short_of = row.get<std::optional<std::string>>(4);
    if (with_completions && !row.is_null(10)) {
      order.completed = CompletedOrder{row.get<Bytes32>(10), row.bytes(11)};
    }
  }
  if (!rows.empty()) {
    facts.lineage = lineage_at(rows.front(), 5);
    facts.stopped = denominations_at(rows.front(), 9);
  }
  return facts;
}

}  // namespace

absl::StatusOr<GroupFacts> read_orders(Transaction& tx, std::span<const OrderPlace> places) {
  const PlaceColumns columns(places);
  CAFE_ASSIGN_OR_RETURN(
      const Rows rows,
      tx.query("SELECT o.item, a.last_order, a.closed_at IS NOT NULL, "
               "coalesce((SELECT s.outcome = 'void' FROM withdrawal.order_slot s "
               "WHERE s.account_id = o.account_id AND s.n = o.n AND s.time_slot = o.time_slot), "
               "false), "
               "withdrawal.short_of(o.account_id, o.wanted), "
               "l.system_identifier, l.timeline, l.postmaster_start_us, l.epoch, "
               "(SELECT string_agg(d.denom_id, ''::bytea) FROM withdrawal.denomination_stop d) "
               "FROM withdrawal.present_lineage() l CROSS JOIN "
               "unnest($1::bytea[], $2::bigint[], $3::bigint[], $4::bytea[]) WITH ORDINALITY "
               "AS o (account_id, n, time_slot, wanted, item) "
               "JOIN withdrawal.account a ON a.account_id = o.account_id",
               columns.accounts.bytes(), columns.ns.bytes(), columns.time_slots.bytes(),
               columns.wanted.bytes()));
  return facts_of(rows, places.size(), /*with_completions=*/false);
}

absl::StatusOr<GroupFacts> lock_orders(Transaction& tx, std::span<const OrderPlace> places,
                                       bool wait) {
  const PlaceColumns columns(places);
  CAFE_ASSIGN_OR_RETURN(
      const Rows rows,
      tx.query("SELECT item, last_order, closed, void, short_of, system_identifier, timeline, "
               "postmaster_start_us, epoch, stopped, order_digest, completion "
               "FROM withdrawal.lock_orders($1::bytea[], $2::bigint[], $3::bigint[], $4::bytea[], "
               "$5::boolean)",
               columns.accounts.bytes(), columns.ns.bytes(), columns.time_slots.bytes(),
               columns.wanted.bytes(), wait));
  return facts_of(rows, places.size(), /*with_completions=*/true);
}

absl::Status insert_completions(Transaction& tx, const Bytes32& lineage,
                                std::span<const NewCompletion> completions) {
  const size_t count = completions.size();
  constexpr size_t kOrderBytes = 2500, kCompletionBytes = 500;
  ByteaArray accounts(count, AccountId::kSize), digests(count, lineage.size());
  ByteaArray orders(count, kOrderBytes), answers(count, kCompletionBytes);
  BigintArray ns(count), time_slots(count);
  ByteaArray line_accounts(count, AccountId::kSize);
  ByteaArray line_denominations(count, protocol::DenomId::kSize);
  BigintArray line_ns(count), line_counts(count), line_values(count);
  for (const NewCompletion& completion : completions) {
    accounts.add(completion.account.bytes);
    ns.add(stored(completion.n));
    time_slots.add(stored(completion.time_slot));
    digests.add(completion.order_digest);
    orders.add(completion.signed_order);
    answers.add(completion.completion);
    for (const IssuedLine& line : completion.lines) {
      line_accounts.add(completion.account.bytes);
      line_ns.add(stored(completion.n));
      line_denominations.add(line.denom_id.bytes);
      line_counts.add(line.count);
      line_values.add(stored(line.value));
    }
  }
  CAFE_ASSIGN_OR_RETURN(
      const Rows moved,
      tx.query("SELECT withdrawal.record_completions($1::bytea, $2::bytea[], $3::bigint[], "
               "$4::bigint[], $5::bytea[], $6::bytea[], $7::bytea[], $8::bytea[], $9::bigint[], "
               "$10::bytea[], $11::bigint[], $12::bigint[])",
               lineage, accounts.bytes(), ns.bytes(), time_slots.bytes(), digests.bytes(),
               orders.bytes(), answers.bytes(), line_accounts.bytes(), line_ns.bytes(),
               line_denominations.bytes(), line_counts.bytes(), line_values.bytes()));
  if (!moved.front().boolean(0)) {
    return protocol::make_error(absl::StatusCode::kInternal, "CHAIN_BROKEN",
                                "An account's chain of orders moved under its lock.");
  }
  return absl::OkStatus();
}

}  // namespace cafe::withdrawal
