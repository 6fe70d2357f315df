// Calls (section 6): opening, ticking, hanging up.
#include <algorithm>

#include "device-sim/firmware/guardian/commands.h"
#include "device-sim/firmware/wallet/state.h"
#include "libs/protocol/frame.h"

namespace cafe::wallet {

using firmware::Batch;
using firmware::Tariff;
using protocol::Bytes;
using protocol::Bytes32;
using protocol::ByteView;
using protocol::SignedDocument;
using protocol::TerminalCertificate;
using protocol::Terms;

namespace {

absl::Status call_ended() {
  return protocol::refused("CALL_ENDED", "The call is over: no more of its ticks are paid.");
}

}  // namespace

uint64_t opening_time_ms(uint32_t tick_count) {
  return kAnswerTime_ms + std::min(tick_count, guardian::kMaxTicksOfCall) / kOpenedTicksPer_ms;
}

absl::StatusOr<Outgoing> Wallet::on_call_offer(ByteView call_offer, uint64_t now_ms) {
  State& s = *state_;
  CAFE_ASSIGN_OR_RETURN(const auto offer, firmware::CallOffer::decode(call_offer));
  const Bytes32 digest = offer.terms.digest();
  if (!s.payments.contains(digest)) {
    CAFE_RETURN_IF_ERROR(s.with_one_pin([&] { return s.agree_to_call(offer, now_ms); }));
  }
  const auto call = s.calls.find(digest);
  if (call == s.calls.end()) return unknown_terms();
  if (s.payments.at(digest).state == PaymentState::kEnded) return call_ended();
  if (s.payments.at(digest).state == PaymentState::kPromised) {
    CAFE_RETURN_IF_ERROR(s.with_one_pin([&] { return s.finish(digest); }));
  }
  // Here and not at the first tick, which has less time.
  if (State::under_way(s.payments.at(digest))) {
    CAFE_RETURN_IF_ERROR(s.points_of(digest).status());
  }
  return Outgoing{s.payments.at(digest).payment,
                  now_ms + opening_time_ms(call->second.record.tick_count)};
}

absl::Status Wallet::State::agree_to_call(const firmware::CallOffer& offer, uint64_t now_ms) {
  CAFE_ASSIGN_OR_RETURN(const Terms terms, Terms::decode(offer.terms.frame));
  CAFE_ASSIGN_OR_RETURN(const TerminalCertificate terminal,
                        check_offer(offer.credential, offer.terms, terms, now_ms));
  if (terms.amount != 0) {
    return protocol::invalid("AMOUNT_NOT_ZERO", "A call is paid by its ticks alone.");
  }
  CAFE_RETURN_IF_ERROR(offer.tariff.check(terminal.key));
  CAFE_ASSIGN_OR_RETURN(const Tariff tariff, Tariff::decode(offer.tariff.frame));
  if (tariff.terms_digest != offer.terms.digest()) {
    return protocol::invalid("TARIFF_MISMATCH", "The tariff is of another call.");
  }
  CAFE_RETURN_IF_ERROR(take_notice_of_offer(offer.credential, offer.notice, terminal));
  CAFE_ASSIGN_OR_RETURN(const PlannedCall plan, plan_call(terms, tariff));
  if (!owner.confirm_call({terminal.payee_name, terms.acquirer_id, terms.currency,
                           tariff.tick_value, plan.tick_count, tariff.unit})) {
    return declined("OWNER_DECLINED", "The owner did not confirm the call.");
  }
  CAFE_RETURN_IF_ERROR(allow_payment(terms.currency, tariff.tick_value * plan.tick_count));
  return promise_call(offer, terms, tariff, plan);
}

absl::StatusOr<OutgoingTick> Wallet::on_tick_demand(ByteView demand_bytes, uint64_t now_ms) {
  State& s = *state_;
  CAFE_ASSIGN_OR_RETURN(const auto demand, firmware::TickDemand::decode(demand_bytes));
  const auto found = s.calls.find(demand.terms_digest);
  if (found == s.calls.end()) return unknown_terms();
  State::Call& call = found->second;
  const uint32_t next = call.ticks.released;
  // The last one as it was sent, even after the end: its payee is owed it.
  if (next > 0 && demand.index == next - 1) {
    return OutgoingTick{call.ticks.last, now_ms + kAnswerTime_ms};
  }
  const PaymentState state = s.payments.at(demand.terms_digest).state;
  if (state == PaymentState::kEnded || state == PaymentState::kRefused) return call_ended();
  if (state != PaymentState::kAccepted) {
    return protocol::refused("CALL_NOT_OPEN", "The terminal has not accepted the call yet.");
  }
  if (demand.index > next) {
    return protocol::refused("TICK_ORDER", "Ticks are paid one after the other.");
  }
  if (demand.index >= call.record.tick_count) {
    return protocol::refused("TICKS_USED_UP",
                             "The call has paid all ticks that it was opened for.");
  }
  const uint64_t points_time_ms =
      call.points == nullptr ? opening_time_ms(call.record.tick_count) : 0;
  CAFE_ASSIGN_OR_RETURN(Bytes tick, s.pay_tick(demand));
  return OutgoingTick{std::move(tick), now_ms + points_time_ms + kAnswerTime_ms};
}

// A tick that is not the last one stored: the next, or an older one again.
absl::StatusOr<Bytes> Wallet::State::pay_tick(const firmware::TickDemand& demand) {
  Call& call = calls.at(demand.terms_digest);
  CAFE_ASSIGN_OR_RETURN(const Call::Points* points, points_of(demand.terms_digest));
  const HeldSlot* slot = slot_of_call(payments.at(demand.terms_digest));
  if (slot == nullptr) return damaged();
  if (demand.index == call.ticks.released && !call.next_in_doubt()) {
    CAFE_RETURN_IF_ERROR(store->commit(Batch().put(record_key(kAskedPrefix, demand.terms_digest),
                                                   protocol::encode_u32(demand.index))));
    call.asked = demand.index;
  }
  CAFE_ASSIGN_OR_RETURN(const protocol::Scalar t,
                        guardian.release_tick(slot->handle, demand.index));
  CAFE_ASSIGN_OR_RETURN(
      const protocol::Scalar blinded,
      protocol::wallet_tick(t, points->P[demand.index], points->y_seed, demand.index));
  Bytes tick =
      firmware::Tick{demand.terms_digest, {demand.index, blinded, points->tree.path(demand.index)}}
          .encode();
  if (demand.index < call.ticks.released) return tick;
  // Stored before it leaves.
  TickRecord record{demand.index + 1, tick};
  Batch batch;
  batch.put(record_key(kTickPrefix, demand.terms_digest), record.encode());
  AllowancesRecord allowed = allowances;
  if (allowed.limited) {
    CAFE_ASSIGN_OR_RETURN(const Terms terms,
                          Terms::decode(payments.at(demand.terms_digest).terms.frame));
    CAFE_ASSIGN_OR_RETURN(const Tariff tariff, Tariff::decode(call.record.tariff.frame));
    allowed.take(terms.currency, tariff.tick_value);
    batch.put(kAllowancesKey, allowed.encode());
  }
  CAFE_RETURN_IF_ERROR(store->commit(batch));
  allowances = std::move(allowed);
  call.ticks = std::move(record);
  return tick;
}

// The terminal demanded it and will ask for it again, so asking the guardian again, which takes
// nothing more for a tick that it has released, gives nobody anything away. Only the guardian's
// word could tell otherwise whether it was released, and the books go by nobody's word.
void Wallet::State::settle_ticks_in_doubt() {
  for (const auto& [digest, call] : calls) {
    if (!call.next_in_doubt() || !under_way(payments.at(digest))) continue;
    pay_tick({digest, call.ticks.released}).status().IgnoreError();
  }
}

absl::StatusOr<Bytes> Wallet::hang_up(const Bytes32& terms_digest) {
  State& s = *state_;
  if (!s.calls.contains(terms_digest)) return unknown_terms();
  const PaymentRecord& record = s.payments.at(terms_digest);
  if (State::under_way(record)) {
    CAFE_RETURN_IF_ERROR(s.end_call(record, PaymentState::kEnded, {}));
  }
  return firmware::HangUp{terms_digest}.encode();
}

absl::Status Wallet::on_call_end(ByteView end_bytes) {
  State& s = *state_;
  CAFE_ASSIGN_OR_RETURN(const auto document, SignedDocument::decode(end_bytes));
  CAFE_ASSIGN_OR_RETURN(const auto end, firmware::CallEnd::decode(document.frame));
  const auto found = s.calls.find(end.terms_digest);
  if (found == s.calls.end()) return unknown_terms();
  PaymentRecord record = s.payments.at(end.terms_digest);
  CAFE_ASSIGN_OR_RETURN(const TerminalCertificate terminal, s.payee_of(record));
  CAFE_RETURN_IF_ERROR(document.check(terminal.key));
  if (end.acquirer_id != terminal.acquirer_id || end.payee_id != terminal.payee_id ||
      end.terminal_id != terminal.terminal_id) {
    return wrong_payee();
  }
  const Bytes& earlier = found->second.record.end;
  if (!earlier.empty()) {
    const bool same =
        std::equal(earlier.begin(), earlier.end(), end_bytes.begin(), end_bytes.end());
    if (same) return absl::OkStatus();
    return protocol::refused("ANSWERED", "The payee has ended this call before.");
  }
  if (end.ticks > found->second.ticks.released) {
    return protocol::invalid("WRONG_TICKS", "The payee says that it took more ticks than it got.");
  }
  const PaymentState state =
      record.state == PaymentState::kRefused ? PaymentState::kRefused : PaymentState::kEnded;
  return s.end_call(std::move(record), state, end_bytes);
}

// Lets go of the cheque, of the guardian's ticks, and of what the call could still have cost.
absl::Status Wallet::State::end_call(PaymentRecord record, PaymentState state, ByteView end) {
  const Bytes32 digest = record.terms.digest();
  Call& call = calls.at(digest);
  CAFE_ASSIGN_OR_RETURN(const Terms terms, Terms::decode(record.terms.frame));
  CAFE_ASSIGN_OR_RETURN(const Tariff tariff, Tariff::decode(call.record.tariff.frame));
  Batch batch;
  uint64_t left = counter(terms.currency);
  AllowancesRecord allowed = allowances;
  if (under_way(payments.at(digest))) {
    // A tick in doubt counts as taken, so that the books never show more than the guardian has.
    const uint32_t taken =
        std::min(call.record.tick_count, call.ticks.released + (call.next_in_doubt() ? 1 : 0));
    left += (call.record.tick_count - taken) * tariff.tick_value;
    batch.put(counter_key(terms.currency), protocol::encode_u64(left));
    if (allowed.limited && taken > call.ticks.released) {
      allowed.take(terms.currency, tariff.tick_value);
      batch.put(kAllowancesKey, allowed.encode());
    }
  }
  CallRecord ended = call.record;
  ended.end = protocol::to_bytes(end);
  batch.put(record_key(kCallPrefix, digest), ended.encode());
  if (call.asked) batch.erase(record_key(kAskedPrefix, digest));
  record.state = state;
  CAFE_RETURN_IF_ERROR(commit_and_release(std::move(batch), std::move(record)));
  counters[terms.currency] = left;
  allowances = std::move(allowed);
  call.record = std::move(ended);
  call.asked.reset();
  call.points.reset();
  return absl::OkStatus();
}

}  // namespace cafe::wallet
