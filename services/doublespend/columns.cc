#include "services/doublespend/columns.h"

#include <algorithm>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"

namespace cafe::doublespend {
namespace {

constexpr int kPositionBits = 17;
constexpr absl::CivilMonth kFirstMonth(1970, 1);

}  // namespace

int16_t month_of(uint64_t deposit_until) {
  const absl::CivilMonth month = absl::ToCivilMonth(
      absl::FromUnixSeconds(static_cast<int64_t>(deposit_until)), absl::UTCTimeZone());
  return static_cast<int16_t>(month - kFirstMonth);
}

CoinRange coins_under(const protocol::CoinPrefix& prefix) {
  CoinRange range;
  range.last.bytes.fill(0xff);
  const auto first = protocol::encode_u32(prefix.value);
  const auto last = protocol::encode_u32(prefix.value | ~uint32_t{0} >> prefix.bits);
  std::ranges::copy(first, range.first.bytes.begin());
  std::ranges::copy(last, range.last.bytes.begin());
  return range;
}

int64_t pack_place(const Place& place) {
  return static_cast<int64_t>(place.batch << kPositionBits | place.position);
}

Place unpack_place(int64_t place) {
  const auto bits = static_cast<uint64_t>(place);
  return {.batch = bits >> kPositionBits,
          .position = static_cast<uint32_t>(bits & ((uint64_t{1} << kPositionBits) - 1))};
}

TraceBytes pack_trace(const Trace& trace) {
  TraceBytes bytes;
  auto to = bytes.begin();
  for (const protocol::Bytes32* part : {&trace.d, &trace.r1, &trace.r2}) {
    to = std::copy(part->begin(), part->end(), to);
  }
  return bytes;
}

Trace unpack_trace(const TraceBytes& bytes) {
  Trace trace;
  auto from = bytes.begin();
  for (protocol::Bytes32* part : {&trace.d, &trace.r1, &trace.r2}) {
    std::copy_n(from, part->size(), part->begin());
    from += static_cast<std::ptrdiff_t>(part->size());
  }
  return trace;
}

void KeyColumns::add(const SlotKey& key) {
  months.add(month_of(key.deposit_until));
  slots.add(static_cast<int16_t>(key.slot));
  coin_ids.add(key.coin_id);
}

SpendColumns::SpendColumns(std::span<const SpendRow> rows)
    : keys(rows.size()), places(rows.size()), traces(rows.size(), sizeof(TraceBytes)) {
  uint64_t deposit_until = 0;  // most rows share one: a calendar is slow
  int16_t month = 0;
  for (const SpendRow& row : rows) {
    if (row.key.deposit_until != deposit_until) {
      deposit_until = row.key.deposit_until;
      month = month_of(deposit_until);
    }
    keys.months.add(month);
    keys.slots.add(static_cast<int16_t>(row.key.slot));
    keys.coin_ids.add(row.key.coin_id);
    places.add(pack_place(row.place));
    traces.add(pack_trace(row.trace));
  }
}

}  // namespace cafe::doublespend
