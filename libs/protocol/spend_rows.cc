#include "libs/protocol/spend_rows.h"

#include <cstring>

#include "libs/protocol/frame.h"

namespace cafe::protocol {
namespace {

// q, the order of P-256.
constexpr Bytes32 kOrder = {0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff,
                            0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
                            0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};

constexpr size_t kTraceOffset = 32;
constexpr size_t kNumbersOffset = kTraceOffset + kSpendTraceSize;

void put(std::string& to, ByteView bytes) {
  to.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

}  // namespace

void append_spend_row(std::string& to, const PackedSpend& row) {
  put(to, row.coin_id);
  put(to, row.d);
  put(to, row.r1);
  put(to, row.r2);
  put(to, encode_u64(row.deposit_until));
  put(to, encode_u64(row.claim_until));
  put(to, encode_u64(row.batch));
  put(to, encode_u32(row.position));
  put(to, encode_u32(row.slot));
  put(to, encode_u32(row.ticks));
}

absl::StatusOr<SpendRows> SpendRows::open(std::string_view packed) {
  if (packed.size() % kSpendRowSize != 0) {
    return invalid("BAD_LENGTH", "Packed rows are 164 bytes each.");
  }
  return SpendRows(view_of(packed));
}

PackedSpend SpendRows::operator[](size_t i) const {
  const auto row = packed_.subspan(i * kSpendRowSize).first<kSpendRowSize>();
  PackedSpend out;
  const uint8_t* from = row.data();
  for (Bytes32* field : {&out.coin_id.bytes, &out.d, &out.r1, &out.r2}) {
    std::memcpy(field->data(), from, field->size());
    from += field->size();
  }
  out.deposit_until = decode_u64(row.subspan<kNumbersOffset, 8>());
  out.claim_until = decode_u64(row.subspan<kNumbersOffset + 8, 8>());
  out.batch = decode_u64(row.subspan<kNumbersOffset + 16, 8>());
  out.position = decode_u32(row.subspan<kNumbersOffset + 24, 4>());
  out.slot = decode_u32(row.subspan<kNumbersOffset + 28, 4>());
  out.ticks = decode_u32(row.subspan<kNumbersOffset + 32, 4>());
  return out;
}

bool SpendRows::has_canonical_scalars(size_t i) const {
  const ByteView trace = packed_.subspan(i * kSpendRowSize + kTraceOffset, kSpendTraceSize);
  for (size_t at = 0; at < kSpendTraceSize; at += kOrder.size()) {
    // The challenge and the answers are public, so the first difference may decide.
    if (std::memcmp(trace.data() + at, kOrder.data(), kOrder.size()) >= 0) return false;
  }
  return true;
}

}  // namespace cafe::protocol
