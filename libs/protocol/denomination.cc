#include "libs/protocol/denomination.h"

#include "libs/protocol/amount.h"
#include "libs/protocol/hash.h"

namespace cafe::protocol {

namespace {

constexpr size_t kMaxLimits = 256;  // currencies in one list

absl::Status bad_slots(std::string_view message) { return invalid("BAD_SLOTS", message); }

absl::StatusOr<std::vector<uint64_t>> decode_slot_values(uint32_t count, ByteView list) {
  if (count == 0 || count > kMaxSlots || list.size() != size_t{count} * 8) {
    return bad_slots("A denomination has 1 to 64 slots, each with one value of eight bytes.");
  }
  std::vector<uint64_t> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = decode_u64(list.subspan(8 * i).first<8>());
  return values;
}

}  // namespace

absl::Status check_currency(std::string_view currency) {
  const bool good = currency.size() == 3 &&
                    std::all_of(currency.begin(), currency.end(),
                                [](char letter) { return letter >= 'A' && letter <= 'Z'; });
  if (!good) {
    return invalid("BAD_CURRENCY", "A currency is named by the three capital letters of ISO 4217.");
  }
  return absl::OkStatus();
}

absl::Status check_issuer_id(std::string_view issuer_id) {
  const bool good = !issuer_id.empty() && issuer_id.size() <= 128 &&
                    std::all_of(issuer_id.begin(), issuer_id.end(),
                                [](char letter) { return letter > ' ' && letter <= '~'; });
  if (!good) {
    return invalid("BAD_ISSUER_ID",
                   "An issuer id has 1 to 128 printable ASCII characters and no spaces.");
  }
  return absl::OkStatus();
}

Bytes Denomination::encode() const {
  Bytes values;
  values.reserve(slot_values.size() * 8);
  for (const uint64_t value : slot_values) append(values, encode_u64(value));
  return Frame("cafe/v1/denomination")
      .add(issuer_id)
      .add(currency)
      .add_u8(static_cast<uint8_t>(kind))
      .add_u32(static_cast<uint32_t>(slot_values.size()))
      .add(values)
      .add_u64(withdraw_from)
      .add_u64(withdraw_until)
      .add_u64(spend_until)
      .add_u64(deposit_until)
      .add_u64(claim_until)
      .add(H)
      .take();
}

absl::StatusOr<Denomination> Denomination::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open("cafe/v1/denomination", bytes));
  CAFE_ASSIGN_OR_RETURN(std::string issuer_id, in.text());
  CAFE_ASSIGN_OR_RETURN(std::string currency, in.text());
  CAFE_ASSIGN_OR_RETURN(uint8_t kind, in.u8());
  if (kind != static_cast<uint8_t>(Kind::kCoin) && kind != static_cast<uint8_t>(Kind::kCheque)) {
    return invalid("BAD_KIND", "A denomination is of kind 1 (coin) or 2 (cheque).");
  }
  CAFE_ASSIGN_OR_RETURN(uint32_t count, in.u32());
  CAFE_ASSIGN_OR_RETURN(ByteView list, in.field());
  CAFE_ASSIGN_OR_RETURN(std::vector<uint64_t> values, decode_slot_values(count, list));
  CAFE_ASSIGN_OR_RETURN(uint64_t withdraw_from, in.u64());
  CAFE_ASSIGN_OR_RETURN(uint64_t withdraw_until, in.u64());
  CAFE_ASSIGN_OR_RETURN(uint64_t spend_until, in.u64());
  CAFE_ASSIGN_OR_RETURN(uint64_t deposit_until, in.u64());
  CAFE_ASSIGN_OR_RETURN(uint64_t claim_until, in.u64());
  CAFE_ASSIGN_OR_RETURN(Point H, in.point());
  CAFE_RETURN_IF_ERROR(in.finish());
  return Denomination{std::move(issuer_id),
                      std::move(currency),
                      static_cast<Kind>(kind),
                      std::move(values),
                      withdraw_from,
                      withdraw_until,
                      spend_until,
                      deposit_until,
                      claim_until,
                      H};
}

DenomId Denomination::id() const { return DenomId{sha256(encode())}; }

absl::Status Denomination::validate() const {
  CAFE_RETURN_IF_ERROR(check_issuer_id(issuer_id));
  CAFE_RETURN_IF_ERROR(check_currency(currency));
  if (kind != Kind::kCoin && kind != Kind::kCheque) {
    return invalid("BAD_KIND", "A denomination is of kind 1 (coin) or 2 (cheque).");
  }
  if (slot_values.empty() || slot_values.size() > kMaxSlots) {
    return bad_slots("A denomination has 1 to 64 slots.");
  }
  if (kind == Kind::kCheque && slot_values.size() != 1) return bad_slots("A cheque has one slot.");
  uint64_t sum = 0;
  for (const uint64_t slot_value : slot_values) {
    if (slot_value == 0) return bad_slots("The value of each slot is more than 0.");
    CAFE_ASSIGN_OR_RETURN(sum, checked_add(sum, slot_value));
  }
  if (withdraw_from >= withdraw_until || withdraw_until > spend_until ||
      deposit_until < spend_until || deposit_until - spend_until < kMinDepositPeriod_s ||
      deposit_until > claim_until) {
    return invalid("BAD_DATES",
                   "The dates of a denomination must rise from withdraw from to claim until, with "
                   "at least a week between spend until and deposit until.");
  }
  return absl::OkStatus();
}

uint64_t Denomination::value() const {
  uint64_t sum = 0;
  for (const uint64_t slot_value : slot_values) sum += slot_value;
  return sum;
}

Bytes DenominationList::encode() const {
  Frame frame("cafe/v1/denomination-list");
  frame.add(issuer_id).add_u32(number).add_u64(issued_at);
  frame.add_u32(static_cast<uint32_t>(limits.size()));
  for (const Limits& limit : limits) {
    frame.add(limit.currency).add_u64(limit.offline_limit).add_u64(limit.identification_limit);
  }
  frame.add_u32(static_cast<uint32_t>(denominations.size()));
  for (const Denomination& denomination : denominations) frame.add(denomination.encode());
  Bytes ids;
  for (const DenomId& id : compromised) append(ids, id);
  return frame.add(ids).take();
}

namespace {

absl::StatusOr<uint32_t> read_count(FrameReader& in, size_t max) {
  CAFE_ASSIGN_OR_RETURN(uint32_t count, in.u32());
  if (count > max) {
    return invalid("TOO_MANY_ITEMS",
                   "A list may have at most " + std::to_string(max) + " items here.");
  }
  return count;
}

}  // namespace

absl::StatusOr<DenominationList> DenominationList::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open("cafe/v1/denomination-list", bytes));
  DenominationList out;
  CAFE_ASSIGN_OR_RETURN(out.issuer_id, in.text());
  CAFE_ASSIGN_OR_RETURN(out.number, in.u32());
  CAFE_ASSIGN_OR_RETURN(out.issued_at, in.u64());
  CAFE_ASSIGN_OR_RETURN(uint32_t limit_count, read_count(in, kMaxLimits));
  for (uint32_t i = 0; i < limit_count; ++i) {
    Limits limit;
    CAFE_ASSIGN_OR_RETURN(limit.currency, in.text());
    CAFE_ASSIGN_OR_RETURN(limit.offline_limit, in.u64());
    CAFE_ASSIGN_OR_RETURN(limit.identification_limit, in.u64());
    out.limits.push_back(std::move(limit));
  }
  CAFE_ASSIGN_OR_RETURN(uint32_t count, read_count(in, kMaxDenominations));
  for (uint32_t i = 0; i < count; ++i) {
    CAFE_ASSIGN_OR_RETURN(ByteView field, in.field());
    CAFE_ASSIGN_OR_RETURN(Denomination denomination, Denomination::decode(field));
    out.denominations.push_back(std::move(denomination));
  }
  CAFE_ASSIGN_OR_RETURN(ByteView ids, in.field());
  CAFE_ASSIGN_OR_RETURN(size_t id_count, count_items(ids, DenomId::kSize, kMaxDenominations));
  for (size_t i = 0; i < id_count; ++i) {
    CAFE_ASSIGN_OR_RETURN(DenomId id,
                          DenomId::decode(ids.subspan(i * DenomId::kSize, DenomId::kSize)));
    out.compromised.push_back(id);
  }
  CAFE_RETURN_IF_ERROR(in.finish());
  return out;
}

}  // namespace cafe::protocol
