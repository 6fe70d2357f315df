// From a plan to a payment (section 5): slots are bound durably first, then the guardian answers,
// then the payment is stored and its slots are let go.
#include <algorithm>

#include "device-sim/firmware/wallet/state.h"
#include "libs/protocol/amount.h"
#include "libs/protocol/frame.h"

namespace cafe::wallet {

using firmware::Batch;
using protocol::Bytes;
using protocol::Bytes32;
using protocol::ByteView;
using protocol::ChequeRequest;
using protocol::CoinId;
using protocol::Denomination;
using protocol::Kind;
using protocol::Scalar;
using protocol::SignedDocument;
using protocol::Spend;
using protocol::Terms;

namespace {

absl::Status not_promised() {
  return protocol::make_error(absl::StatusCode::kInternal, "SLOT_NOT_PROMISED",
                              "A slot is to be spent that is not promised to this payment.");
}

protocol::SlotSecrets slot_secrets(const protocol::Seed& coin_seed, const Bytes32& context,
                                   uint32_t slot, Kind kind) {
  return {protocol::derive(coin_seed, "x1", context, slot),
          protocol::derive(coin_seed, "x2", context, slot),
          kind == Kind::kCoin ? protocol::derive(coin_seed, "e", context, slot) : Scalar()};
}

// What is public of a slot's spend, without its answers.
Spend bare_spend(const HeldCoin& held, const PlannedSpend& planned) {
  std::vector<protocol::Point> B;
  for (const HeldSlot& each : held.slots) B.push_back(each.B);
  return {.coin = 0,
          .slot = planned.slot,
          .value = planned.value,
          .tick_root = {},
          .salt = {},
          .B = held.slots[planned.slot].B,
          .path = protocol::merkle_path(protocol::point_leaves(B), planned.slot),
          .r1 = {},
          .r2 = {},
          .tick = std::nullopt};
}

}  // namespace

absl::Status declined(std::string_view reason, std::string_view message) {
  return protocol::make_error(absl::StatusCode::kCancelled, reason, message);
}

Wallet::State::NewPayment Wallet::State::new_payment(PaymentKind kind, const SignedDocument& terms,
                                                     std::vector<PlannedSpend> plan,
                                                     Bytes credential) {
  NewPayment payment{};
  payment.record.kind = kind;
  payment.record.state = PaymentState::kPromised;
  payment.record.credential = protocol::sha256(credential);
  payment.record.terms = terms;
  payment.record.plan = std::move(plan);
  payment.credential = std::move(credential);
  return payment;
}

absl::StatusOr<Wallet::State::NewPayment> Wallet::State::plan_payment(
    PaymentKind kind, const SignedDocument& terms, std::vector<PlannedSpend> plan, Bytes credential,
    bool identified) {
  const Bytes32 terms_digest = terms.digest();
  NewPayment payment = new_payment(kind, terms, std::move(plan), std::move(credential));
  payment.record.identified = identified;
  for (const PlannedSpend& planned : payment.record.plan) {
    const HeldCoin& held = coins.at(planned.coin);
    CAFE_ASSIGN_OR_RETURN(const Denomination* denomination, denomination_of(held.coin.denom_id));
    const Bytes32 spend = protocol::spend_digest(planned.coin, planned.slot, terms_digest);
    if (denomination->kind == Kind::kCoin) {
      payment.requests.push_back(protocol::to_bytes(
          protocol::spend_challenge(*denomination, planned.value, spend).bytes()));
    } else {
      payment.requests.push_back(ChequeRequest{denomination->issuer_id, denomination->currency,
                                               planned.value, spend, rng.array<32>()}
                                     .encode());
    }
  }
  return payment;
}

absl::Status Wallet::State::promise(std::vector<NewPayment> fresh, Batch also, uint64_t reserve) {
  std::map<CoinId, HeldCoin> promised;
  std::map<std::string, uint64_t> books;
  Batch& batch = also;
  uint64_t number = next_payment;
  for (NewPayment& payment : fresh) {
    for (size_t n = 0; n < payment.requests.size(); ++n) {
      const PlannedSpend& planned = payment.record.plan[n];
      HeldCoin& held = promised.try_emplace(planned.coin, coins.at(planned.coin)).first->second;
      protocol::WalletSlot& slot = held.slots[planned.slot].bound;
      // A slot that two plans use would be found here too.
      CAFE_ASSIGN_OR_RETURN(slot, protocol::promise_slot(slot, payment.requests[n]));
      CAFE_ASSIGN_OR_RETURN(const Denomination* denomination, denomination_of(held.coin.denom_id));
      if (denomination->kind != Kind::kCheque) continue;
      const std::string& currency = denomination->currency;
      uint64_t& left = books.try_emplace(currency, counter(currency)).first->second;
      const uint64_t taken = planned.value + reserve;
      if (taken > left) return not_payable();
      left -= taken;
    }
    payment.record.number = number++;
    const std::string payee_key = record_key(kTerminalPrefix, payment.record.credential);
    if (store->find(payee_key) == nullptr) batch.put(payee_key, payment.credential);
    batch.put(record_key(kPaymentPrefix, payment.record.terms.digest()), payment.record.encode());
  }
  for (const auto& [id, held] : promised) batch.put(record_key(kCoinPrefix, id), held.encode());
  for (const auto& [currency, left] : books) {
    batch.put(counter_key(currency), protocol::encode_u64(left));
  }
  CAFE_RETURN_IF_ERROR(store->commit(batch));
  for (auto& [id, held] : promised) coins.insert_or_assign(id, std::move(held));
  for (const auto& [currency, left] : books) counters[currency] = left;
  for (NewPayment& payment : fresh) {
    payments.emplace(payment.record.terms.digest(), std::move(payment.record));
  }
  next_payment = number;
  return absl::OkStatus();
}

absl::StatusOr<protocol::SpendResponse> Wallet::State::respond(const HeldCoin& held, uint32_t slot,
                                                               Kind kind, const Scalar& d,
                                                               const Scalar& answer) const {
  return protocol::wallet_respond(answer, d, slot_secrets(coin_seed, held.context, slot, kind), u1,
                                  protocol::derive(coin_seed, "s", held.context, 0),
                                  guardian_point(kind), held.slots[slot].B_O);
}

absl::StatusOr<Spend> Wallet::State::spend_coin(const HeldCoin& held, const PlannedSpend& planned,
                                                const Denomination& denomination,
                                                const Bytes32& spend_digest) {
  const HeldSlot& slot = held.slots[planned.slot];
  const Scalar d = protocol::spend_challenge(denomination, planned.value, spend_digest);
  // [guard] Again, against the stored promise: never another request for this slot.
  CAFE_RETURN_IF_ERROR(protocol::promise_slot(slot.bound, d.bytes()).status());
  const auto secrets = slot_secrets(coin_seed, held.context, planned.slot, Kind::kCoin);
  CAFE_ASSIGN_OR_RETURN(const Scalar answer,
                        guardian.answer_coin(slot.handle, protocol::coin_request(d, secrets)));
  CAFE_ASSIGN_OR_RETURN(const auto response, respond(held, planned.slot, Kind::kCoin, d, answer));
  Spend spend = bare_spend(held, planned);
  spend.r1 = response.r1;
  spend.r2 = response.r2;
  return spend;
}

absl::StatusOr<Spend> Wallet::State::spend_cheque(const HeldCoin& held, const PlannedSpend& planned,
                                                  const Denomination& denomination,
                                                  const Bytes32& spend_digest) {
  const HeldSlot& slot = held.slots[planned.slot];
  CAFE_ASSIGN_OR_RETURN(const auto stored, ChequeRequest::decode(*slot.bound.request));
  const Bytes request = ChequeRequest{denomination.issuer_id, denomination.currency, planned.value,
                                      spend_digest, stored.y}
                            .encode();
  // [guard] As for coins; y is the one part that only the stored request knows.
  CAFE_RETURN_IF_ERROR(protocol::promise_slot(slot.bound, request).status());
  CAFE_ASSIGN_OR_RETURN(const ChequeReply reply, guardian.answer_cheque(slot.handle, request));
  CAFE_ASSIGN_OR_RETURN(const Bytes32 salt,
                        protocol::wallet_salt(slot.commitment, reply.rho, stored.y));
  const Scalar d =
      protocol::spend_challenge(denomination, planned.value, spend_digest, 0, 0, {}, salt);
  CAFE_ASSIGN_OR_RETURN(const auto response,
                        respond(held, planned.slot, Kind::kCheque, d, reply.answer));
  Spend spend = bare_spend(held, planned);
  spend.salt = protocol::to_bytes(salt);
  spend.r1 = response.r1;
  spend.r2 = response.r2;
  return spend;
}

absl::StatusOr<Spend> Wallet::State::spend(const PlannedSpend& planned,
                                           const Bytes32& terms_digest) {
  const HeldCoin& held = coins.at(planned.coin);
  if (!held.slots[planned.slot].bound.request) return not_promised();
  CAFE_ASSIGN_OR_RETURN(const Denomination* denomination, denomination_of(held.coin.denom_id));
  const Bytes32 digest = protocol::spend_digest(planned.coin, planned.slot, terms_digest);
  if (denomination->kind == Kind::kCoin) return spend_coin(held, planned, *denomination, digest);
  const auto call = calls.find(terms_digest);
  if (call == calls.end()) return spend_cheque(held, planned, *denomination, digest);
  return spend_ticks(held, planned, *denomination, digest, call->second.record);
}

absl::Status Wallet::State::assemble(const Bytes32& digest) {
  PaymentRecord record = payments.at(digest);
  protocol::Payment payment{record.terms, {}, {}, std::nullopt};
  for (const PlannedSpend& planned : record.plan) {
    const HeldCoin& held = coins.at(planned.coin);
    if (payment.coins.empty() || payment.coins.back() != held.coin) {
      payment.coins.push_back(held.coin);
    }
    CAFE_ASSIGN_OR_RETURN(Spend of, spend(planned, digest));
    of.coin = static_cast<uint32_t>(payment.coins.size() - 1);
    payment.spends.push_back(std::move(of));
  }
  if (record.identified) {
    CAFE_ASSIGN_OR_RETURN(const auto credential, holder_credential());
    CAFE_RETURN_IF_ERROR(with_account(PinUse::kIdentification, [&] {
      payment.identification = protocol::Identification::make(credential, config.issuer_id, account,
                                                              digest, identity->account_key);
      return absl::OkStatus();
    }));
  }
  record.payment = payment.encode();
  // What was answered already is a refusal: nothing else goes to a bill that nobody has paid.
  record.state = record.answer.empty() ? PaymentState::kReady : PaymentState::kRefused;
  AllowancesRecord allowed = allowances;
  Batch batch;
  if (allowed.limited) {
    CAFE_ASSIGN_OR_RETURN(const Terms terms, Terms::decode(record.terms.frame));
    allowed.take(terms.currency, terms.amount);  // 0 of a call, whose ticks are taken one by one
    batch.put(kAllowancesKey, allowed.encode());
  }
  CAFE_RETURN_IF_ERROR(commit_and_release(std::move(batch), std::move(record)));
  allowances = std::move(allowed);
  return absl::OkStatus();
}

absl::Status Wallet::State::finish(const Bytes32& digest) {
  CAFE_ASSIGN_OR_RETURN(const Terms terms, Terms::decode(payments.at(digest).terms.frame));
  CAFE_RETURN_IF_ERROR(allow_payment(terms.currency, 0));
  return assemble(digest);
}

absl::Status Wallet::State::commit_and_release(Batch batch, PaymentRecord record) {
  const Bytes32 digest = record.terms.digest();
  batch.put(record_key(kPaymentPrefix, digest), record.encode());
  std::vector<Handle> done;
  std::vector<CoinId> gone;
  if (!under_way(record)) {
    for (const PlannedSpend& planned : record.plan) {
      const auto found = coins.find(planned.coin);
      if (found == coins.end()) continue;
      const HeldCoin& held = found->second;
      done.push_back(held.slots[planned.slot].handle);
      const bool last = std::none_of(payments.begin(), payments.end(), [&](const auto& other) {
        const auto& plan = other.second.plan;
        return other.first != digest && under_way(other.second) &&
               std::any_of(plan.begin(), plan.end(),
                           [&](const PlannedSpend& p) { return p.coin == planned.coin; });
      });
      if (held.spent() && last && (gone.empty() || gone.back() != planned.coin)) {
        gone.push_back(planned.coin);
        batch.erase(record_key(kCoinPrefix, planned.coin));
      }
    }
  }
  CAFE_RETURN_IF_ERROR(store->commit(batch));
  payments.insert_or_assign(digest, std::move(record));
  for (const CoinId& id : gone) coins.erase(id);
  // What stays behind where this fails is freed at the next start.
  for (Handle handle : done) guardian.free_slot(handle).IgnoreError();
  return absl::OkStatus();
}

}  // namespace cafe::wallet
