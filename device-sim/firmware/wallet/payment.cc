// Payment (section 5): from a terminal's offer to its signed answer.
#include <algorithm>

#include "device-sim/firmware/wallet/selection.h"
#include "device-sim/firmware/wallet/state.h"
#include "libs/protocol/frame.h"

namespace cafe::wallet {

using firmware::Batch;
using protocol::Bytes;
using protocol::Bytes32;
using protocol::ByteView;
using protocol::CoinId;
using protocol::Denomination;
using protocol::Scalar;
using protocol::SignedDocument;
using protocol::SlotSecrets;
using protocol::TerminalCertificate;
using protocol::Terms;

namespace {

constexpr uint64_t kClockTolerance_ms = 10 * 60 * 1000;

absl::Status unknown_terms() {
  return protocol::make_error(absl::StatusCode::kNotFound, "UNKNOWN_TERMS",
                              "The wallet has made no payment for these terms.");
}

absl::Status wrong_payee() {
  return protocol::invalid("WRONG_PAYEE",
                           "The bill names another payee than the terminal's certificate: do not "
                           "pay here.");
}

bool spendable(const Denomination& denomination, uint64_t at_s) {
  return denomination.withdraw_from <= at_s && at_s < denomination.spend_until;
}

SlotSecrets slot_secrets(const protocol::Seed& coin_seed, const Bytes32& context, uint32_t slot) {
  return {protocol::derive(coin_seed, "x1", context, slot),
          protocol::derive(coin_seed, "x2", context, slot),
          protocol::derive(coin_seed, "e", context, slot)};
}

}  // namespace

absl::StatusOr<TerminalCertificate> Wallet::State::check_offer(const firmware::Offer& offer,
                                                               const Terms& terms,
                                                               uint64_t now_ms) const {
  CAFE_ASSIGN_OR_RETURN(TerminalCertificate terminal,
                        offer.credential.open(config.anchors, now_ms / 1000));
  CAFE_RETURN_IF_ERROR(offer.terms.check(terminal.key));
  if (terms.acquirer_id != terminal.acquirer_id || terms.payee_id != terminal.payee_id ||
      terms.terminal_id != terminal.terminal_id) {
    return wrong_payee();
  }
  if (terms.time_ms > now_ms + kClockTolerance_ms || now_ms > terms.time_ms + kClockTolerance_ms) {
    return protocol::refused("TERMS_STALE", "The bill is not of now: ask for a new one.");
  }
  if (!terms.quote_id.empty()) {
    return protocol::refused("CURRENCY_UNSUPPORTED",
                             "This wallet pays in its coins' own currency only.");
  }
  if (terms.amount == 0) {
    return protocol::refused("AMOUNT_ZERO", "The bill asks for nothing: there is nothing to pay.");
  }
  return terminal;
}

absl::StatusOr<std::vector<PlannedSpend>> Wallet::State::select(const Terms& terms) const {
  std::vector<Candidate> candidates;
  std::vector<PlannedSpend> places;
  size_t number = 0;
  for (const auto& [id, held] : coins) {
    ++number;
    // A coin whose denomination left the list, its claim period being over, pays nothing any more.
    const auto known = denomination_of(held.coin.denom_id);
    if (!known.ok()) continue;
    const Denomination* denomination = *known;
    if (denomination->currency != terms.currency ||
        !spendable(*denomination, terms.time_ms / 1000)) {
      continue;
    }
    for (uint32_t j = 0; j < held.slots.size(); ++j) {
      if (held.slots[j].bound.request) continue;
      candidates.push_back({denomination->slot_values[j], denomination->spend_until, number});
      places.push_back({id, j});
    }
  }
  const auto chosen = select_exact(candidates, terms.amount, protocol::kMaxSpends);
  if (!chosen) {
    return protocol::refused("AMOUNT_NOT_PAYABLE",
                             "The coins in the wallet do not make up this amount exactly: "
                             "withdraw others, or pay another amount.");
  }
  std::vector<PlannedSpend> plan;
  for (size_t index : *chosen) plan.push_back(places[index]);
  std::sort(plan.begin(), plan.end(), [](const PlannedSpend& a, const PlannedSpend& b) {
    return std::tie(a.coin, a.slot) < std::tie(b.coin, b.slot);
  });
  return plan;
}

absl::StatusOr<Scalar> Wallet::State::challenge(const HeldCoin& held, uint32_t slot,
                                                const Bytes32& terms_digest) const {
  CAFE_ASSIGN_OR_RETURN(const Denomination* denomination, denomination_of(held.coin.denom_id));
  return protocol::spend_challenge(*denomination, denomination->slot_values[slot],
                                   protocol::spend_digest(held.coin.id(), slot, terms_digest));
}

// [guard] Every slot's request is durable, in one batch with the payment it belongs to, before the
// guardian is asked for the first.
absl::Status Wallet::State::promise(const Bytes32& digest, PaymentRecord record,
                                    ByteView credential) {
  std::map<CoinId, HeldCoin> promised;
  for (const PlannedSpend& spend : record.plan) {
    HeldCoin& held = promised.try_emplace(spend.coin, coins.at(spend.coin)).first->second;
    CAFE_ASSIGN_OR_RETURN(const Scalar d, challenge(held, spend.slot, digest));
    protocol::WalletSlot& slot = held.slots[spend.slot].bound;
    CAFE_ASSIGN_OR_RETURN(slot, protocol::promise_slot(slot, d.bytes()));
  }
  Batch batch;
  for (const auto& [id, held] : promised) {
    batch.put(record_key(kCoinPrefix, id), held.encode());
  }
  const std::string terminal_key = record_key(kTerminalPrefix, record.credential);
  if (store->find(terminal_key) == nullptr) batch.put(terminal_key, credential);
  batch.put(record_key(kPaymentPrefix, digest), record.encode());
  CAFE_RETURN_IF_ERROR(store->commit(batch));
  for (auto& [id, held] : promised) coins.insert_or_assign(id, std::move(held));
  ++next_payment;
  payments.emplace(digest, std::move(record));
  return absl::OkStatus();
}

absl::StatusOr<protocol::Spend> Wallet::State::spend(const HeldCoin& held, uint32_t slot,
                                                     const Bytes32& terms_digest) {
  const HeldSlot& of = held.slots[slot];
  CAFE_ASSIGN_OR_RETURN(const Denomination* denomination, denomination_of(held.coin.denom_id));
  CAFE_ASSIGN_OR_RETURN(const Scalar d, challenge(held, slot, terms_digest));
  // [guard] Again, against the stored promise: never another request for this slot.
  CAFE_RETURN_IF_ERROR(protocol::promise_slot(of.bound, d.bytes()).status());
  if (!of.bound.request) {
    return protocol::make_error(absl::StatusCode::kInternal, "SLOT_NOT_PROMISED",
                                "A slot is to be spent that is not promised to this payment.");
  }
  const SlotSecrets secrets = slot_secrets(coin_seed, held.context, slot);
  const Scalar s = protocol::derive(coin_seed, "s", held.context, 0);
  CAFE_ASSIGN_OR_RETURN(const Scalar answer,
                        guardian.answer_coin(of.handle, protocol::coin_request(d, secrets)));
  CAFE_ASSIGN_OR_RETURN(const protocol::SpendResponse response,
                        protocol::wallet_respond(answer, d, secrets, identity->u1, s,
                                                 guardian_certificate->A_O, of.B_O));
  std::vector<protocol::Point> B;
  for (const HeldSlot& each : held.slots) B.push_back(each.B);
  return protocol::Spend{.coin = 0,
                         .slot = slot,
                         .value = denomination->slot_values[slot],
                         .tick_root = {},
                         .salt = {},
                         .B = of.B,
                         .path = protocol::merkle_path(protocol::point_leaves(B), slot),
                         .r1 = response.r1,
                         .r2 = response.r2,
                         .tick = std::nullopt};
}

// Has the guardian answer for every promised slot; the same bytes whenever it is called.
absl::Status Wallet::State::assemble(const Bytes32& digest) {
  PaymentRecord record = payments.at(digest);
  protocol::Payment payment{record.terms, {}, {}};
  for (const PlannedSpend& planned : record.plan) {
    const HeldCoin& held = coins.at(planned.coin);
    if (payment.coins.empty() || payment.coins.back() != held.coin) {
      payment.coins.push_back(held.coin);
    }
    CAFE_ASSIGN_OR_RETURN(protocol::Spend of, spend(held, planned.slot, digest));
    of.coin = static_cast<uint32_t>(payment.coins.size() - 1);
    payment.spends.push_back(std::move(of));
  }
  record.payment = payment.encode();
  record.state = PaymentState::kReady;

  // With the payment stored, its slots are needed no more, nor coins that hold no other.
  Batch batch;
  batch.put(record_key(kPaymentPrefix, digest), record.encode());
  std::vector<Handle> done;
  std::vector<CoinId> gone;
  for (const PlannedSpend& planned : record.plan) {
    const HeldCoin& held = coins.at(planned.coin);
    done.push_back(held.slots[planned.slot].handle);
    const bool last = std::all_of(payments.begin(), payments.end(), [&](const auto& other) {
      return other.first == digest || other.second.state != PaymentState::kPromised ||
             std::none_of(other.second.plan.begin(), other.second.plan.end(),
                          [&](const PlannedSpend& p) { return p.coin == planned.coin; });
    });
    if (held.spent() && last && (gone.empty() || gone.back() != planned.coin)) {
      gone.push_back(planned.coin);
      batch.erase(record_key(kCoinPrefix, planned.coin));
    }
  }
  CAFE_RETURN_IF_ERROR(store->commit(batch));
  payments.insert_or_assign(digest, std::move(record));
  for (const CoinId& id : gone) coins.erase(id);
  // What stays behind where this fails is freed at the next start.
  for (Handle handle : done) guardian.free_slot(handle).IgnoreError();
  return absl::OkStatus();
}

absl::StatusOr<Outgoing> Wallet::on_offer(ByteView offer_bytes, uint64_t now_ms) {
  State& s = *state_;
  CAFE_ASSIGN_OR_RETURN(const firmware::Offer offer, firmware::Offer::decode(offer_bytes));
  const Bytes32 digest = offer.terms.digest();
  if (!s.payments.contains(digest)) {
    CAFE_ASSIGN_OR_RETURN(const Terms terms, Terms::decode(offer.terms.frame));
    CAFE_ASSIGN_OR_RETURN(const TerminalCertificate terminal, s.check_offer(offer, terms, now_ms));
    // A payee that was shown another list is evidence against the issuer, not a reason not to pay.
    const Bytes notice = firmware::NoticeMessage{offer.credential, offer.notice}.encode();
    if (const absl::Status noted = s.take_notice(offer.notice, terminal, notice);
        !noted.ok() && protocol::reason_of(noted) != "LIST_DIFFERS") {
      return noted;
    }
    CAFE_ASSIGN_OR_RETURN(std::vector<PlannedSpend> plan, s.select(terms));
    if (!s.owner.confirm_payment(
            {terminal.payee_name, terms.acquirer_id, terms.currency, terms.amount})) {
      return protocol::make_error(absl::StatusCode::kCancelled, "OWNER_DECLINED",
                                  "The owner did not confirm the payment.");
    }
    const Bytes credential = offer.credential.encode();
    CAFE_RETURN_IF_ERROR(s.promise(digest,
                                   PaymentRecord{s.next_payment,
                                                 PaymentState::kPromised,
                                                 protocol::sha256(credential),
                                                 offer.terms,
                                                 std::move(plan),
                                                 {},
                                                 {}},
                                   credential));
  }
  if (s.payments.at(digest).state == PaymentState::kPromised) {
    CAFE_RETURN_IF_ERROR(s.assemble(digest));
  }
  const PaymentRecord& record = s.payments.at(digest);
  return Outgoing{record.payment, now_ms + kAnswerTime_ms * record.plan.size()};
}

absl::Status Wallet::on_payment_answer(ByteView answer_bytes) {
  State& s = *state_;
  CAFE_ASSIGN_OR_RETURN(const auto answer, firmware::PaymentAnswer::decode(answer_bytes));
  std::string acquirer_id;
  protocol::PayeeId payee_id;
  Bytes32 terms_digest;
  std::optional<Bytes32> payment_digest;
  if (answer.accepted) {
    CAFE_ASSIGN_OR_RETURN(auto acceptance, firmware::Acceptance::decode(answer.document.frame));
    acquirer_id = acceptance.acquirer_id;
    payee_id = acceptance.payee_id;
    terms_digest = acceptance.terms_digest;
    payment_digest = acceptance.payment_digest;
  } else {
    CAFE_ASSIGN_OR_RETURN(auto refusal, firmware::Refusal::decode(answer.document.frame));
    acquirer_id = refusal.acquirer_id;
    payee_id = refusal.payee_id;
    terms_digest = refusal.terms_digest;
    payment_digest = refusal.payment_digest;
  }
  const auto found = s.payments.find(terms_digest);
  if (found == s.payments.end()) return unknown_terms();
  const Bytes* credential_bytes =
      s.store->find(record_key(kTerminalPrefix, found->second.credential));
  if (credential_bytes == nullptr) return unknown_terms();
  CAFE_ASSIGN_OR_RETURN(const auto credential,
                        protocol::TerminalCredential::decode(*credential_bytes));
  CAFE_ASSIGN_OR_RETURN(const TerminalCertificate terminal,
                        credential.open(s.config.anchors, std::nullopt));
  CAFE_RETURN_IF_ERROR(answer.document.check(terminal.key));
  if (acquirer_id != terminal.acquirer_id || payee_id != terminal.payee_id) return wrong_payee();
  // A bill that was withdrawn before the payment was put together: the slots are bound to it all
  // the same, and only a whole payment can be claimed.
  if (found->second.state == PaymentState::kPromised) {
    CAFE_RETURN_IF_ERROR(s.assemble(terms_digest));
  }
  PaymentRecord record = found->second;
  if (payment_digest && *payment_digest != protocol::sha256(record.payment)) {
    return protocol::invalid("PAYMENT_MISMATCH", "The answer is to another payment.");
  }
  if (!record.answer.empty()) {
    const bool same = std::equal(record.answer.begin(), record.answer.end(), answer_bytes.begin(),
                                 answer_bytes.end());
    if (same) return absl::OkStatus();
    return protocol::refused("ANSWERED", "The payee has answered this payment before.");
  }
  record.answer = protocol::to_bytes(answer_bytes);
  record.state = answer.accepted ? PaymentState::kAccepted : PaymentState::kRefused;
  CAFE_RETURN_IF_ERROR(
      s.store->commit(Batch().put(record_key(kPaymentPrefix, terms_digest), record.encode())));
  found->second = std::move(record);
  return absl::OkStatus();
}

std::vector<PastPayment> Wallet::payments() const {
  std::vector<std::pair<uint64_t, PastPayment>> numbered;
  for (const auto& [digest, record] : state_->payments) {
    const auto terms = Terms::decode(record.terms.frame);
    if (!terms.ok()) continue;
    PastPayment past{digest,
                     record.state,
                     "",
                     terms->currency,
                     terms->amount,
                     terms->time_ms,
                     PaymentKind::kBill,
                     false,
                     0,
                     0,
                     0,
                     ""};
    if (const Bytes* bytes = state_->store->find(record_key(kTerminalPrefix, record.credential))) {
      const auto credential = protocol::TerminalCredential::decode(*bytes);
      if (credential.ok()) {
        const auto terminal = TerminalCertificate::decode(credential->terminal.frame);
        if (terminal.ok()) past.payee_name = terminal->payee_name;
      }
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

std::vector<Balance> Wallet::balances(uint64_t now_s) const {
  std::map<std::string, Balance> by_currency;
  for (const auto& [id, held] : state_->coins) {
    const Denomination* denomination = state_->table.find(held.coin.denom_id);
    if (denomination == nullptr || !spendable(*denomination, now_s)) continue;
    for (size_t j = 0; j < held.slots.size(); ++j) {
      if (held.slots[j].bound.request) continue;
      Balance& balance =
          by_currency
              .try_emplace(denomination->currency, Balance{denomination->currency, 0, 0, 0, 0, 0})
              .first->second;
      balance.amount += denomination->slot_values[j];
      ++balance.slots;
    }
  }
  std::vector<Balance> out;
  for (auto& [currency, balance] : by_currency) out.push_back(std::move(balance));
  return out;
}

size_t Wallet::coin_count() const { return state_->coins.size(); }

}  // namespace cafe::wallet
