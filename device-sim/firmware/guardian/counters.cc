// Counters: the loads that fill them, and the cheques that empty them (section 5).
#include "device-sim/firmware/guardian/guardian.h"
#include "libs/protocol/hash.h"

namespace cafe::guardian {

using firmware::Command;
using firmware::StatusWord;
using protocol::ByteView;

namespace {

// The number of the counter of `currency`; of the first unused one for Currency{}.
std::optional<size_t> index_of(const Purse& purse, std::string_view currency) {
  for (size_t i = 0; i < purse.counters.size(); ++i) {
    if (text_of(purse.counters[i].currency) == currency) return i;
  }
  return std::nullopt;
}

bool in_use(const Purse::Counter& counter) { return counter.currency != Currency{}; }

}  // namespace

protocol::GuardianCounter Guardian::FoundCounter::counter() const {
  return {key.issuer_id(), text_of(purse.counters[index].currency), purse.counters[index].amount};
}

StatusWord Guardian::find_load_key(std::string_view issuer_id, size_t& issuer, LoadKey& key) const {
  bool damaged = false;
  for (issuer = 0; issuer < kLoadKeys; ++issuer) {
    if (!records_.load(issuer, key)) {
      damaged = true;
    } else if (key.issuer_id_size == 0) {
      break;
    } else if (key.issuer_id() == issuer_id) {
      return StatusWord::kOk;
    }
  }
  return damaged ? StatusWord::kMemoryFailure : StatusWord::kReferenceNotFound;
}

StatusWord Guardian::find_counter(std::string_view issuer_id, std::string_view currency,
                                  FoundCounter& found) const {
  const StatusWord word = find_load_key(issuer_id, found.issuer, found.key);
  if (word != StatusWord::kOk) return word;
  return find_in_purse(currency, found);
}

StatusWord Guardian::find_in_purse(std::string_view currency, FoundCounter& found) const {
  if (!records_.load(found.issuer, found.purse)) return StatusWord::kMemoryFailure;
  const std::optional<size_t> index = index_of(found.purse, currency);
  if (!index || !in_use(found.purse.counters[*index])) return StatusWord::kReferenceNotFound;
  found.index = *index;
  return StatusWord::kOk;
}

StatusWord Guardian::load(const Command& command) {
  StatusWord word = check_verified(kWithdrawalIndex);
  if (word != StatusWord::kOk) return word;
  const size_t frame_size = command.data.size() - kLoadSignatureSize;
  const ByteView frame = command.data.first(frame_size);
  const ByteView signature = command.data.subspan(frame_size);
  const auto load = protocol::Load::decode(frame);
  if (!load.ok()) return StatusWord::kWrongData;
  size_t issuer = 0;
  LoadKey key;
  word = find_load_key(load->issuer_id, issuer, key);
  if (word != StatusWord::kOk) return word;
  Purse purse;
  if (!records_.load(issuer, purse)) return StatusWord::kMemoryFailure;
  std::optional<size_t> index = index_of(purse, load->currency);
  const uint64_t amount = index ? purse.counters[*index].amount : 0;
  const auto loaded =
      protocol::apply_load(identity_.serial, {key.issuer_id(), key.der(), purse.last_sequence},
                           {key.issuer_id(), load->currency, amount}, frame, signature);
  if (!loaded.ok()) return word_of(loaded.status());

  if (!index) index = index_of(purse, text_of(Currency{}));
  if (!index) return StatusWord::kMemoryFull;
  Purse::Counter& counter = purse.counters[*index];
  std::copy_n(load->currency.begin(), counter.currency.size(), counter.currency.begin());
  counter.amount = loaded->counter.amount;
  purse.last_sequence = loaded->key.last_sequence;
  // [guard] Sequence and amount lie in one record: no load counts without its number.
  records_.store(Change(issuer, purse));
  return StatusWord::kOk;
}

StatusWord Guardian::list_counters(const Command& command, Output& out) const {
  if (command.p2 != 0) return StatusWord::kWrongParameters;
  const size_t issuer = command.p1;
  LoadKey key;
  Purse purse;
  if (issuer >= kLoadKeys) return StatusWord::kNotFound;
  if (!records_.load(issuer, key) || !records_.load(issuer, purse)) {
    return StatusWord::kMemoryFailure;
  }
  if (key.issuer_id_size == 0) return StatusWord::kNotFound;
  uint8_t count = 0;
  for (const Purse::Counter& counter : purse.counters) count += in_use(counter) ? 1 : 0;
  out.add(ByteView(&key.issuer_id_size, 1));
  out.add(protocol::view_of(key.issuer_id()));
  out.add(protocol::sha256(key.der()));
  out.add(protocol::encode_u64(purse.last_sequence));
  out.add(ByteView(&count, 1));
  for (const Purse::Counter& counter : purse.counters) {
    if (!in_use(counter)) continue;
    out.add(counter.currency);
    out.add(protocol::encode_u64(counter.amount));
  }
  return StatusWord::kOk;
}

StatusWord Guardian::answer_cheque(const Command& command, Output& out) {
  FoundSlot found;
  StatusWord word = find_slot(command.data, found);
  if (word != StatusWord::kOk) return word;
  const auto request = protocol::ChequeRequest::decode(command.data.subspan(kHandleSize));
  if (!request.ok()) return StatusWord::kWrongData;
  FoundCounter counter;
  word = find_counter(request->issuer_id, request->currency, counter);
  if (word != StatusWord::kOk) return word;
  const auto answer =
      protocol::answer_cheque(identity_.keys, found.slot.secret, counter.counter(), *request);
  if (!answer.ok()) return word_of(answer.status());
  if (answer->write_needed) {
    Charge left;
    word = charge(counter.currency(), request->value, left);
    if (word != StatusWord::kOk) return word;
    // Ticks that were drawn for this slot will never be asked for.
    FoundCall ticks;
    if (find_call(protocol::decode_u32(command.data.first<kHandleSize>()), ticks)) {
      records_.store(Change(ticks.index, Call{}));
    }
    found.slot.state = SlotState::kUsed;
    found.slot.secret = answer->slot;
    counter.set_amount(answer->counter.amount);
    // [guard] The mark, the amount and the allowance in one atomic write, then the answer.
    const Change mark(found.index, found.slot);
    const Change amount(counter.issuer, counter.purse);
    if (left.limited) {
      records_.store(mark, amount, Change(left.after));
    } else {
      records_.store(mark, amount);
    }
  }
  out.add(answer->rho);
  out.add(answer->answer.bytes());
  return StatusWord::kOk;
}

}  // namespace cafe::guardian
