#include "libs/protocol/claim_documents.h"

#include "absl/container/flat_hash_set.h"
#include "libs/protocol/document_fields.h"

namespace cafe::protocol {

namespace {

constexpr std::string_view kVoidPaymentLabel = "cafe/v1/void-payment";
constexpr std::string_view kClaimLabel = "cafe/v1/claim";
constexpr std::string_view kQueryLabel = "cafe/v1/claim-query";

// Takes fixed-width parts off the front of an item.
class Parts {
 public:
  explicit Parts(ByteView item) : rest_(item) {}
  ByteView take(size_t width) {
    const ByteView part = rest_.first(width);
    rest_ = rest_.subspan(width);
    return part;
  }
  uint32_t u32() { return decode_u32(take(4).first<4>()); }
  uint64_t u64() { return decode_u64(take(8).first<8>()); }

 private:
  ByteView rest_;
};

void append_coin(Bytes& list, const ClaimedCoin& coin) {
  append(list, encode_u64(coin.order));
  append(list, coin.denom_id);
  append(list, encode_u32(coin.i));
  append(list, coin.A.bytes());
  append(list, coin.root);
  append(list, coin.Z.bytes());
  append(list, coin.opening.s.bytes());
  append(list, coin.opening.u.bytes());
  append(list, coin.opening.v.bytes());
  append(list, encode_u64(coin.slots));
}

absl::StatusOr<ClaimedCoin> decode_coin(ByteView item) {
  Parts parts(item);
  const uint64_t order = parts.u64();
  CAFE_ASSIGN_OR_RETURN(DenomId denom_id, DenomId::decode(parts.take(DenomId::kSize)));
  const uint32_t i = parts.u32();
  CAFE_ASSIGN_OR_RETURN(Point A, Point::decode(parts.take(Point::kSize)));
  CAFE_ASSIGN_OR_RETURN(Bytes32 root, to_array<32>(parts.take(32)));
  CAFE_ASSIGN_OR_RETURN(Point Z, Point::decode(parts.take(Point::kSize)));
  CAFE_ASSIGN_OR_RETURN(Scalar s, Scalar::decode(parts.take(Scalar::kSize)));
  CAFE_ASSIGN_OR_RETURN(Scalar u, Scalar::decode(parts.take(Scalar::kSize)));
  CAFE_ASSIGN_OR_RETURN(Scalar v, Scalar::decode(parts.take(Scalar::kSize)));
  return ClaimedCoin{order, denom_id, i, A, root, Z, {s, u, v}, parts.u64()};
}

// A session's place among the account's.
using SessionKey = std::tuple<uint64_t, DenomId, uint32_t>;

absl::Status check_coins(std::span<const ClaimedCoin> coins) {
  absl::flat_hash_set<SessionKey> sessions;
  absl::flat_hash_set<CoinId> ids;
  for (const ClaimedCoin& coin : coins) {
    if (coin.order == 0) return invalid("BAD_ORDER", "An account's orders are numbered from 1.");
    if (coin.slots == 0) return invalid("NO_SLOT", "A claim names a coin but none of its slots.");
    if (!sessions.emplace(coin.order, coin.denom_id, coin.i).second ||
        !ids.insert(coin.id()).second) {
      return invalid("COIN_TWICE", "A claim names one coin, or what made it, twice.");
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<ClaimedCoin>> decode_coins(ByteView list) {
  CAFE_ASSIGN_OR_RETURN(const size_t count,
                        count_items(list, ClaimedCoin::kSize, kMaxClaimedCoins));
  if (count == 0) return invalid("ITEM_COUNT", "A claim names at least one coin.");
  std::vector<ClaimedCoin> coins;
  coins.reserve(count);
  for (size_t n = 0; n < count; ++n) {
    CAFE_ASSIGN_OR_RETURN(ClaimedCoin coin,
                          decode_coin(list.subspan(n * ClaimedCoin::kSize, ClaimedCoin::kSize)));
    coins.push_back(std::move(coin));
  }
  CAFE_RETURN_IF_ERROR(check_coins(coins));
  return coins;
}

absl::StatusOr<std::vector<VoidPayment>> decode_payments(FrameReader& in) {
  CAFE_ASSIGN_OR_RETURN(uint32_t count, in.u32());
  if (count > kMaxClaimedPayments) {
    return invalid("TOO_MANY_ITEMS", "A claim names at most 100 payments.");
  }
  std::vector<VoidPayment> payments;
  for (uint32_t n = 0; n < count; ++n) {
    CAFE_ASSIGN_OR_RETURN(ByteView field, in.field());
    CAFE_ASSIGN_OR_RETURN(VoidPayment payment, VoidPayment::decode(field));
    payments.push_back(std::move(payment));
  }
  return payments;
}

absl::StatusOr<ClaimKind> kind_of(uint8_t code, size_t payments) {
  if (code < static_cast<uint8_t>(ClaimKind::kCoins) ||
      code > static_cast<uint8_t>(ClaimKind::kPayments)) {
    return invalid("BAD_CLAIM_KIND", "A claim is of coins, of cheques or of payments.");
  }
  const auto kind = static_cast<ClaimKind>(code);
  if ((kind == ClaimKind::kPayments) != (payments > 0)) {
    return invalid("ITEM_COUNT",
                   "A claim of payments that came to nothing shows them, and no other does.");
  }
  return kind;
}

}  // namespace

CoinId ClaimedCoin::id() const { return coin_id(denom_id, A, root); }

Bytes VoidPayment::encode() const {
  return Frame(kVoidPaymentLabel).add(payment).add(credential).add(refusal).take();
}

absl::StatusOr<VoidPayment> VoidPayment::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kVoidPaymentLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(Bytes payment, in.bytes());
  CAFE_ASSIGN_OR_RETURN(Bytes credential, in.bytes());
  CAFE_ASSIGN_OR_RETURN(Bytes refusal, in.bytes());
  CAFE_RETURN_IF_ERROR(in.finish());
  return VoidPayment{std::move(payment), std::move(credential), std::move(refusal)};
}

Bytes Claim::encode() const {
  Bytes list;
  list.reserve(coins.size() * ClaimedCoin::kSize);
  for (const ClaimedCoin& coin : coins) append_coin(list, coin);
  Frame frame(kClaimLabel);
  frame.add(issuer_id).add(account).add(by).add_u8(static_cast<uint8_t>(kind)).add_u64(time_ms);
  frame.add(list).add_u32(static_cast<uint32_t>(payments.size()));
  for (const VoidPayment& payment : payments) frame.add(payment.encode());
  return frame.take();
}

absl::StatusOr<Claim> Claim::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kClaimLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(std::string issuer_id, issuer_field(in));
  CAFE_ASSIGN_OR_RETURN(AccountId account, in.id<AccountId>());
  CAFE_ASSIGN_OR_RETURN(AccountId by, in.id<AccountId>());
  CAFE_ASSIGN_OR_RETURN(uint8_t code, in.u8());
  CAFE_ASSIGN_OR_RETURN(uint64_t time_ms, in.u64());
  CAFE_ASSIGN_OR_RETURN(ByteView list, in.field());
  CAFE_ASSIGN_OR_RETURN(std::vector<VoidPayment> payments, decode_payments(in));
  CAFE_RETURN_IF_ERROR(in.finish());
  CAFE_ASSIGN_OR_RETURN(ClaimKind kind, kind_of(code, payments.size()));
  CAFE_ASSIGN_OR_RETURN(std::vector<ClaimedCoin> coins, decode_coins(list));
  return Claim{std::move(issuer_id), account, by, kind, time_ms, std::move(coins),
               std::move(payments)};
}

Bytes ClaimQuery::encode() const {
  return Frame(kQueryLabel).add(issuer_id).add(by).add(claim_digest).add_u64(time_ms).take();
}

absl::StatusOr<ClaimQuery> ClaimQuery::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kQueryLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(std::string issuer_id, issuer_field(in));
  CAFE_ASSIGN_OR_RETURN(AccountId by, in.id<AccountId>());
  CAFE_ASSIGN_OR_RETURN(Bytes32 claim_digest, in.array<32>());
  CAFE_ASSIGN_OR_RETURN(uint64_t time_ms, in.u64());
  CAFE_RETURN_IF_ERROR(in.finish());
  return ClaimQuery{std::move(issuer_id), by, claim_digest, time_ms};
}

}  // namespace cafe::protocol
