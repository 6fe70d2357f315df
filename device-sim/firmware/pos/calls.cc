// Calls (section 6): one payment that opens, then tick by tick until either side hangs up.
#include <algorithm>

#include "device-sim/firmware/pos/state.h"
#include "libs/protocol/ticks.h"

namespace cafe::pos {

using firmware::Batch;
using firmware::CallEnd;
using firmware::Tariff;
using protocol::Bytes;
using protocol::Bytes32;
using protocol::ByteView;
using protocol::Payment;
using protocol::SignedDocument;
using protocol::TickReveal;

namespace {

absl::Status call_ended() {
  return protocol::refused("CALL_ENDED", "The call has ended: no tick is taken for it any more.");
}

absl::Status call_not_open() {
  return protocol::refused("CALL_NOT_OPEN", "No payment has opened this call.");
}

absl::Status call_too_long() {
  return protocol::refused(
      "CALL_TOO_LONG", "The call has gone on for as long as one may: end it, and offer another.");
}

bool holds(const Bytes* record, ByteView bytes) {
  return record != nullptr &&
         std::equal(record->begin(), record->end(), bytes.begin(), bytes.end());
}

}  // namespace

bool Terminal::State::is_call(const Bytes32& terms_digest) const {
  return store->find(record_key(kCallPrefix, terms_digest)) != nullptr;
}

absl::StatusOr<CallRecord> Terminal::State::find_call(const Bytes32& terms_digest) const {
  const Bytes* record = store->find(record_key(kCallPrefix, terms_digest));
  if (record == nullptr) return call_not_open();
  return CallRecord::decode(*record);
}

Bytes Terminal::State::call_offer(const SignedDocument& terms, const SignedDocument& tariff,
                                  uint64_t now_ms) const {
  return firmware::CallOffer{config.credential, sign_notice(now_ms), terms, tariff}.encode();
}

absl::StatusOr<Bytes> Terminal::make_call_offer(std::string_view currency, uint64_t tick_value,
                                                uint32_t tick_count, std::string_view unit,
                                                uint64_t now_ms) {
  State& s = *state_;
  CAFE_RETURN_IF_ERROR(protocol::check_currency(currency));
  CAFE_ASSIGN_OR_RETURN(const Bill bill, s.make_bill(currency, /*amount=*/0, now_ms));
  const Bytes32 terms_digest = bill.terms.digest();
  const Bytes tariff = Tariff{terms_digest, tick_value, tick_count, std::string(unit)}.encode();
  CAFE_RETURN_IF_ERROR(Tariff::decode(tariff).status());
  const CallRecord call{SignedDocument::sign(tariff, s.config.key), {}};
  CAFE_RETURN_IF_ERROR(
      s.store->commit(Batch()
                          .put(record_key(kBillPrefix, terms_digest), bill.encode())
                          .put(record_key(kCallPrefix, terms_digest), call.encode())));
  return s.call_offer(bill.terms, call.tariff, now_ms);
}

absl::Status Terminal::State::check_tariff(const Bytes32& terms_digest,
                                           const Payment& payment) const {
  CAFE_ASSIGN_OR_RETURN(const CallRecord call, find_call(terms_digest));
  CAFE_ASSIGN_OR_RETURN(const Tariff tariff, Tariff::decode(call.tariff.frame));
  const protocol::Spend& spend = payment.spends.front();
  if (payment.spends.size() != 1 || spend.tick_value != tariff.tick_value ||
      spend.tick_count == 0 || spend.tick_count > tariff.tick_count || spend.tick) {
    return protocol::refused("TARIFF_MISMATCH",
                             "A call is opened by one cheque, with ticks of the tariff's value and "
                             "at most its number, of which none is shown yet.");
  }
  return absl::OkStatus();
}

absl::Status Terminal::State::run_call(const Bytes32& terms_digest, const Bill& bill) {
  CAFE_ASSIGN_OR_RETURN(const Payment payment, Payment::decode(bill.payment));
  CAFE_ASSIGN_OR_RETURN(const auto terms, protocol::Terms::decode(bill.terms.frame));
  const protocol::Spend& spend = payment.spends.front();
  CAFE_ASSIGN_OR_RETURN(const Bytes32 root, protocol::to_array<32>(spend.tick_root));
  uint32_t ticks = 0;
  if (const Bytes* record = store->find(record_key(kTickPrefix, terms_digest))) {
    CAFE_ASSIGN_OR_RETURN(const TickReveal last, TickReveal::decode(*record));
    ticks = last.index + 1;
  }
  running.insert_or_assign(terms_digest, RunningCall{root, spend.tick_value, spend.tick_count,
                                                     ticks, terms.time_ms + kCallLife_ms});
  return absl::OkStatus();
}

absl::StatusOr<const Terminal::State::RunningCall*> Terminal::State::running_call(
    const Bytes32& terms_digest) const {
  const auto found = running.find(terms_digest);
  if (found != running.end()) return &found->second;
  CAFE_RETURN_IF_ERROR(find_bill(terms_digest).status());
  CAFE_ASSIGN_OR_RETURN(const CallRecord call, find_call(terms_digest));
  return call.ended() ? call_ended() : call_not_open();
}

absl::StatusOr<Bytes> Terminal::next_tick_demand(const Bytes32& terms_digest,
                                                 uint64_t now_ms) const {
  CAFE_ASSIGN_OR_RETURN(const State::RunningCall* call, state_->running_call(terms_digest));
  if (now_ms > call->until_ms) return call_too_long();
  if (call->ticks == call->tick_count) {
    return protocol::refused("TICKS_USED_UP",
                             "The call's payment brings no more ticks: end it, and offer another.");
  }
  return firmware::TickDemand{terms_digest, call->ticks}.encode();
}

absl::Status Terminal::on_tick(ByteView tick_message, uint64_t now_ms) {
  State& s = *state_;
  CAFE_ASSIGN_OR_RETURN(const auto tick, firmware::Tick::decode(tick_message));
  CAFE_ASSIGN_OR_RETURN(const State::RunningCall* call, s.running_call(tick.terms_digest));
  const std::string key = record_key(kTickPrefix, tick.terms_digest);
  const Bytes reveal = tick.reveal.encode();
  if (holds(s.store->find(key), reveal)) return absl::OkStatus();
  if (now_ms > call->until_ms) return call_too_long();
  if (tick.reveal.index != call->ticks) {
    return protocol::refused("TICK_ORDER", "A tick is not the one after the last: ask again.");
  }
  CAFE_RETURN_IF_ERROR(protocol::check_tick(call->root, call->tick_count, tick.reveal));
  CAFE_RETURN_IF_ERROR(s.store->commit(Batch().put(key, reveal)));
  ++s.running.at(tick.terms_digest).ticks;
  return absl::OkStatus();
}

Bytes Terminal::State::sign_end(const Bytes32& terms_digest, uint32_t ticks,
                                uint64_t now_ms) const {
  const CallEnd end{certificate.acquirer_id,
                    certificate.payee_id,
                    certificate.terminal_id,
                    terms_digest,
                    ticks,
                    now_ms};
  return SignedDocument::sign(end.encode(), config.key).encode();
}

absl::StatusOr<uint32_t> Terminal::State::ticks_held(const Bytes32& terms_digest,
                                                     const CallRecord& call) const {
  if (!call.ended()) {
    CAFE_ASSIGN_OR_RETURN(const RunningCall* going_on, running_call(terms_digest));
    return going_on->ticks;
  }
  CAFE_ASSIGN_OR_RETURN(const auto document, SignedDocument::decode(call.end));
  CAFE_ASSIGN_OR_RETURN(const CallEnd end, CallEnd::decode(document.frame));
  return end.ticks;
}

absl::StatusOr<Bytes> Terminal::end_call(const Bytes32& terms_digest, uint64_t now_ms) {
  State& s = *state_;
  CAFE_ASSIGN_OR_RETURN(Bill bill, s.find_bill(terms_digest));
  CAFE_ASSIGN_OR_RETURN(CallRecord call, s.find_call(terms_digest));
  if (call.ended()) return call.end;
  CAFE_ASSIGN_OR_RETURN(const uint32_t held, s.ticks_held(terms_digest, call));
  Bytes end = s.sign_end(terms_digest, held, now_ms);
  call.end = end;
  Batch batch;
  s.queue_or_settle(batch, terms_digest, std::move(call), std::move(bill), held,
                    /*keep_payment=*/false);
  CAFE_RETURN_IF_ERROR(s.store->commit(batch));
  s.running.erase(terms_digest);
  return end;
}

absl::StatusOr<Bytes> Terminal::on_hang_up(ByteView hang_up_bytes, uint64_t now_ms) {
  State& s = *state_;
  CAFE_ASSIGN_OR_RETURN(const auto hang_up, firmware::HangUp::decode(hang_up_bytes));
  CAFE_ASSIGN_OR_RETURN(Bill bill, s.find_bill(hang_up.terms_digest));
  if (!s.is_call(hang_up.terms_digest)) return call_not_open();
  switch (bill.state) {
    case BillState::kRefused:
      return bill.answer;
    case BillState::kOpen:
    case BillState::kAuthorizing: {
      CAFE_ASSIGN_OR_RETURN(PaymentResult result,
                            s.refuse(hang_up.terms_digest, std::move(bill), "HUNG_UP", now_ms));
      return std::move(result.message);
    }
    default:
      return end_call(hang_up.terms_digest, now_ms);
  }
}

absl::StatusOr<CallState> Terminal::call(const Bytes32& terms_digest) const {
  const State& s = *state_;
  CAFE_RETURN_IF_ERROR(s.find_bill(terms_digest).status());
  CAFE_ASSIGN_OR_RETURN(const CallRecord call, s.find_call(terms_digest));
  CAFE_ASSIGN_OR_RETURN(const Tariff tariff, Tariff::decode(call.tariff.frame));
  CAFE_ASSIGN_OR_RETURN(const uint32_t ticks, s.ticks_held(terms_digest, call));
  const uint32_t left = call.ended() ? 0 : s.running.at(terms_digest).tick_count - ticks;
  return CallState{!call.ended(), tariff.tick_value, ticks, left, call.deposited};
}

std::vector<Bytes32> Terminal::running_calls() const {
  std::vector<Bytes32> out;
  for (const auto& [terms_digest, call] : state_->running) out.push_back(terms_digest);
  return out;
}

}  // namespace cafe::pos
