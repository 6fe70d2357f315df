#include "services/doublespend/requests.h"

#include <algorithm>
#include <string>

#include "libs/protocol/denomination.h"
#include "libs/protocol/lookup.h"
#include "libs/protocol/payment.h"
#include "libs/protocol/scalar.h"
#include "libs/protocol/slot_rows.h"
#include "libs/protocol/spend_rows.h"

namespace cafe::doublespend {
namespace {

using protocol::CoinId;
using protocol::invalid;
using protocol::view_of;

// The deposit deadline of a coin's denomination lies near enough.
absl::Status check_deposit_until(uint64_t deposit_until, uint64_t now_s) {
  const uint64_t distance = std::max(deposit_until, now_s) - std::min(deposit_until, now_s);
  if (deposit_until == 0 || distance > kDateWindow_s) {
    return invalid("BAD_DATES",
                   "deposit_until is that of the coin's denomination, in unix seconds.");
  }
  return absl::OkStatus();
}

absl::Status check_claim_until(uint64_t deposit_until, uint64_t claim_until) {
  if (claim_until < deposit_until || claim_until - deposit_until > kDateWindow_s) {
    return invalid("BAD_DATES",
                   "claim_until is that of the coin's denomination, not before deposit_until.");
  }
  return absl::OkStatus();
}

absl::Status check_key(const SlotKey& key, uint64_t now_s) {
  if (key.slot >= protocol::kMaxSlots) {
    return invalid("SLOT_OUTSIDE_COIN", "A coin has at most 64 slots, counted from 0.");
  }
  return check_deposit_until(key.deposit_until, now_s);
}

absl::Status check_row(const SpendRow& row, uint64_t now_s) {
  CAFE_RETURN_IF_ERROR(check_key(row.key, now_s));
  CAFE_RETURN_IF_ERROR(check_claim_until(row.key.deposit_until, row.claim_until));
  if (row.place.batch > kMaxBatch || row.place.position >= kMaxPositions) {
    return invalid("BAD_PLACE",
                   "position is payment * 128 + spend of a batch of at most 1,000 payments.");
  }
  if (row.ticks > protocol::kMaxTicks) {
    return invalid("BAD_TICKS", "A call has at most 2^20 ticks.");
  }
  return absl::OkStatus();
}

// One coin has one denomination and so one deadline. With two, its slots would lie in two
// partitions and none would see the other.
absl::Status check_one_deadline(const std::vector<SpendRow>& rows) {
  const auto as_first = [&](const SpendRow& row) {
    return row.key.deposit_until == rows.front().key.deposit_until;
  };
  if (std::all_of(rows.begin(), rows.end(), as_first)) return absl::OkStatus();
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

// The slots of one payment.
absl::StatusOr<std::vector<SlotToReserve>> read_slots(const std::string& packed, uint64_t now_s) {
  CAFE_ASSIGN_OR_RETURN(const protocol::SlotRows rows, protocol::SlotRows::open(packed));
  if (rows.size() < 1 || rows.size() > kMaxReservedSlots) {
    return invalid("SLOT_COUNT", "A payment reserves 1 to 128 slots.");
  }
  std::vector<SlotToReserve> slots;
  std::vector<std::pair<CoinId, uint32_t>> names;
  for (size_t i = 0; i < rows.size(); ++i) {
    const protocol::PackedSlot from = rows[i];
    const SlotToReserve& slot = slots.emplace_back(
        SlotToReserve{.key = {from.coin_id, from.slot, from.deposit_until}, .d = from.d});
    CAFE_RETURN_IF_ERROR(check_key(slot.key, now_s));
    CAFE_RETURN_IF_ERROR(protocol::Scalar::decode(slot.d).status());
    names.emplace_back(from.coin_id, from.slot);
  }
  std::sort(names.begin(), names.end());
  if (std::adjacent_find(names.begin(), names.end()) != names.end()) {
    return invalid("SLOT_TWICE", "A payment spends each slot once.");
  }
  return slots;
}

absl::StatusOr<std::vector<CoinId>> read_coin_ids(
    const google::protobuf::RepeatedPtrField<std::string>& ids) {
  std::vector<CoinId> coins;
  coins.reserve(static_cast<size_t>(ids.size()));
  for (const std::string& id : ids) {
    CAFE_ASSIGN_OR_RETURN(CoinId coin, CoinId::decode(view_of(id)));
    coins.push_back(coin);
  }
  return coins;
}

absl::StatusOr<ClaimedCoin> read_claimed(const v1::MarkClaimedRequest::Coin& from, uint64_t now_s) {
  CAFE_ASSIGN_OR_RETURN(const CoinId coin_id, CoinId::decode(view_of(from.coin_id())));
  if (from.slots() == 0) return invalid("NO_SLOT", "A claimed coin names at least one slot.");
  CAFE_RETURN_IF_ERROR(check_deposit_until(from.deposit_until(), now_s));
  CAFE_RETURN_IF_ERROR(check_claim_until(from.deposit_until(), from.claim_until()));
  return ClaimedCoin{coin_id, from.slots(), from.deposit_until(), from.claim_until()};
}

absl::Status check_coin_count(int count) {
  if (count < 1 || count > kMaxClaimedCoins) {
    return invalid("COIN_COUNT", "A call names 1 to 4,096 coins.");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<SpendRow>> read_record(const v1::RecordRequest& request,
                                                  uint64_t now_s) {
  CAFE_ASSIGN_OR_RETURN(const protocol::SpendRows packed,
                        protocol::SpendRows::open(request.rows()));
  if (packed.size() < 1 || packed.size() > kMaxRows) {
    return invalid("ROW_COUNT", "Record takes 1 to 50,000 rows.");
  }
  std::vector<SpendRow> rows;
  rows.reserve(packed.size());
  for (size_t i = 0; i < packed.size(); ++i) {
    if (!packed.has_canonical_scalars(i)) {
      return invalid("SCALAR_TOO_LARGE", "A scalar is not below the order of the group.");
    }
    const protocol::PackedSpend from = packed[i];
    rows.push_back({.key = {from.coin_id, from.slot, from.deposit_until},
                    .place = {.batch = from.batch, .position = from.position},
                    .trace = {from.d, from.r1, from.r2},
                    .claim_until = from.claim_until,
                    .ticks = from.ticks});
    CAFE_RETURN_IF_ERROR(check_row(rows.back(), now_s));
  }
  CAFE_RETURN_IF_ERROR(check_one_deadline(rows));
  return rows;
}

absl::StatusOr<std::vector<ReserveOrder>> read_reserve(const v1::ReserveRequest& request,
                                                       uint64_t now_ms) {
  if (request.payments_size() < 1 || request.payments_size() > kMaxReservedPayments) {
    return invalid("PAYMENT_COUNT", "Reserve takes 1 to 256 payments.");
  }
  if (request.hold_ms() < 1 || request.hold_ms() > kMaxHold_ms) {
    return invalid("BAD_HOLD", "A reservation lasts from 1 ms to ten minutes.");
  }
  std::vector<ReserveOrder> orders;
  orders.reserve(static_cast<size_t>(request.payments_size()));
  for (const v1::ReserveRequest::Payment& payment : request.payments()) {
    ReserveOrder& order = orders.emplace_back();
    order.until_ms = now_ms + request.hold_ms();
    CAFE_ASSIGN_OR_RETURN(order.slots, read_slots(payment.slots(), now_ms / 1000));
  }
  return orders;
}

absl::StatusOr<std::vector<CoinId>> read_lookup(const v1::LookupRequest& request) {
  if (request.coin_ids_size() < 1 ||
      request.coin_ids_size() > static_cast<int>(protocol::kMaxLookup)) {
    return invalid("COIN_COUNT", "Lookup takes 1 to 1,000 coin ids.");
  }
  return read_coin_ids(request.coin_ids());
}

absl::StatusOr<protocol::CoinPrefix> read_prefix(const v1::LookupPrefixRequest& request) {
  // A number of bits that a byte does not hold is wrong like any other above the most.
  const protocol::CoinPrefix prefix{
      .bits = static_cast<uint8_t>(std::min<uint32_t>(request.bits(), UINT8_MAX)),
      .value = request.prefix()};
  CAFE_RETURN_IF_ERROR(prefix.check());
  return prefix;
}

absl::StatusOr<std::vector<ClaimedCoin>> read_mark_claimed(const v1::MarkClaimedRequest& request,
                                                           uint64_t now_s) {
  if (request.claim() < 1 || request.claim() > INT64_MAX) {
    return invalid("BAD_CLAIM", "Claims are numbered from 1 on.");
  }
  CAFE_RETURN_IF_ERROR(check_coin_count(request.coins_size()));
  std::vector<ClaimedCoin> coins;
  std::vector<CoinId> names;
  for (const v1::MarkClaimedRequest::Coin& from : request.coins()) {
    CAFE_ASSIGN_OR_RETURN(const ClaimedCoin coin, read_claimed(from, now_s));
    coins.push_back(coin);
    names.push_back(coin.coin_id);
  }
  std::sort(names.begin(), names.end());
  if (std::adjacent_find(names.begin(), names.end()) != names.end()) {
    return invalid("COIN_TWICE", "A claim names each coin once, with all its slots.");
  }
  return coins;
}

absl::StatusOr<std::vector<CoinId>> read_locate(const v1::LocateRequest& request) {
  CAFE_RETURN_IF_ERROR(check_coin_count(request.coin_ids_size()));
  return read_coin_ids(request.coin_ids());
}

}  // namespace cafe::doublespend
