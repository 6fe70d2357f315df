#include "libs/protocol/withdrawal.h"

#include "absl/container/flat_hash_set.h"

namespace cafe::protocol {

namespace {

constexpr size_t kLineWidth = DenomId::kSize + 4;
constexpr size_t kPairWidth = 4 * Point::kSize;  // a_0 ‖ b_0 ‖ a_1 ‖ b_1
constexpr size_t kChallengesWidth = 2 * Scalar::kSize;
constexpr size_t kResponseWidth = 1 + Scalar::kSize;
constexpr size_t kMaxCoins = kMaxLines * kMaxCoinsPerLine;

absl::Status bad_order(std::string_view message) { return invalid("BAD_ORDER", message); }

absl::Status check_order_number(uint64_t order) {
  if (order == 0) return bad_order("An account's orders are numbered from 1.");
  return absl::OkStatus();
}

absl::StatusOr<std::vector<OrderLine>> decode_lines(ByteView list) {
  CAFE_ASSIGN_OR_RETURN(size_t count, count_items(list, kLineWidth, kMaxLines));
  std::vector<OrderLine> lines;
  for (size_t i = 0; i < count; ++i) {
    const ByteView item = list.subspan(i * kLineWidth, kLineWidth);
    CAFE_ASSIGN_OR_RETURN(DenomId id, DenomId::decode(item.first<DenomId::kSize>()));
    lines.push_back({id, decode_u32(item.last<4>())});
  }
  CAFE_RETURN_IF_ERROR(check_lines(lines));
  return lines;
}

absl::StatusOr<std::vector<ClausePair>> decode_pairs(ByteView list) {
  if (list.size() / kPairWidth > kMaxCoinsPerLine) {
    return invalid("TOO_MANY_COINS", "An order has at most 7 coins of one denomination.");
  }
  CAFE_ASSIGN_OR_RETURN(size_t count, count_items(list, kPairWidth, kMaxCoinsPerLine));
  std::vector<ClausePair> pairs;
  for (size_t i = 0; i < count; ++i) {
    const ByteView item = list.subspan(i * kPairWidth, kPairWidth);
    const auto point = [&](size_t n) {
      return Point::decode(item.subspan(n * Point::kSize, Point::kSize));
    };
    CAFE_ASSIGN_OR_RETURN(Point a0, point(0));
    CAFE_ASSIGN_OR_RETURN(Point b0, point(1));
    CAFE_ASSIGN_OR_RETURN(Point a1, point(2));
    CAFE_ASSIGN_OR_RETURN(Point b1, point(3));
    pairs.push_back({Clause{a0, b0}, Clause{a1, b1}});
  }
  return pairs;
}

}  // namespace

absl::Status check_lines(std::span<const OrderLine> lines) {
  if (lines.empty() || lines.size() > kMaxLines) {
    return bad_order("An order names 1 to 32 denominations.");
  }
  absl::flat_hash_set<DenomId> seen;
  for (const OrderLine& line : lines) {
    if (line.count == 0) return bad_order("An order's lines are for one coin or more.");
    if (line.count > kMaxCoinsPerLine) {
      return invalid("TOO_MANY_COINS",
                     "An order has at most 7 coins of one denomination: order the rest next.");
    }
    if (!seen.insert(line.denom_id).second) {
      return invalid("DENOMINATION_TWICE",
                     "An order names one denomination twice: put its coins into one line.");
    }
  }
  return absl::OkStatus();
}

Bytes OpenRequest::encode() const {
  Bytes list;
  for (const OrderLine& line : lines) {
    append(list, line.denom_id);
    append(list, encode_u32(line.count));
  }
  return Frame("cafe/v1/open")
      .add(issuer_id)
      .add(account)
      .add_u64(order)
      .add_u32(list_number)
      .add(list_digest)
      .add(list)
      .take();
}

absl::StatusOr<OpenRequest> OpenRequest::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open("cafe/v1/open", bytes));
  OpenRequest out;
  CAFE_ASSIGN_OR_RETURN(out.issuer_id, in.text());
  CAFE_ASSIGN_OR_RETURN(out.account, in.id<AccountId>());
  CAFE_ASSIGN_OR_RETURN(out.order, in.u64());
  CAFE_ASSIGN_OR_RETURN(out.list_number, in.u32());
  CAFE_ASSIGN_OR_RETURN(out.list_digest, in.array<32>());
  CAFE_ASSIGN_OR_RETURN(ByteView list, in.field());
  CAFE_RETURN_IF_ERROR(in.finish());
  CAFE_RETURN_IF_ERROR(check_order_number(out.order));
  CAFE_ASSIGN_OR_RETURN(out.lines, decode_lines(list));
  return out;
}

Bytes OpenAnswer::encode() const {
  Frame frame("cafe/v1/opened");
  frame.add(issuer_id).add(account).add_u64(order).add_u64(time_slot);
  frame.add_u32(static_cast<uint32_t>(lines.size()));
  for (const OpenedLine& line : lines) {
    Bytes pairs;
    pairs.reserve(line.coins.size() * kPairWidth);
    for (const ClausePair& pair : line.coins) {
      for (const Clause& clause : pair) {
        append(pairs, clause.a.bytes());
        append(pairs, clause.b.bytes());
      }
    }
    frame.add(line.denom_id).add(line.z).add(pairs);
  }
  return frame.add(mac).take();
}

absl::StatusOr<OpenAnswer> OpenAnswer::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open("cafe/v1/opened", bytes));
  OpenAnswer out;
  CAFE_ASSIGN_OR_RETURN(out.issuer_id, in.text());
  CAFE_ASSIGN_OR_RETURN(out.account, in.id<AccountId>());
  CAFE_ASSIGN_OR_RETURN(out.order, in.u64());
  CAFE_ASSIGN_OR_RETURN(out.time_slot, in.u64());
  CAFE_RETURN_IF_ERROR(check_order_number(out.order));
  CAFE_ASSIGN_OR_RETURN(uint32_t count, in.u32());
  if (count > kMaxLines) return bad_order("An order names 1 to 32 denominations.");
  std::vector<OrderLine> lines;
  for (uint32_t i = 0; i < count; ++i) {
    CAFE_ASSIGN_OR_RETURN(DenomId id, in.id<DenomId>());
    CAFE_ASSIGN_OR_RETURN(Point z, in.point());
    CAFE_ASSIGN_OR_RETURN(ByteView list, in.field());
    CAFE_ASSIGN_OR_RETURN(std::vector<ClausePair> pairs, decode_pairs(list));
    lines.push_back({id, static_cast<uint32_t>(pairs.size())});
    out.lines.push_back({id, z, std::move(pairs)});
  }
  CAFE_ASSIGN_OR_RETURN(out.mac, in.array<32>());
  CAFE_RETURN_IF_ERROR(in.finish());
  CAFE_RETURN_IF_ERROR(check_lines(lines));
  return out;
}

Bytes Order::encode() const {
  Bytes list;
  list.reserve(challenges.size() * kChallengesWidth);
  for (const ChallengePair& pair : challenges) {
    append(list, pair[0].bytes());
    append(list, pair[1].bytes());
  }
  return Frame("cafe/v1/order").add(opened.encode()).add(list).add(attachment).take();
}

absl::StatusOr<Order> Order::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open("cafe/v1/order", bytes));
  CAFE_ASSIGN_OR_RETURN(ByteView opened_field, in.field());
  CAFE_ASSIGN_OR_RETURN(ByteView list, in.field());
  CAFE_ASSIGN_OR_RETURN(ByteView attachment, in.field());
  CAFE_RETURN_IF_ERROR(in.finish());
  CAFE_ASSIGN_OR_RETURN(size_t count, count_items(list, kChallengesWidth, kMaxCoins));
  if (attachment.size() > kMaxAttachment) {
    return invalid("ATTACHMENT_TOO_LONG", "An order's attachment may have at most 64 KiB.");
  }
  CAFE_ASSIGN_OR_RETURN(OpenAnswer opened, OpenAnswer::decode(opened_field));
  size_t coins = 0;
  for (const OpenedLine& line : opened.lines) coins += line.coins.size();
  if (coins != count) {
    return invalid("COUNT_MISMATCH", "An order needs two challenges for each coin it opened.");
  }
  std::vector<ChallengePair> challenges;
  for (size_t i = 0; i < count; ++i) {
    const ByteView item = list.subspan(i * kChallengesWidth, kChallengesWidth);
    CAFE_ASSIGN_OR_RETURN(Scalar c0, Scalar::decode(item.first<Scalar::kSize>()));
    CAFE_ASSIGN_OR_RETURN(Scalar c1, Scalar::decode(item.last<Scalar::kSize>()));
    challenges.push_back({c0, c1});
  }
  return Order{std::move(opened), std::move(challenges), to_bytes(attachment)};
}

Bytes Completion::encode() const {
  Frame frame("cafe/v1/completed");
  frame.add(issuer_id).add(account).add_u64(order).add_u64(time_slot).add(order_digest);
  frame.add_u32(static_cast<uint32_t>(debits.size()));
  for (const Debit& debit : debits) frame.add(debit.currency).add_u64(debit.amount);
  Bytes list;
  list.reserve(responses.size() * kResponseWidth);
  for (const CoinResponse& response : responses) {
    list.push_back(response.beta);
    append(list, response.r.bytes());
  }
  return frame.add(list).take();
}

namespace {

absl::StatusOr<std::vector<CoinResponse>> decode_responses(ByteView list) {
  CAFE_ASSIGN_OR_RETURN(size_t count, count_items(list, kResponseWidth, kMaxCoins));
  std::vector<CoinResponse> responses;
  for (size_t i = 0; i < count; ++i) {
    const ByteView item = list.subspan(i * kResponseWidth, kResponseWidth);
    if (item[0] > 1) return invalid("BAD_CLAUSE", "A coin has the clauses 0 and 1 only.");
    CAFE_ASSIGN_OR_RETURN(Scalar r, Scalar::decode(item.last<Scalar::kSize>()));
    responses.push_back({item[0], r});
  }
  return responses;
}

}  // namespace

absl::StatusOr<Completion> Completion::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open("cafe/v1/completed", bytes));
  Completion out;
  CAFE_ASSIGN_OR_RETURN(out.issuer_id, in.text());
  CAFE_ASSIGN_OR_RETURN(out.account, in.id<AccountId>());
  CAFE_ASSIGN_OR_RETURN(out.order, in.u64());
  CAFE_ASSIGN_OR_RETURN(out.time_slot, in.u64());
  CAFE_RETURN_IF_ERROR(check_order_number(out.order));
  CAFE_ASSIGN_OR_RETURN(out.order_digest, in.array<32>());
  CAFE_ASSIGN_OR_RETURN(uint32_t count, in.u32());
  if (count > kMaxLines) return invalid("TOO_MANY_ITEMS", "An order has at most 32 debits.");
  for (uint32_t i = 0; i < count; ++i) {
    Debit debit;
    CAFE_ASSIGN_OR_RETURN(debit.currency, in.text());
    CAFE_ASSIGN_OR_RETURN(debit.amount, in.u64());
    CAFE_RETURN_IF_ERROR(check_currency(debit.currency));
    if (!out.debits.empty() && out.debits.back().currency >= debit.currency) {
      return invalid("NOT_CANONICAL", "Debits stand in ascending order of their currencies.");
    }
    out.debits.push_back(std::move(debit));
  }
  CAFE_ASSIGN_OR_RETURN(ByteView list, in.field());
  CAFE_RETURN_IF_ERROR(in.finish());
  CAFE_ASSIGN_OR_RETURN(out.responses, decode_responses(list));
  return out;
}

namespace {

constexpr std::string_view kVoidRequestLabel = "cafe/v1/void-request";
constexpr std::string_view kVoidLabel = "cafe/v1/void";

Bytes encode_void(std::string_view label, const VoidedOrder& voided) {
  return Frame(label)
      .add(voided.issuer_id)
      .add(voided.account)
      .add_u64(voided.order)
      .add_u64(voided.time_slot)
      .take();
}

absl::StatusOr<VoidedOrder> decode_void(std::string_view label, ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(label, bytes));
  VoidedOrder out;
  CAFE_ASSIGN_OR_RETURN(out.issuer_id, in.text());
  CAFE_ASSIGN_OR_RETURN(out.account, in.id<AccountId>());
  CAFE_ASSIGN_OR_RETURN(out.order, in.u64());
  CAFE_ASSIGN_OR_RETURN(out.time_slot, in.u64());
  CAFE_RETURN_IF_ERROR(in.finish());
  CAFE_RETURN_IF_ERROR(check_order_number(out.order));
  return out;
}

}  // namespace

Bytes VoidedOrder::encode_request() const { return encode_void(kVoidRequestLabel, *this); }
Bytes VoidedOrder::encode_statement() const { return encode_void(kVoidLabel, *this); }
absl::StatusOr<VoidedOrder> VoidedOrder::decode_request(ByteView bytes) {
  return decode_void(kVoidRequestLabel, bytes);
}
absl::StatusOr<VoidedOrder> VoidedOrder::decode_statement(ByteView bytes) {
  return decode_void(kVoidLabel, bytes);
}

}  // namespace cafe::protocol
