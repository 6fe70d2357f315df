#include "services/doublespend/requests.h"

#include <algorithm>
#include <limits>
#include <string>

#include "libs/protocol/denomination.h"
#include "libs/protocol/lookup.h"
#include "libs/protocol/scalar.h"

namespace cafe::doublespend {
namespace {

using protocol::Bytes32;
using protocol::CoinId;
using protocol::invalid;
using protocol::Scalar;
using protocol::view_of;

absl::StatusOr<Bytes32> read_scalar(const std::string& bytes) {
  CAFE_ASSIGN_OR_RETURN(const Scalar scalar, Scalar::decode(view_of(bytes)));
  return scalar.bytes();
}

absl::StatusOr<SlotKey> read_key(const std::string& coin_id, uint32_t slot, uint64_t deposit_until,
                                 uint64_t now_s) {
  SlotKey key;
  key.slot = slot;
  key.deposit_until = deposit_until;
  CAFE_ASSIGN_OR_RETURN(key.coin_id, CoinId::decode(view_of(coin_id)));
  if (slot >= protocol::kMaxSlots) {
    return invalid("SLOT_OUTSIDE_COIN", "A coin has at most 64 slots, counted from 0.");
  }
  const uint64_t distance = std::max(deposit_until, now_s) - std::min(deposit_until, now_s);
  if (deposit_until == 0 || distance > kDateWindow_s) {
    return invalid("BAD_DATES",
                   "deposit_until is that of the coin's denomination, in unix seconds.");
  }
  return key;
}

absl::StatusOr<SpendRow> read_row(const v1::SpendRow& message, uint64_t now_s) {
  SpendRow row;
  CAFE_ASSIGN_OR_RETURN(
      row.key, read_key(message.coin_id(), message.slot(), message.deposit_until(), now_s));
  CAFE_ASSIGN_OR_RETURN(row.trace.d, read_scalar(message.d()));
  CAFE_ASSIGN_OR_RETURN(row.trace.r1, read_scalar(message.r1()));
  CAFE_ASSIGN_OR_RETURN(row.trace.r2, read_scalar(message.r2()));
  row.claim_until = message.claim_until();
  if (row.claim_until < row.key.deposit_until ||
      row.claim_until - row.key.deposit_until > kDateWindow_s) {
    return invalid("BAD_DATES",
                   "claim_until is that of the coin's denomination, not before deposit_until.");
  }
  row.place = {.batch = message.batch(), .position = message.position()};
  if (row.place.batch > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()) ||
      row.place.position >= static_cast<uint32_t>(kMaxRows)) {
    return invalid("BAD_PLACE",
                   "position is payment * 128 + spend of a batch of at most 1,000 payments.");
  }
  return row;
}

// One coin has one denomination and so one deadline. With two, its slots would lie in two
// partitions and none would see the other.
absl::Status check_one_deadline(const std::vector<SpendRow>& rows) {
  std::vector<std::pair<CoinId, uint64_t>> deadlines;
  deadlines.reserve(rows.size());
  for (const SpendRow& row : rows) {
    deadlines.emplace_back(row.key.coin_id, row.key.deposit_until);
  }
  std::sort(deadlines.begin(), deadlines.end());
  const auto differ = [](const auto& a, const auto& b) {
    return a.first == b.first && a.second != b.second;
  };
  if (std::adjacent_find(deadlines.begin(), deadlines.end(), differ) != deadlines.end()) {
    return invalid("BAD_DATES", "Two rows give one coin different deposit deadlines.");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<SpendRow>> read_record(const v1::RecordRequest& request,
                                                  uint64_t now_s) {
  if (request.rows_size() < 1 || request.rows_size() > kMaxRows) {
    return invalid("ROW_COUNT", "Record takes 1 to 128,000 rows.");
  }
  std::vector<SpendRow> rows;
  rows.reserve(request.rows_size());
  for (const v1::SpendRow& message : request.rows()) {
    CAFE_ASSIGN_OR_RETURN(SpendRow row, read_row(message, now_s));
    rows.push_back(row);
  }
  CAFE_RETURN_IF_ERROR(check_one_deadline(rows));
  return rows;
}

absl::StatusOr<ReserveOrder> read_reserve(const v1::ReserveRequest& request, uint64_t now_s) {
  if (request.slots_size() < 1 || request.slots_size() > kMaxReservedSlots) {
    return invalid("SLOT_COUNT", "Reserve takes 1 to 128 slots, all of one payment.");
  }
  if (request.hold_ms() < 1 || request.hold_ms() > kMaxHold_ms) {
    return invalid("BAD_HOLD", "A reservation lasts from 1 ms to ten minutes.");
  }
  ReserveOrder order{.slots = {}, .hold_ms = request.hold_ms()};
  std::vector<std::pair<CoinId, uint32_t>> slots;
  for (const v1::ReserveRequest::Slot& message : request.slots()) {
    SlotToReserve slot;
    CAFE_ASSIGN_OR_RETURN(
        slot.key, read_key(message.coin_id(), message.slot(), message.deposit_until(), now_s));
    CAFE_ASSIGN_OR_RETURN(slot.d, read_scalar(message.d()));
    slots.emplace_back(slot.key.coin_id, slot.key.slot);
    order.slots.push_back(slot);
  }
  std::sort(slots.begin(), slots.end());
  if (std::adjacent_find(slots.begin(), slots.end()) != slots.end()) {
    return invalid("SLOT_TWICE", "A payment spends each slot once.");
  }
  return order;
}

absl::StatusOr<std::vector<CoinId>> read_lookup(const v1::LookupRequest& request) {
  if (request.coin_ids_size() < 1 ||
      request.coin_ids_size() > static_cast<int>(protocol::kMaxLookup)) {
    return invalid("COIN_COUNT", "Lookup takes 1 to 1,000 coin ids.");
  }
  std::vector<CoinId> coins;
  for (const std::string& id : request.coin_ids()) {
    CAFE_ASSIGN_OR_RETURN(CoinId coin, CoinId::decode(view_of(id)));
    coins.push_back(coin);
  }
  return coins;
}

}  // namespace cafe::doublespend
