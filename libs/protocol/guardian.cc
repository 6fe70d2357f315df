// What a guardian answers in a payment. Its counters' loads are in load.cc.
#include "libs/protocol/guardian.h"

#include "libs/protocol/frame.h"
#include "libs/protocol/hash.h"
#include "libs/protocol/merkle.h"
#include "libs/protocol/ticks.h"

namespace cafe::protocol {

namespace {

constexpr std::string_view kChequeLabel = "cafe/v1/cheque-request";
constexpr std::string_view kTickLabel = "cafe/v1/tick-request";

// A text in place. It is only ever compared with one that was checked.
absl::StatusOr<std::string_view> text_view(FrameReader& in) {
  CAFE_ASSIGN_OR_RETURN(const ByteView field, in.field());
  return std::string_view(reinterpret_cast<const char*>(field.data()), field.size());
}

}  // namespace

Scalar guardian_answer(const Scalar& o, const Scalar& o2, const Scalar& challenge) {
  return challenge * o + o2;
}

bool guardian_answer_ok(const Scalar& answer, const Scalar& challenge, const Point& A_G,
                        const Point& B_O) {
  return combination_equals({{answer, g1()}, {-challenge, A_G}}, B_O);
}

namespace {

// Whether `slot` answers the request with this digest for the first time (true) or again (false).
absl::StatusOr<bool> first_answer(const GuardianSlot& slot, Kind kind, const Bytes32& request) {
  if (slot.kind != kind) {
    return refused("WRONG_KIND", "A slot made for coins fills in no cheque, nor the reverse.");
  }
  if (slot.used && !equal_ct(slot.request_digest, request)) {
    return refused("SLOT_USED", "The slot has answered another request; it answers no second one.");
  }
  return !slot.used;
}

GuardianSlot used_slot(const GuardianSlot& slot, const Bytes32& request) {
  GuardianSlot out = slot;
  out.used = true;
  out.request_digest = request;
  return out;
}

absl::Status check_counter(const GuardianCounter& counter, std::string_view issuer_id,
                           std::string_view currency) {
  if (counter.issuer_id != issuer_id || counter.currency != currency) {
    return refused("WRONG_COUNTER", "The counter is not the one of this issuer and currency.");
  }
  return absl::OkStatus();
}

absl::StatusOr<GuardianCounter> subtract(const GuardianCounter& counter, uint64_t value) {
  if (counter.amount < value) {
    return make_error(absl::StatusCode::kOutOfRange, "COUNTER_TOO_LOW",
                      "The counter does not hold the amount; load it first.");
  }
  GuardianCounter out = counter;
  out.amount -= value;
  return out;
}

}  // namespace

absl::StatusOr<CoinAnswer> answer_coin(const GuardianKeys& keys, const GuardianSlot& slot,
                                       const Scalar& d_plus_e) {
  const Bytes32 request = digest(Frame("cafe/v1/coin-request").add(d_plus_e));
  CAFE_ASSIGN_OR_RETURN(const bool first, first_answer(slot, Kind::kCoin, request));
  return CoinAnswer{used_slot(slot, request), first,
                    guardian_answer(keys.o_coin, slot.o2, d_plus_e)};
}

Bytes ChequeRequest::encode() const {
  return Frame(kChequeLabel).add(issuer_id).add(currency).add_u64(value).add(spend).add(y).take();
}

absl::StatusOr<ChequeRequest> ChequeRequest::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kChequeLabel, bytes));
  ChequeRequest out{};
  CAFE_ASSIGN_OR_RETURN(out.issuer_id, text_view(in));
  CAFE_ASSIGN_OR_RETURN(out.currency, text_view(in));
  CAFE_ASSIGN_OR_RETURN(out.value, in.u64());
  CAFE_ASSIGN_OR_RETURN(out.spend, in.array<32>());
  CAFE_ASSIGN_OR_RETURN(out.y, in.array<32>());
  CAFE_RETURN_IF_ERROR(in.finish());
  return out;
}

Bytes32 ChequeRequest::digest() const { return sha256(encode()); }

absl::StatusOr<ChequeAnswer> answer_cheque(const GuardianKeys& keys, const GuardianSlot& slot,
                                           const GuardianCounter& counter,
                                           const ChequeRequest& request) {
  const Bytes32 request_digest = request.digest();
  CAFE_ASSIGN_OR_RETURN(const bool first, first_answer(slot, Kind::kCheque, request_digest));
  if (request.value == 0) {
    return invalid("VALUE_ZERO", "A cheque pays more than nothing: enter an amount.");
  }
  CAFE_RETURN_IF_ERROR(check_counter(counter, request.issuer_id, request.currency));
  GuardianCounter after = counter;
  if (first) {
    CAFE_ASSIGN_OR_RETURN(after, subtract(counter, request.value));
  }
  const Scalar d = spend_challenge(request.issuer_id, request.currency, request.value,
                                   request.spend, 0, 0, {}, xor32(slot.rho, request.y));
  return ChequeAnswer{used_slot(slot, request_digest), after, first, slot.rho,
                      guardian_answer(keys.o_cheque, slot.o2, d)};
}

Bytes TickRequest::encode() const {
  return Frame(kTickLabel)
      .add(issuer_id)
      .add(currency)
      .add_u64(tick_value)
      .add_u32(tick_count)
      .add(y_seed)
      .add(spend)
      .add(y)
      .take();
}

absl::StatusOr<TickRequest> TickRequest::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kTickLabel, bytes));
  TickRequest out{};
  CAFE_ASSIGN_OR_RETURN(out.issuer_id, text_view(in));
  CAFE_ASSIGN_OR_RETURN(out.currency, text_view(in));
  CAFE_ASSIGN_OR_RETURN(out.tick_value, in.u64());
  CAFE_ASSIGN_OR_RETURN(out.tick_count, in.u32());
  CAFE_ASSIGN_OR_RETURN(out.y_seed, in.array<32>());
  CAFE_ASSIGN_OR_RETURN(out.spend, in.array<32>());
  CAFE_ASSIGN_OR_RETURN(out.y, in.array<32>());
  CAFE_RETURN_IF_ERROR(in.finish());
  return out;
}

Bytes32 TickRequest::digest() const { return sha256(encode()); }

namespace {

// Over P'_i = (t_i + y_i)·G1, what blind_tick_points makes of the points that went out.
absl::StatusOr<Bytes32> root_of(TickSecrets t, uint32_t count, const Bytes32& y_seed) {
  MerkleRoot root;
  for (uint32_t i = 0; i < count; ++i) {
    CAFE_ASSIGN_OR_RETURN(const Point blinded,
                          not_identity(multiply(t(i) + tick_blind(y_seed, i), g1())));
    root.add(point_leaf(i, blinded));
  }
  return root.root();
}

}  // namespace

absl::StatusOr<TickOpening> answer_ticks(const GuardianKeys& keys, const GuardianSlot& slot,
                                         const GuardianCounter& counter, const TickState& ticks,
                                         TickSecrets t, const TickRequest& request) {
  const Bytes32 request_digest = request.digest();
  CAFE_ASSIGN_OR_RETURN(const bool first, first_answer(slot, Kind::kCheque, request_digest));
  if (request.tick_value == 0 || request.tick_count == 0) {
    return invalid("VALUE_ZERO", "A call is paid with at least one tick, each worth something.");
  }
  if (request.tick_count > kMaxTicks || request.tick_count != ticks.count) {
    return invalid("TICK_COUNT", "The ticks that were prepared are not as many as asked for.");
  }
  // Under two roots, one release would pay two calls.
  if (ticks.call ? ticks.call->request_digest != request_digest : !first) {
    return refused("TICKS_USED", "These ticks belong to another call; draw new ones.");
  }
  CAFE_RETURN_IF_ERROR(check_counter(counter, request.issuer_id, request.currency));
  CAFE_ASSIGN_OR_RETURN(const Bytes32 root, root_of(t, ticks.count, request.y_seed));
  const Scalar d =
      spend_challenge(request.issuer_id, request.currency, 0, request.spend, request.tick_value,
                      request.tick_count, root, xor32(slot.rho, request.y));
  TickState opened = ticks;
  opened.call = {request.issuer_id, request.currency, request.tick_value, request_digest};
  return TickOpening{used_slot(slot, request_digest),           opened, first, slot.rho, root,
                     guardian_answer(keys.o_cheque, slot.o2, d)};
}

absl::StatusOr<TickRelease> release_tick(const TickState& ticks, const GuardianCounter& counter,
                                         TickSecrets t, uint32_t i) {
  if (!ticks.call || i > ticks.next_index || i >= ticks.count) {
    return refused("TICK_ORDER", "Ticks are released in order: ask for the next one.");
  }
  if (i < ticks.next_index) return TickRelease{ticks, counter, false, t(i)};
  CAFE_RETURN_IF_ERROR(check_counter(counter, ticks.call->issuer_id, ticks.call->currency));
  CAFE_ASSIGN_OR_RETURN(const GuardianCounter after, subtract(counter, ticks.call->tick_value));
  TickRelease out{ticks, after, true, t(i)};
  ++out.ticks.next_index;
  return out;
}

}  // namespace cafe::protocol
