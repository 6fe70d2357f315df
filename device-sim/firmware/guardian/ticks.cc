// Ticks: many tiny payments of one cheque (section 6).
#include "libs/protocol/ticks.h"

#include "device-sim/firmware/guardian/guardian.h"

namespace cafe::guardian {

using firmware::Command;
using firmware::StatusWord;
using protocol::ByteView;

namespace {

uint32_t handle_in(const Command& command) {
  return protocol::decode_u32(command.data.first<kHandleSize>());
}

// The number behind the handle.
uint32_t number_in(const Command& command) {
  return protocol::decode_u32(command.data.subspan<kHandleSize, 4>());
}

}  // namespace

bool Guardian::find_call(uint32_t handle, FoundCall& found) const {
  for (found.index = 0; found.index < kCalls; ++found.index) {
    // A damaged record is out of use, and so are the ticks that were in it.
    if (!records_.load(found.index, found.call)) continue;
    if (found.call.state != CallState::kFree && found.call.handle == handle) return true;
  }
  return false;
}

StatusWord Guardian::draw_ticks(const Command& command) {
  FoundSlot found;
  const StatusWord word = find_slot(command.data, found);
  if (word != StatusWord::kOk) return word;
  const uint32_t count = number_in(command);
  if (count > kMaxTicksOfCall) return StatusWord::kWrongData;
  // [guard] Once y_seed is in, new points would be the guardian's choice of what goes out.
  if (found.slot.secret.kind != protocol::Kind::kCheque || found.slot.state != SlotState::kMade) {
    return StatusWord::kConditionsNotSatisfied;
  }
  FoundCall ticks;
  const bool drawn_before = find_call(handle_in(command), ticks);
  if (count == 0) {
    if (drawn_before) records_.store(Change(ticks.index, Call{}));
    return StatusWord::kOk;
  }
  if (!drawn_before) {
    ticks.index = 0;
    while (ticks.index < kCalls &&
           !(records_.load(ticks.index, ticks.call) && ticks.call.state == CallState::kFree)) {
      ++ticks.index;
    }
    if (ticks.index == kCalls) return StatusWord::kMemoryFull;
  }
  Call drawn;
  drawn.state = CallState::kDrawn;
  drawn.handle = handle_in(command);
  drawn.count = count;
  rng_.fill(drawn.seed.mutable_view());
  records_.store(Change(ticks.index, drawn));
  return StatusWord::kOk;
}

StatusWord Guardian::tick_points(const Command& command, Output& out) const {
  FoundSlot found;
  const StatusWord word = find_slot(command.data, found);
  if (word != StatusWord::kOk) return word;
  FoundCall ticks;
  if (!find_call(handle_in(command), ticks)) return StatusWord::kConditionsNotSatisfied;
  const uint32_t first = number_in(command);
  if (first >= ticks.call.count) return StatusWord::kNotFound;
  const size_t most = std::min(kTickPointsPerList, command.expected / protocol::Point::kSize);
  const auto end = static_cast<uint32_t>(std::min<size_t>(ticks.call.count, size_t{first} + most));
  for (uint32_t i = first; i < end; ++i) {
    const auto P = protocol::multiply(protocol::tick_secret(ticks.call.seed, i), protocol::g1());
    if (!P) return StatusWord::kInternal;
    out.add(P->bytes());
  }
  return StatusWord::kOk;
}

StatusWord Guardian::answer_ticks(const Command& command, Output& out) {
  FoundSlot found;
  StatusWord word = find_slot(command.data, found);
  if (word != StatusWord::kOk) return word;
  const auto request = protocol::TickRequest::decode(command.data.subspan(kHandleSize));
  if (!request.ok()) return StatusWord::kWrongData;
  FoundCall ticks;
  if (!find_call(handle_in(command), ticks)) return StatusWord::kConditionsNotSatisfied;
  FoundCounter counter;
  word = find_counter(request->issuer_id, request->currency, counter);
  if (word != StatusWord::kOk) return word;
  Call& call = ticks.call;
  protocol::TickState state{call.count, call.next_index};
  if (call.state == CallState::kOpened) {
    state.call = {counter.key.issuer_id(), text_of(call.currency), call.tick_value,
                  found.slot.secret.request_digest};
  }
  const auto answer = protocol::answer_ticks(
      identity_.keys, found.slot.secret, counter.counter(), state,
      [&](uint32_t i) { return protocol::tick_secret(call.seed, i); }, *request);
  if (!answer.ok()) return word_of(answer.status());
  if (answer->write_needed) {
    found.slot.state = SlotState::kUsed;
    found.slot.secret = answer->slot;
    call.state = CallState::kOpened;
    call.issuer = static_cast<uint8_t>(counter.issuer);
    call.currency = counter.currency();
    call.tick_value = request->tick_value;
    // [guard] The mark and what the ticks are bound to in one atomic write, then the answer.
    records_.store(Change(found.index, found.slot), Change(ticks.index, call));
  }
  out.add(answer->rho);
  out.add(answer->tick_root);
  out.add(answer->answer.bytes());
  return StatusWord::kOk;
}

StatusWord Guardian::release_tick(const Command& command, Output& out) {
  FoundSlot found;
  StatusWord word = find_slot(command.data, found);
  if (word != StatusWord::kOk) return word;
  FoundCall ticks;
  if (!find_call(handle_in(command), ticks) || ticks.call.state != CallState::kOpened) {
    return StatusWord::kConditionsNotSatisfied;
  }
  Call& call = ticks.call;
  FoundCounter counter;
  counter.issuer = call.issuer;
  if (!records_.load(counter.issuer, counter.key)) return StatusWord::kMemoryFailure;
  word = find_in_purse(text_of(call.currency), counter);
  if (word != StatusWord::kOk) return word;
  const protocol::OpenCall open{counter.key.issuer_id(), text_of(call.currency), call.tick_value,
                                found.slot.secret.request_digest};
  const auto released = protocol::release_tick(
      {call.count, call.next_index, open}, counter.counter(),
      [&](uint32_t i) { return protocol::tick_secret(call.seed, i); }, number_in(command));
  if (!released.ok()) return word_of(released.status());
  if (released->write_needed) {
    Charge left;
    word = charge(call.currency, call.tick_value, left);
    if (word != StatusWord::kOk) return word;
    call.next_index = released->ticks.next_index;
    counter.set_amount(released->counter.amount);
    // [guard] The index, the amount and the allowance in one atomic write, then the tick.
    const Change amount(counter.issuer, counter.purse);
    const Change index(ticks.index, call);
    if (left.limited) {
      records_.store(amount, index, Change(left.after));
    } else {
      records_.store(amount, index);
    }
  }
  out.add(released->t.bytes());
  return StatusWord::kOk;
}

}  // namespace cafe::guardian
