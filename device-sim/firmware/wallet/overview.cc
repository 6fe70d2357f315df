// What the owner looks at: balances and past payments.
#include <algorithm>

#include "device-sim/firmware/wallet/state.h"

namespace cafe::wallet {

using protocol::Bytes;
using protocol::Bytes32;
using protocol::Denomination;

namespace {

// The name in the certificate that the payee showed; "" for the holder herself.
std::string payee_name(const firmware::RecordStore& store, const Bytes32& credential_digest) {
  const Bytes* bytes = store.find(record_key(kTerminalPrefix, credential_digest));
  if (bytes == nullptr) return "";
  const auto credential = protocol::TerminalCredential::decode(*bytes);
  if (!credential.ok()) return "";
  const auto terminal = protocol::TerminalCertificate::decode(credential->terminal.frame);
  return terminal.ok() ? terminal->payee_name : "";
}

}  // namespace

std::vector<PastPayment> Wallet::payments() const {
  std::vector<std::pair<uint64_t, PastPayment>> numbered;
  for (const auto& [digest, record] : state_->payments) {
    const auto terms = protocol::Terms::decode(record.terms.frame);
    if (!terms.ok()) continue;
    PastPayment past{};
    past.terms_digest = digest;
    past.state = record.state;
    past.payee_name = payee_name(*state_->store, record.credential);
    past.currency = terms->currency;
    past.amount = terms->amount;
    past.time_ms = terms->time_ms;
    past.kind = record.kind;
    past.identified = record.identified;
    if (const auto call = state_->calls.find(digest); call != state_->calls.end()) {
      const auto tariff = firmware::Tariff::decode(call->second.record.tariff.frame);
      if (!tariff.ok()) continue;
      past.ticks = call->second.ticks.released;
      past.most_ticks = call->second.record.tick_count;
      past.tick_value = tariff->tick_value;
      past.unit = tariff->unit;
      past.amount = past.tick_value * past.ticks;
    }
    numbered.emplace_back(record.number, std::move(past));
  }
  std::sort(numbered.begin(), numbered.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<PastPayment> out;
  for (auto& [number, past] : numbered) out.push_back(std::move(past));
  return out;
}

absl::StatusOr<Bytes> Wallet::payment_bytes(const Bytes32& terms_digest) const {
  const auto found = state_->payments.find(terms_digest);
  if (found == state_->payments.end() || found->second.payment.empty()) return unknown_terms();
  return found->second.payment;
}

absl::StatusOr<Bytes> Wallet::payment_answer(const Bytes32& terms_digest) const {
  const auto found = state_->payments.find(terms_digest);
  if (found == state_->payments.end()) return unknown_terms();
  return found->second.answer;
}

absl::StatusOr<Bytes> Wallet::call_end(const Bytes32& terms_digest) const {
  const auto found = state_->calls.find(terms_digest);
  if (found == state_->calls.end()) return unknown_terms();
  return found->second.record.end;
}

std::vector<Balance> Wallet::balances(uint64_t now_s) const {
  const State& s = *state_;
  std::map<std::string, Balance> by_currency;
  const auto of = [&](const std::string& currency) -> Balance& {
    Balance& balance = by_currency[currency];
    balance.currency = currency;
    return balance;
  };
  for (const auto& [id, held] : s.coins) {
    const Denomination* denomination = s.table.find(held.coin.denom_id);
    if (denomination == nullptr || !spendable(*denomination, now_s)) continue;
    const bool coin = denomination->kind == protocol::Kind::kCoin;
    for (size_t j = 0; j < held.slots.size(); ++j) {
      if (held.slots[j].bound.request) continue;
      Balance& balance = of(denomination->currency);
      (coin ? balance.amount : balance.cheques_up_to) += denomination->slot_values[j];
      ++(coin ? balance.slots : balance.cheques);
    }
  }
  for (const auto& [currency, amount] : s.counters) of(currency).counter = amount;
  std::vector<Balance> out;
  for (auto& [currency, balance] : by_currency) out.push_back(std::move(balance));
  return out;
}

Holdings Wallet::holdings(std::string_view currency, uint64_t now_s) const {
  return state_->purse(currency, now_s, State::PaidTo::kTerminal).holdings;
}

size_t Wallet::coin_count() const { return state_->coins.size(); }

}  // namespace cafe::wallet
