// What can be paid without the payment PIN: the most that a thief can spend.
#include "device-sim/firmware/guardian/cursor.h"
#include "device-sim/firmware/guardian/guardian.h"

namespace cafe::guardian {

using firmware::Command;
using firmware::StatusWord;
using protocol::ByteView;

namespace {

constexpr uint64_t kMost = INT64_MAX;  // as of counters

Allowances::Entry* entry_of(Allowances& allowances, const Currency& currency) {
  for (Allowances::Entry& entry : allowances.entries) {
    if (entry.currency == currency) return &entry;
  }
  return nullptr;
}

// That of the currency, or one that says nothing and becomes it; null where there is none.
Allowances::Entry* entry_for(Allowances& allowances, const Currency& currency) {
  Allowances::Entry* entry = entry_of(allowances, currency);
  if (entry != nullptr) return entry;
  for (Allowances::Entry& unused : allowances.entries) {
    if (unused.limit != 0 || unused.left != 0) continue;
    unused.currency = currency;
    return &unused;
  }
  return nullptr;
}

}  // namespace

bool read_sum(ByteView data, Currency& currency, uint64_t& amount) {
  std::copy_n(data.begin(), currency.size(), currency.begin());
  amount = protocol::decode_u64(data.subspan<3, 8>());
  return std::all_of(currency.begin(), currency.end(),
                     [](uint8_t c) { return c >= 'A' && c <= 'Z'; });
}

// What is left once `value` is paid; the caller stores it with the payment's mark.
StatusWord Guardian::charge(const Currency& currency, uint64_t value, Charge& charge) const {
  Pin payment;
  if (!records_.load(kPaymentIndex, payment)) return StatusWord::kMemoryFailure;
  if (!payment.set || value == 0) return StatusWord::kOk;
  if (!records_.load(charge.after)) return StatusWord::kMemoryFailure;
  Allowances::Entry* entry = entry_of(charge.after, currency);
  if (entry == nullptr || entry->left < value) return StatusWord::kPinNeeded;
  entry->left -= value;
  charge.limited = true;
  return StatusWord::kOk;
}

// For a change that the payment PIN was entered for.
StatusWord Guardian::find_allowance(const Currency& currency, Allowances& allowances,
                                    Allowances::Entry*& entry) const {
  Pin payment;
  if (!records_.load(kPaymentIndex, payment)) return StatusWord::kMemoryFailure;
  if (!payment.set) return StatusWord::kReferenceNotFound;
  const StatusWord word = check_verified(kPaymentIndex);
  if (word != StatusWord::kOk) return word;
  if (!records_.load(allowances)) return StatusWord::kMemoryFailure;
  entry = entry_for(allowances, currency);
  return entry == nullptr ? StatusWord::kMemoryFull : StatusWord::kOk;
}

StatusWord Guardian::unlock(const Command& command) {
  Currency currency;
  uint64_t amount = 0;
  if (!read_sum(command.data, currency, amount) || amount == 0) return StatusWord::kWrongData;
  Allowances allowances;
  Allowances::Entry* entry = nullptr;
  const StatusWord word = find_allowance(currency, allowances, entry);
  if (word != StatusWord::kOk) return word;
  if (amount > kMost - entry->left) return StatusWord::kCounterLimit;
  entry->left += amount;
  // [guard] One entry of the PIN, one sum.
  verified_[kPaymentIndex] = false;
  records_.store(Change(allowances));
  return StatusWord::kOk;
}

StatusWord Guardian::set_limit(const Command& command) {
  Currency currency;
  uint64_t amount = 0;
  if (!read_sum(command.data, currency, amount)) return StatusWord::kWrongData;
  Allowances allowances;
  Allowances::Entry* entry = nullptr;
  const StatusWord word = find_allowance(currency, allowances, entry);
  if (word != StatusWord::kOk) return word;
  if (amount > kMost) return StatusWord::kCounterLimit;
  entry->limit = amount;
  entry->left = amount;
  verified_[kPaymentIndex] = false;
  records_.store(Change(allowances));
  return StatusWord::kOk;
}

StatusWord Guardian::lock_payments() {
  Pin payment;
  Allowances allowances;
  if (!records_.load(kPaymentIndex, payment) || !records_.load(allowances)) {
    return StatusWord::kMemoryFailure;
  }
  if (!payment.set) return StatusWord::kReferenceNotFound;
  verified_[kPaymentIndex] = false;
  for (Allowances::Entry& entry : allowances.entries) entry.left = 0;
  records_.store(Change(allowances));
  return StatusWord::kOk;
}

StatusWord Guardian::list_allowances(Output& out) const {
  Allowances allowances;
  if (!records_.load(allowances)) return StatusWord::kMemoryFailure;
  for (const Allowances::Entry& entry : allowances.entries) {
    if (entry.limit == 0 && entry.left == 0) continue;
    out.add(entry.currency);
    out.add(protocol::encode_u64(entry.limit));
    out.add(protocol::encode_u64(entry.left));
  }
  return StatusWord::kOk;
}

}  // namespace cafe::guardian
