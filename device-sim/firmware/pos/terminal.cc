// Start, lists, bills and payments. Calls are in calls.cc, hotlists in hotlist.cc, deposits
// in deposits.cc.
#include "device-sim/firmware/pos/terminal.h"

#include <algorithm>

#include "device-sim/firmware/pos/state.h"

namespace cafe::pos {

using firmware::Batch;
using firmware::RecordStore;
using protocol::Bytes;
using protocol::Bytes32;
using protocol::ByteView;
using protocol::Payment;
using protocol::SignedDocument;
using protocol::Terms;

namespace {

absl::Status unknown_offer() {
  return protocol::make_error(absl::StatusCode::kNotFound, "UNKNOWN_OFFER",
                              "This terminal has no such bill: ask for a new one.");
}

absl::Status settled() {
  return protocol::refused("TERMS_SETTLED",
                           "The bill is decided already: one payment pays it, and no second.");
}

PaymentResult result_of(const Bill& bill) {
  switch (bill.state) {
    case BillState::kAuthorizing:
      return {Decision::kAuthorize, {}, bill.payment, ""};
    case BillState::kRefused:
      return {Decision::kRefused, bill.answer, bill.payment, bill.reason};
    default:
      return {Decision::kAccepted, bill.answer, bill.payment, ""};
  }
}

}  // namespace

Terminal::Terminal(std::unique_ptr<State> state) : state_(std::move(state)) {}
Terminal::~Terminal() = default;

absl::StatusOr<std::unique_ptr<Terminal>> Terminal::boot(firmware::NonVolatileMemory& memory,
                                                         protocol::Rng& rng, Config config) {
  CAFE_ASSIGN_OR_RETURN(auto certificate, config.credential.open(config.anchors, std::nullopt));
  if (certificate.key != config.key.public_key()) {
    return protocol::invalid("WRONG_TERMINAL",
                             "The certificate is of another key: enrol the terminal again.");
  }
  CAFE_ASSIGN_OR_RETURN(auto store, RecordStore::open(memory));
  CAFE_ASSIGN_OR_RETURN(const auto enrolment,
                        protocol::KeyCertificate::decode(config.credential.enrolment_key.frame));
  auto state =
      std::make_unique<State>(std::move(store), rng, std::move(config), std::move(certificate));
  state->certified_from = std::max(enrolment.valid_from, state->certificate.valid_from);
  state->certified_until = std::min(enrolment.valid_until, state->certificate.valid_until);
  CAFE_RETURN_IF_ERROR(state->load());
  return std::unique_ptr<Terminal>(new Terminal(std::move(state)));
}

absl::Status Terminal::State::load() {
  absl::Status status;
  store->scan(kListPrefix, [&](std::string_view, ByteView value) {
    status.Update([&]() -> absl::Status {
      CAFE_ASSIGN_OR_RETURN(SignedDocument document, SignedDocument::decode(value));
      CAFE_ASSIGN_OR_RETURN(auto list, protocol::DenominationList::decode(document.frame));
      table.add(list);
      const std::string issuer_id = list.issuer_id;
      lists.insert_or_assign(issuer_id, KnownList{std::move(list), std::move(document)});
      return absl::OkStatus();
    }());
  });
  const auto next_after = [&](std::string_view prefix) {
    uint64_t next = 1;
    store->scan(prefix, [&](std::string_view key, ByteView) {
      const std::string_view number = key.substr(prefix.size());
      if (number.size() == 8) {
        next = protocol::decode_u64(protocol::view_of(number).first<8>()) + 1;
      }
    });
    return next;
  };
  load_hotlists();
  next_queue = next_after(kQueuePrefix);
  next_receipt = next_after(kReceiptPrefix);
  store->scan(kCallPrefix, [&](std::string_view key, ByteView value) {
    status.Update([&]() -> absl::Status {
      CAFE_ASSIGN_OR_RETURN(const CallRecord call, CallRecord::decode(value));
      if (call.ended()) return absl::OkStatus();
      CAFE_ASSIGN_OR_RETURN(
          const Bytes32 terms_digest,
          protocol::to_array<32>(protocol::view_of(key.substr(kCallPrefix.size()))));
      CAFE_ASSIGN_OR_RETURN(const Bill bill, find_bill(terms_digest));
      if (bill.state != BillState::kAccepted) return absl::OkStatus();
      return run_call(terms_digest, bill);
    }());
  });
  return status;
}

absl::Status Terminal::accept_list(ByteView signed_list) {
  State& s = *state_;
  CAFE_ASSIGN_OR_RETURN(SignedDocument document, SignedDocument::decode(signed_list));
  CAFE_ASSIGN_OR_RETURN(const auto claimed, protocol::DenominationList::decode(document.frame));
  CAFE_ASSIGN_OR_RETURN(const protocol::Point master,
                        s.config.anchors.master_key(claimed.issuer_id));
  const auto known = s.lists.find(claimed.issuer_id);
  if (known != s.lists.end()) {
    if (known->second.document == document) return absl::OkStatus();
    if (protocol::is_equivocation(known->second.document, document, master)) {
      CAFE_RETURN_IF_ERROR(
          s.store->commit(Batch().put(std::string(kEquivocationPrefix) + claimed.issuer_id,
                                      protocol::Frame("pos/equivocation")
                                          .add(known->second.document.encode())
                                          .add(document.encode())
                                          .view())));
      return protocol::refused("LIST_EQUIVOCATION",
                               "The issuer signed two different lists of one number; both are "
                               "kept as evidence. Show them to the acquirer.");
    }
  }
  CAFE_ASSIGN_OR_RETURN(auto list, protocol::open_list(document, master));
  if (known != s.lists.end()) {
    if (list.number <= known->second.list.number) return absl::OkStatus();
    CAFE_RETURN_IF_ERROR(protocol::check_successor(known->second.list, list));
  }
  CAFE_RETURN_IF_ERROR(
      s.store->commit(Batch().put(std::string(kListPrefix) + list.issuer_id, signed_list)));
  s.table.add(list);
  const std::string issuer_id = list.issuer_id;
  s.lists.insert_or_assign(issuer_id, State::KnownList{std::move(list), std::move(document)});
  return absl::OkStatus();
}

const protocol::DenominationTable& Terminal::denominations() const { return state_->table; }
const protocol::TerminalCertificate& Terminal::certificate() const { return state_->certificate; }

SignedDocument Terminal::State::sign_notice(uint64_t now_ms) const {
  firmware::ListNotice notice{
      certificate.acquirer_id, certificate.payee_id, certificate.terminal_id, now_ms, {}};
  for (const auto& [issuer_id, known] : lists) {
    if (notice.lists.size() == firmware::kMaxShownLists) break;
    notice.lists.push_back({issuer_id, known.list.number, known.document.digest()});
  }
  return SignedDocument::sign(notice.encode(), config.key);
}

Bytes Terminal::State::offer(const SignedDocument& terms, uint64_t now_ms) const {
  return firmware::Offer{config.credential, sign_notice(now_ms), terms}.encode();
}

absl::StatusOr<Bytes> Terminal::make_notice(uint64_t now_ms) const {
  return firmware::NoticeMessage{state_->config.credential, state_->sign_notice(now_ms)}.encode();
}

// The acquirer judges the terminal at the time in the terms: it would refuse what is paid for a
// bill of another time.
absl::StatusOr<Bill> Terminal::State::make_bill(std::string_view currency, uint64_t amount,
                                                uint64_t now_ms) {
  if (now_ms / 1000 < certified_from || now_ms / 1000 >= certified_until) {
    return protocol::make_error(absl::StatusCode::kUnauthenticated, "KEY_EXPIRED",
                                "The terminal's certificate is not valid now: enrol the terminal "
                                "again, or set its clock.");
  }
  const Terms terms{certificate.acquirer_id,
                    certificate.payee_id,
                    certificate.terminal_id,
                    std::string(currency),
                    amount,
                    now_ms,
                    rng.array<16>(),
                    {}};
  return Bill{BillState::kOpen, SignedDocument::sign(terms.encode(), config.key), {}, {}, {}, ""};
}

absl::StatusOr<Bytes> Terminal::make_offer(std::string_view currency, uint64_t amount,
                                           uint64_t now_ms) {
  State& s = *state_;
  CAFE_RETURN_IF_ERROR(protocol::check_currency(currency));
  if (amount == 0) {
    return protocol::invalid("AMOUNT_ZERO", "A bill asks for more than nothing: enter an amount.");
  }
  CAFE_ASSIGN_OR_RETURN(const Bill bill, s.make_bill(currency, amount, now_ms));
  CAFE_RETURN_IF_ERROR(
      s.store->commit(Batch().put(record_key(kBillPrefix, bill.terms.digest()), bill.encode())));
  return s.offer(bill.terms, now_ms);
}

absl::StatusOr<Bill> Terminal::State::find_bill(const Bytes32& terms_digest) const {
  const Bytes* record = store->find(record_key(kBillPrefix, terms_digest));
  if (record == nullptr) return unknown_offer();
  return Bill::decode(*record);
}

absl::StatusOr<Bytes> Terminal::repeat_offer(const Bytes32& terms_digest, uint64_t now_ms) const {
  const State& s = *state_;
  CAFE_ASSIGN_OR_RETURN(const Bill bill, s.find_bill(terms_digest));
  if (!s.is_call(terms_digest)) return s.offer(bill.terms, now_ms);
  CAFE_ASSIGN_OR_RETURN(const CallRecord call, s.find_call(terms_digest));
  return s.call_offer(bill.terms, call.tariff, now_ms);
}

absl::StatusOr<Bytes> Terminal::cancel_offer(const Bytes32& terms_digest, uint64_t now_ms) {
  CAFE_ASSIGN_OR_RETURN(Bill bill, state_->find_bill(terms_digest));
  if (bill.state == BillState::kRefused && bill.payment_digest.empty()) return bill.answer;
  if (bill.state != BillState::kOpen) return settled();
  CAFE_ASSIGN_OR_RETURN(PaymentResult result,
                        state_->refuse(terms_digest, std::move(bill), "BILL_WITHDRAWN", now_ms));
  return std::move(result.message);
}

absl::Status Terminal::State::check(const Bytes32& terms_digest, const Payment& payment,
                                    bool authorized) const {
  const protocol::PaymentContext context{.denominations = &table,
                                         .acquirer_id = certificate.acquirer_id,
                                         .terminal_key = certificate.key,
                                         .payee_id = certificate.payee_id,
                                         .terminal_id = certificate.terminal_id,
                                         .authorized = authorized,
                                         .anchors = &config.anchors};
  // First, as it costs next to nothing.
  for (const protocol::Spend& spend : payment.spends) {
    const protocol::CoinId id = payment.coins[spend.coin].id();
    if (store->find(slot_key(id, spend.slot)) != nullptr) {
      return protocol::refused("SLOT_TAKEN",
                               "A slot of this payment has paid at this terminal before.");
    }
    if (is_claimed(id, spend.slot)) {
      return protocol::refused("CLAIMED",
                               "A slot of this payment was reported lost, and its value claimed: "
                               "it pays nothing any more.");
    }
  }
  // Here and not in check_payment: what was accepted before the report came stays good.
  for (const protocol::Coin& coin : payment.coins) {
    if (table.is_compromised(coin.denom_id)) {
      return protocol::refused("DENOMINATION_STOPPED",
                               "The issuer reports the key of this money compromised: pay with "
                               "other coins, and pay these back.");
    }
  }
  if (is_call(terms_digest)) CAFE_RETURN_IF_ERROR(check_tariff(terms_digest, payment));
  return protocol::check_payment(payment, context).status();
}

void Terminal::State::hold_slots(Batch& batch, const Bytes32& terms_digest,
                                 const Payment& payment) const {
  for (const protocol::Spend& spend : payment.spends) {
    const protocol::Coin& coin = payment.coins[spend.coin];
    Bytes value = protocol::to_bytes(protocol::encode_u64(table.find(coin.denom_id)->spend_until));
    protocol::append(value, terms_digest);
    batch.put(slot_key(coin.id(), spend.slot), value);
  }
}

void Terminal::State::release_slots(Batch& batch, const Payment& payment) const {
  for (const protocol::Spend& spend : payment.spends) {
    batch.erase(slot_key(payment.coins[spend.coin].id(), spend.slot));
  }
}

absl::StatusOr<PaymentResult> Terminal::State::accept(const Bytes32& terms_digest, Bill bill,
                                                      const Payment& payment, uint64_t now_ms) {
  bill.state = BillState::kAccepted;
  bill.payment = payment.encode();
  const Bytes32 payment_digest = protocol::sha256(bill.payment);
  bill.payment_digest = protocol::to_bytes(payment_digest);
  const protocol::Acceptance acceptance{certificate.acquirer_id, certificate.payee_id,
                                        certificate.terminal_id, terms_digest,
                                        payment_digest,          now_ms};
  bill.answer =
      firmware::PaymentAnswer{true, SignedDocument::sign(acceptance.encode(), config.key)}.encode();
  Batch batch;
  hold_slots(batch, terms_digest, payment);
  batch.put(record_key(kBillPrefix, terms_digest), bill.encode());
  const bool call = is_call(terms_digest);  // pays by its ticks, none of which is here yet
  if (!call) batch.put(queue_key(next_queue++), terms_digest);
  CAFE_RETURN_IF_ERROR(store->commit(batch));
  if (call) CAFE_RETURN_IF_ERROR(run_call(terms_digest, bill));
  return result_of(bill);
}

absl::StatusOr<PaymentResult> Terminal::State::refuse(const Bytes32& terms_digest, Bill bill,
                                                      std::string reason, uint64_t now_ms) {
  Batch batch;
  if (bill.state == BillState::kAuthorizing) {
    CAFE_ASSIGN_OR_RETURN(const Payment held, Payment::decode(bill.payment));
    release_slots(batch, held);
  }
  std::optional<Bytes32> payment_digest;
  if (!bill.payment.empty()) payment_digest = protocol::sha256(bill.payment);
  const protocol::Refusal refusal{certificate.acquirer_id,
                                  certificate.payee_id,
                                  certificate.terminal_id,
                                  terms_digest,
                                  payment_digest,
                                  reason,
                                  now_ms};
  bill.state = BillState::kRefused;
  bill.reason = std::move(reason);
  bill.payment.clear();  // worth nothing here: the payer claims it
  bill.payment_digest = payment_digest ? protocol::to_bytes(*payment_digest) : Bytes();
  bill.answer =
      firmware::PaymentAnswer{false, SignedDocument::sign(refusal.encode(), config.key)}.encode();
  CAFE_RETURN_IF_ERROR(
      store->commit(batch.put(record_key(kBillPrefix, terms_digest), bill.encode())));
  return result_of(bill);
}

absl::StatusOr<PaymentResult> Terminal::State::await_authorization(const Bytes32& terms_digest,
                                                                   Bill bill,
                                                                   const Payment& payment) {
  bill.state = BillState::kAuthorizing;
  bill.payment = payment.encode();
  bill.payment_digest = protocol::to_bytes(protocol::sha256(bill.payment));
  Batch batch;
  hold_slots(batch, terms_digest, payment);
  CAFE_RETURN_IF_ERROR(
      store->commit(batch.put(record_key(kBillPrefix, terms_digest), bill.encode())));
  return result_of(bill);
}

absl::StatusOr<PaymentResult> Terminal::on_payment(ByteView payment_bytes, uint64_t now_ms) {
  State& s = *state_;
  CAFE_ASSIGN_OR_RETURN(const Payment payment, Payment::decode(payment_bytes));
  const Bytes32 terms_digest = payment.terms.digest();
  CAFE_ASSIGN_OR_RETURN(Bill bill, s.find_bill(terms_digest));
  if (bill.state != BillState::kOpen) {
    const Bytes32 digest = protocol::sha256(payment_bytes);
    const bool same = std::equal(digest.begin(), digest.end(), bill.payment_digest.begin(),
                                 bill.payment_digest.end());
    // A withdrawn bill refuses whatever is paid for it.
    const bool withdrawn = bill.state == BillState::kRefused && bill.payment_digest.empty();
    if (same || withdrawn) return result_of(bill);
    return settled();
  }
  CAFE_ASSIGN_OR_RETURN(const Terms terms, Terms::decode(bill.terms.frame));
  if (now_ms > terms.time_ms + kBillLife_ms) {
    bill.payment = protocol::to_bytes(payment_bytes);
    return s.refuse(terms_digest, std::move(bill), "OFFER_EXPIRED", now_ms);
  }
  absl::Status checked = s.check(terms_digest, payment, /*authorized=*/false);
  const bool above_limit = protocol::reason_of(checked) == "AUTHORIZATION_NEEDED";
  if (above_limit) checked = s.check(terms_digest, payment, /*authorized=*/true);
  if (!checked.ok()) {
    bill.payment = protocol::to_bytes(payment_bytes);
    return s.refuse(terms_digest, std::move(bill), protocol::reason_of(checked), now_ms);
  }
  if (above_limit) return s.await_authorization(terms_digest, std::move(bill), payment);
  return s.accept(terms_digest, std::move(bill), payment, now_ms);
}

absl::StatusOr<PaymentResult> Terminal::on_authorization(ByteView authorization_bytes,
                                                         ByteView key_certificate,
                                                         uint64_t now_ms) {
  State& s = *state_;
  CAFE_ASSIGN_OR_RETURN(const auto certificate_document, SignedDocument::decode(key_certificate));
  CAFE_ASSIGN_OR_RETURN(const auto key,
                        protocol::open_key_certificate(certificate_document, s.config.anchors,
                                                       protocol::kPurposeDeposit, now_ms / 1000));
  CAFE_ASSIGN_OR_RETURN(const auto document, SignedDocument::decode(authorization_bytes));
  CAFE_RETURN_IF_ERROR(document.check(key.key));
  CAFE_ASSIGN_OR_RETURN(const auto authorization, protocol::Authorization::decode(document.frame));
  CAFE_ASSIGN_OR_RETURN(Bill bill, s.find_bill(authorization.terms_digest));
  const bool ours =
      key.issuer_id == s.certificate.acquirer_id &&
      authorization.acquirer_id == s.certificate.acquirer_id &&
      authorization.payee_id == s.certificate.payee_id &&
      std::equal(authorization.payment_digest.begin(), authorization.payment_digest.end(),
                 bill.payment_digest.begin(), bill.payment_digest.end());
  if (!ours) {
    return protocol::invalid("PAYMENT_MISMATCH", "The authorization is of another payment.");
  }
  if (bill.state != BillState::kAuthorizing) return result_of(bill);
  if (!authorization.granted) {
    return s.refuse(authorization.terms_digest, std::move(bill), authorization.reason, now_ms);
  }
  CAFE_ASSIGN_OR_RETURN(const Payment payment, Payment::decode(bill.payment));
  return s.accept(authorization.terms_digest, std::move(bill), payment, now_ms);
}

}  // namespace cafe::pos
