// The opening of a call (section 6): the cheque that pays its ticks, and the tree of them.
#include <algorithm>

#include "device-sim/firmware/guardian/commands.h"
#include "device-sim/firmware/wallet/state.h"
#include "libs/protocol/frame.h"
#include "libs/protocol/ticks.h"

namespace cafe::wallet {

using firmware::Batch;
using firmware::Tariff;
using protocol::Bytes;
using protocol::Bytes32;
using protocol::ByteView;
using protocol::Denomination;
using protocol::Point;
using protocol::Scalar;
using protocol::Spend;
using protocol::Terms;
using protocol::TickRequest;

namespace {

absl::Status guardian_wrong() {
  return protocol::refused("GUARDIAN_WRONG",
                           "The guardian gave other ticks than it drew; nothing of it was sent on. "
                           "Have it replaced.");
}

}  // namespace

// The cheque that is bound: the smallest that carries the whole tariff, or the largest there is.
absl::StatusOr<Wallet::State::PlannedCall> Wallet::State::plan_call(const Terms& terms,
                                                                    const Tariff& tariff) const {
  const auto open = std::count_if(payments.begin(), payments.end(), [](const auto& payment) {
    return payment.second.kind == PaymentKind::kCall && under_way(payment.second);
  });
  if (static_cast<size_t>(open) >= guardian::kCalls) {
    return protocol::make_error(absl::StatusCode::kResourceExhausted, "GUARDIAN_FULL",
                                "Too many calls are open: end one first.");
  }
  const Purse from = purse(terms.currency, terms.time_ms / 1000, PaidTo::kTerminal);
  const uint64_t ticks = std::min(tariff.tick_count, guardian::kMaxTicksOfCall);
  uint64_t largest = 0;
  for (const Candidate& each : from.holdings.candidates) {
    if (each.kind == protocol::Kind::kCheque) largest = std::max(largest, each.value);
  }
  uint64_t most = std::min({tariff.tick_value * ticks, from.holdings.counter, largest});
  // What a call may come to counts for the limits, and a call that is cut down to them is still
  // worth having: nobody has to be asked on line, or to say who she is.
  if (const protocol::Limits* stated = limits(terms.currency)) {
    most = std::min({most, stated->offline_limit, stated->identification_limit});
  }
  const uint64_t count = most / tariff.tick_value;
  const auto cheque = choose_cheque(from.holdings.candidates, count * tariff.tick_value);
  if (!cheque || count == 0) return not_payable();
  PlannedSpend spend = from.places[*cheque];
  spend.value = 0;
  return PlannedCall{spend, static_cast<uint32_t>(count)};
}

absl::StatusOr<std::shared_ptr<const Wallet::State::Call::Points>> Wallet::State::blinded_points(
    Handle handle, uint32_t count, const Bytes32& y_seed) {
  CAFE_ASSIGN_OR_RETURN(std::vector<Point> P, guardian.tick_points(handle, count));
  CAFE_ASSIGN_OR_RETURN(const std::vector<Point> blinded, protocol::blind_tick_points(P, y_seed));
  return std::make_shared<const Call::Points>(
      Call::Points{y_seed, std::move(P), protocol::MerkleTree(protocol::point_leaves(blinded))});
}

// [guard] The points are here, and the root over them is stored with the request, before the
// guardian learns y_seed: it cannot choose what the root and the ticks will look like, and there is
// never a second root.
absl::Status Wallet::State::promise_call(const firmware::CallOffer& offer, const Terms& terms,
                                         const Tariff& tariff, const PlannedCall& plan) {
  const Bytes32 digest = offer.terms.digest();
  const HeldCoin& held = coins.at(plan.spend.coin);
  const Handle handle = held.slots[plan.spend.slot].handle;
  CAFE_RETURN_IF_ERROR(guardian.draw_ticks(handle, plan.tick_count));
  CAFE_ASSIGN_OR_RETURN(auto points, blinded_points(handle, plan.tick_count, rng.array<32>()));
  const TickRequest request{
      config.issuer_id,  terms.currency,
      tariff.tick_value, plan.tick_count,
      points->y_seed,    protocol::spend_digest(plan.spend.coin, plan.spend.slot, digest),
      rng.array<32>()};
  Call call{{offer.tariff, plan.tick_count, points->tree.root(), {}}, {}, std::move(points), {}};
  NewPayment payment =
      new_payment(PaymentKind::kCall, offer.terms, {plan.spend}, offer.credential.encode());
  payment.requests.push_back(request.encode());
  std::vector<NewPayment> fresh;
  fresh.push_back(std::move(payment));
  Batch also;
  also.put(record_key(kCallPrefix, digest), call.record.encode());
  CAFE_RETURN_IF_ERROR(
      promise(std::move(fresh), std::move(also), tariff.tick_value * plan.tick_count));
  calls.insert_or_assign(digest, std::move(call));
  return absl::OkStatus();
}

absl::StatusOr<Spend> Wallet::State::spend_ticks(const HeldCoin& held, const PlannedSpend& planned,
                                                 const Denomination& denomination,
                                                 const Bytes32& spend_digest,
                                                 const CallRecord& call) {
  const HeldSlot& slot = held.slots[planned.slot];
  CAFE_ASSIGN_OR_RETURN(const Tariff tariff, Tariff::decode(call.tariff.frame));
  CAFE_ASSIGN_OR_RETURN(const auto stored, TickRequest::decode(*slot.bound.request));
  const Bytes request =
      TickRequest{denomination.issuer_id, denomination.currency, tariff.tick_value, call.tick_count,
                  stored.y_seed,          spend_digest,          stored.y}
          .encode();
  // [guard] As for cheques: the stored request and no other.
  CAFE_RETURN_IF_ERROR(protocol::promise_slot(slot.bound, request).status());
  CAFE_ASSIGN_OR_RETURN(const TickReply reply, guardian.answer_ticks(slot.handle, request));
  if (reply.root != call.root) return guardian_wrong();
  CAFE_ASSIGN_OR_RETURN(const Bytes32 salt,
                        protocol::wallet_salt(slot.commitment, reply.rho, stored.y));
  const Scalar d = protocol::spend_challenge(denomination, 0, spend_digest, tariff.tick_value,
                                             call.tick_count, call.root, salt);
  CAFE_ASSIGN_OR_RETURN(const auto response,
                        respond(held, planned.slot, protocol::Kind::kCheque, d, reply.answer));
  return Spend{.coin = 0,
               .slot = planned.slot,
               .value = 0,
               .tick_value = tariff.tick_value,
               .tick_count = call.tick_count,
               .tick_root = protocol::to_bytes(call.root),
               .salt = protocol::to_bytes(salt),
               .B = slot.B,
               .path = {},  // of a cheque's one slot
               .r1 = response.r1,
               .r2 = response.r2,
               .tick = std::nullopt};
}

const HeldSlot* Wallet::State::slot_of_call(const PaymentRecord& record) const {
  const auto held = coins.find(record.plan.front().coin);
  return held == coins.end() ? nullptr : &held->second.slots[record.plan.front().slot];
}

// After a start the points come from the guardian again; they are those that the root was made of,
// or it has lied.
absl::StatusOr<const Wallet::State::Call::Points*> Wallet::State::points_of(const Bytes32& digest) {
  Call& call = calls.at(digest);
  if (call.points == nullptr) {
    const HeldSlot* slot = slot_of_call(payments.at(digest));
    if (slot == nullptr || !slot->bound.request) return damaged();
    CAFE_ASSIGN_OR_RETURN(const auto stored, TickRequest::decode(*slot->bound.request));
    CAFE_ASSIGN_OR_RETURN(auto points,
                          blinded_points(slot->handle, call.record.tick_count, stored.y_seed));
    if (points->tree.root() != call.record.root) return guardian_wrong();
    call.points = std::move(points);
  }
  return call.points.get();
}

}  // namespace cafe::wallet
