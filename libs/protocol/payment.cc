// The documents of a payment. Its checks are in payment_check.cc.
#include "libs/protocol/payment.h"

#include <set>

#include "libs/protocol/frame.h"
#include "libs/protocol/hash.h"

namespace cafe::protocol {

namespace {

constexpr std::string_view kTermsLabel = "cafe/v1/terms";
constexpr std::string_view kTickLabel = "cafe/v1/tick-reveal";
constexpr std::string_view kSpendLabel = "cafe/v1/spend-file";
constexpr std::string_view kPaymentLabel = "cafe/v1/payment";

// A tree has fewer than 2^32 leaves, since its size is a u32.
constexpr size_t kMaxPath = 32;

Bytes encode_path(const MerklePath& path) {
  Bytes out;
  out.reserve(path.size() * 32);
  for (const Bytes32& node : path) append(out, node);
  return out;
}

absl::StatusOr<MerklePath> decode_path(ByteView list) {
  CAFE_ASSIGN_OR_RETURN(const size_t count, count_items(list, 32, kMaxPath));
  MerklePath path(count);
  for (size_t i = 0; i < count; ++i) {
    std::copy_n(list.begin() + static_cast<ptrdiff_t>(32 * i), 32, path[i].begin());
  }
  return path;
}

// A field that is either left empty or holds 32 bytes.
absl::StatusOr<Bytes> optional32(FrameReader& in) {
  CAFE_ASSIGN_OR_RETURN(Bytes bytes, in.bytes());
  if (!bytes.empty() && bytes.size() != 32) {
    return invalid("BAD_LENGTH", "A field must be empty or have 32 bytes.");
  }
  return bytes;
}

}  // namespace

Bytes Terms::encode() const {
  return Frame(kTermsLabel)
      .add(acquirer_id)
      .add(payee_id)
      .add(terminal_id)
      .add(currency)
      .add_u64(amount)
      .add_u64(time_ms)
      .add(nonce)
      .add(quote_id)
      .take();
}

absl::StatusOr<Terms> Terms::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kTermsLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(std::string acquirer_id, in.text());
  CAFE_RETURN_IF_ERROR(check_issuer_id(acquirer_id));
  CAFE_ASSIGN_OR_RETURN(PayeeId payee_id, in.id<PayeeId>());
  CAFE_ASSIGN_OR_RETURN(TerminalId terminal_id, in.id<TerminalId>());
  CAFE_ASSIGN_OR_RETURN(std::string currency, in.text());
  CAFE_RETURN_IF_ERROR(check_currency(currency));
  CAFE_ASSIGN_OR_RETURN(uint64_t amount, in.u64());
  CAFE_ASSIGN_OR_RETURN(uint64_t time_ms, in.u64());
  CAFE_ASSIGN_OR_RETURN(Bytes16 nonce, in.array<16>());
  CAFE_ASSIGN_OR_RETURN(Bytes quote_id, optional32(in));
  CAFE_RETURN_IF_ERROR(in.finish());
  return Terms{
      std::move(acquirer_id), payee_id, terminal_id, std::move(currency), amount, time_ms, nonce,
      std::move(quote_id)};
}

Bytes32 Terms::digest() const { return sha256(encode()); }

Bytes TickReveal::encode() const {
  return Frame(kTickLabel).add_u32(index).add(t).add(encode_path(path)).take();
}

absl::StatusOr<TickReveal> TickReveal::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kTickLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(uint32_t index, in.u32());
  CAFE_ASSIGN_OR_RETURN(Scalar t, in.scalar());
  CAFE_ASSIGN_OR_RETURN(ByteView list, in.field());
  CAFE_ASSIGN_OR_RETURN(MerklePath path, decode_path(list));
  CAFE_RETURN_IF_ERROR(in.finish());
  return TickReveal{index, t, std::move(path)};
}

namespace {

// A field that is empty where there is none, or holds the document's encoding.
template <typename Document>
Bytes encode_optional(const std::optional<Document>& document) {
  return document ? document->encode() : Bytes();
}

template <typename Document>
absl::StatusOr<std::optional<Document>> decode_optional(ByteView bytes) {
  if (bytes.empty()) return std::nullopt;
  CAFE_ASSIGN_OR_RETURN(Document document, Document::decode(bytes));
  return std::optional<Document>(std::move(document));
}

Bytes encode_spend(const Spend& spend) {
  return Frame(kSpendLabel)
      .add_u32(spend.coin)
      .add_u32(spend.slot)
      .add_u64(spend.value)
      .add_u64(spend.tick_value)
      .add_u32(spend.tick_count)
      .add(spend.tick_root)
      .add(spend.salt)
      .add(spend.B)
      .add(encode_path(spend.path))
      .add(spend.r1)
      .add(spend.r2)
      .add(encode_optional(spend.tick))
      .take();
}

absl::StatusOr<Spend> decode_spend(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kSpendLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(uint32_t coin, in.u32());
  CAFE_ASSIGN_OR_RETURN(uint32_t slot, in.u32());
  CAFE_ASSIGN_OR_RETURN(uint64_t value, in.u64());
  CAFE_ASSIGN_OR_RETURN(uint64_t tick_value, in.u64());
  CAFE_ASSIGN_OR_RETURN(uint32_t tick_count, in.u32());
  CAFE_ASSIGN_OR_RETURN(Bytes tick_root, optional32(in));
  CAFE_ASSIGN_OR_RETURN(Bytes salt, optional32(in));
  CAFE_ASSIGN_OR_RETURN(Point B, in.point());
  CAFE_ASSIGN_OR_RETURN(ByteView list, in.field());
  CAFE_ASSIGN_OR_RETURN(MerklePath path, decode_path(list));
  CAFE_ASSIGN_OR_RETURN(Scalar r1, in.scalar());
  CAFE_ASSIGN_OR_RETURN(Scalar r2, in.scalar());
  CAFE_ASSIGN_OR_RETURN(ByteView tick_bytes, in.field());
  CAFE_ASSIGN_OR_RETURN(auto tick, decode_optional<TickReveal>(tick_bytes));
  CAFE_RETURN_IF_ERROR(in.finish());
  return Spend{.coin = coin,
               .slot = slot,
               .value = value,
               .tick_value = tick_value,
               .tick_count = tick_count,
               .tick_root = std::move(tick_root),
               .salt = std::move(salt),
               .B = B,
               .path = std::move(path),
               .r1 = r1,
               .r2 = r2,
               .tick = std::move(tick)};
}

// A count in front of a list of nested frames.
absl::StatusOr<uint32_t> list_size(FrameReader& in) {
  CAFE_ASSIGN_OR_RETURN(const uint32_t count, in.u32());
  if (count > kMaxSpends) {
    return invalid("TOO_MANY_ITEMS",
                   "A payment has more slots than one payment may have; split it.");
  }
  return count;
}

}  // namespace

absl::Status check_form(const Payment& payment) {
  if (payment.spends.empty() || payment.spends.size() > kMaxSpends) {
    return invalid("NOT_CANONICAL", "A payment pays with 1 to 128 slots.");
  }
  size_t coins_seen = 0;
  std::set<std::pair<uint32_t, uint32_t>> slots;
  for (const Spend& spend : payment.spends) {
    if (spend.coin > coins_seen) {
      return invalid("NOT_CANONICAL", "A payment's coins do not stand in the order of their use.");
    }
    if (spend.coin == coins_seen) ++coins_seen;
    if (!slots.emplace(spend.coin, spend.slot).second) {
      return invalid("SLOT_TWICE", "A payment lists a slot twice; each slot pays once.");
    }
  }
  if (coins_seen != payment.coins.size()) {
    return invalid("NOT_CANONICAL",
                   "A payment's coins and the slots that it pays with do not fit.");
  }
  // By id, not by content: a wallet that withdraws twice with the same secrets holds two signatures
  // on one coin, and must not pay twice with its slots.
  std::set<CoinId> ids;
  for (const Coin& coin : payment.coins) {
    if (!ids.insert(coin.id()).second) {
      return invalid("NOT_CANONICAL", "A payment holds a coin twice.");
    }
  }
  return absl::OkStatus();
}

Bytes Payment::encode() const {
  Frame out(kPaymentLabel);
  out.add(terms.encode()).add_u32(static_cast<uint32_t>(coins.size()));
  for (const Coin& coin : coins) out.add(coin.encode());
  out.add_u32(static_cast<uint32_t>(spends.size()));
  for (const Spend& spend : spends) out.add(encode_spend(spend));
  // The last field is there only where it says something.
  if (identification) out.add(identification->encode());
  return out.take();
}

absl::StatusOr<Payment> Payment::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kPaymentLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(ByteView terms, in.field());
  Payment payment{};
  CAFE_ASSIGN_OR_RETURN(payment.terms, SignedDocument::decode(terms));
  CAFE_ASSIGN_OR_RETURN(const uint32_t coins, list_size(in));
  payment.coins.reserve(coins);
  for (uint32_t i = 0; i < coins; ++i) {
    CAFE_ASSIGN_OR_RETURN(ByteView item, in.field());
    CAFE_ASSIGN_OR_RETURN(Coin coin, Coin::decode(item));
    payment.coins.push_back(std::move(coin));
  }
  CAFE_ASSIGN_OR_RETURN(const uint32_t spends, list_size(in));
  payment.spends.reserve(spends);
  for (uint32_t i = 0; i < spends; ++i) {
    CAFE_ASSIGN_OR_RETURN(ByteView item, in.field());
    CAFE_ASSIGN_OR_RETURN(Spend spend, decode_spend(item));
    payment.spends.push_back(std::move(spend));
  }
  if (!in.at_end()) {
    CAFE_ASSIGN_OR_RETURN(ByteView payer, in.field());
    CAFE_ASSIGN_OR_RETURN(payment.identification, Identification::decode(payer));
  }
  CAFE_RETURN_IF_ERROR(in.finish());
  CAFE_RETURN_IF_ERROR(check_form(payment));
  // Terms that nobody can read pay nobody: said here, so that what is decoded can be archived.
  CAFE_RETURN_IF_ERROR(Terms::decode(payment.terms.frame).status());
  return payment;
}

}  // namespace cafe::protocol
