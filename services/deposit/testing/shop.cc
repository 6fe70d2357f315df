#include "services/deposit/testing/shop.h"

#include <cstdio>
#include <cstdlib>

#include "libs/protocol/merkle.h"
#include "libs/protocol/payment_answer.h"
#include "libs/protocol/ticks.h"

namespace cafe::deposit::testing {

using namespace cafe::protocol;  // NOLINT: the shop speaks of nothing else

namespace {

template <typename T>
T must(absl::StatusOr<T> result) {
  if (!result.ok()) {
    std::fprintf(stderr, "shop: %s\n", result.status().ToString().c_str());
    std::abort();
  }
  return *std::move(result);
}

SigningKey make_key(Rng& rng) { return must(SigningKey::create(rng.scalar())); }

}  // namespace

Shop::Shop(uint64_t now_s, std::string_view seed)
    : now_s(now_s),
      rng(seed),
      master_key(make_key(rng)),
      enrolment_key(make_key(rng)),
      withdrawal_key(make_key(rng)),
      anchors{{{std::string(kIssuer), master_key.public_key()}}, {}},
      deposit_key([&] {
        const SigningKey key = make_key(rng);
        const KeyCertificate certificate{std::string(kIssuer), std::string(kPurposeDeposit),
                                         key.public_key(), now_s - 180 * kDay_s,
                                         now_s + 180 * kDay_s};
        return storage::OnlineKey{key, SignedDocument::sign(certificate.encode(), master_key),
                                  certificate};
      }()),
      enrolment_certificate(certify_key(enrolment_key, kPurposeEnrolment)),
      withdrawal_certificate(certify_key(withdrawal_key, kPurposeWithdrawal)),
      five(make_denomination(Kind::kCoin, "EUR", {500})),
      split(make_denomination(Kind::kCoin, "EUR", {400, 200, 100, 100, 100})),
      dollar(make_denomination(Kind::kCoin, "USD", {100})),
      cheque(make_denomination(Kind::kCheque, "EUR", {5000})),
      unlisted(make_denomination(Kind::kCoin, "EUR", {300})),
      list{std::string(kIssuer),
           1,
           now_s - 15 * kDay_s,
           {Limits{"EUR", 2000, 20000}, Limits{"USD", 2000, 100000}},
           {five.denomination, split.denomination, dollar.denomination, cheque.denomination},
           {}},
      signed_list(SignedDocument::sign(list.encode(), master_key)) {
  table.add(must(open_list(signed_list, master_key.public_key())));
}

SignedDocument Shop::certify_key(const SigningKey& key, std::string_view purpose) {
  const KeyCertificate certificate{std::string(kIssuer), std::string(purpose), key.public_key(),
                                   now_s - 180 * kDay_s, now_s + 180 * kDay_s};
  return SignedDocument::sign(certificate.encode(), master_key);
}

DenominationKey Shop::make_denomination(Kind kind, std::string_view currency,
                                        std::vector<uint64_t> slot_values) {
  const Scalar x = rng.scalar();
  return must(DenominationKey::create(
      {std::string(kIssuer), std::string(currency), kind, std::move(slot_values),
       /*withdraw_from=*/now_s - 10 * kDay_s,
       /*withdraw_until=*/now_s + 30 * kDay_s,
       /*spend_until=*/now_s + 90 * kDay_s,
       /*deposit_until=*/now_s + 120 * kDay_s,
       /*claim_until=*/now_s + 485 * kDay_s, *multiply(x, g())},
      x));
}

SignedDocument Shop::next_list(const DenominationKey& extra) {
  list.number += 1;
  list.issued_at += 1;
  list.denominations.push_back(extra.denomination);
  return SignedDocument::sign(list.encode(), master_key);
}

Till Shop::certify(const TerminalCertificate& certificate, const SigningKey& key) {
  return {certificate.payee_id,
          certificate.terminal_id,
          key,
          certificate,
          {enrolment_certificate, SignedDocument::sign(certificate.encode(), enrolment_key)}};
}

Till Shop::make_till(const PayeeId& payee_id) {
  const SigningKey key = make_key(rng);
  return certify({std::string(kIssuer), payee_id, TerminalId{rng.array<16>()}, key.public_key(),
                  "Corner Shop", now_s - 180 * kDay_s, now_s + 180 * kDay_s},
                 key);
}

Till Shop::make_till() { return make_till(PayeeId{rng.array<16>()}); }

TestHolder Shop::make_holder() {
  const SigningKey key = make_key(rng);
  const AccountId account{rng.array<32>()};
  const RegistrationReceipt receipt{std::string(kIssuer), account, rng.array<32>(),
                                    key.public_key(), now_s - 60 * kDay_s};
  return {account,
          {withdrawal_certificate, SignedDocument::sign(receipt.encode(), withdrawal_key)},
          certify({std::string(kIssuer), holder_payee_id(account), holder_terminal_id(account),
                   key.public_key(), "account holder", now_s - 180 * kDay_s, now_s + 180 * kDay_s},
                  key)};
}

TestCoin Shop::mint(const DenominationKey& key) {
  TestCoin out{.coin = {key.id, g(), {}, g(), g(), g(), {}},
               .denomination = key.denomination,
               .secret = rng.scalar(),
               .s = rng.scalar(),
               .y1 = {},
               .y2 = {},
               .B = {}};
  Coin& coin = out.coin;
  coin.A = *linear_combination({{out.s * out.secret, g1()}, {out.s, g2()}});
  for (size_t j = 0; j < key.denomination.slot_values.size(); ++j) {
    out.y1.push_back(rng.scalar());
    out.y2.push_back(rng.scalar());
    out.B.push_back(*linear_combination({{out.y1[j], g1()}, {out.y2[j], g2()}}));
  }
  coin.root = merkle_root(point_leaves(out.B));
  coin.Z = *multiply(key.x, coin.A);
  const Scalar w = rng.scalar();
  coin.a = *multiply(w, g());
  coin.b = *multiply(w, coin.A);
  coin.r = coin.challenge() * key.x + w;
  return out;
}

Terms Shop::terms(const Till& till, uint64_t amount) {
  return {std::string(kIssuer),
          till.payee_id,
          till.terminal_id,
          "EUR",
          amount,
          now_s * 1000,
          rng.array<16>(),
          {}};
}

Payment Shop::make_payment(const Till& till, const std::vector<SlotOf>& slots) {
  uint64_t amount = 0;
  for (const SlotOf& from : slots) {
    amount += from.value.value_or(from.coin->denomination.slot_values[from.slot]);
  }
  Terms wanted = terms(till, amount);
  wanted.currency = slots.front().coin->denomination.currency;
  return make_payment(till, slots, wanted);
}

Payment Shop::make_payment(const Till& till, const std::vector<SlotOf>& slots, const Terms& terms) {
  Payment payment{SignedDocument::sign(terms.encode(), till.key), {}, {}};
  std::vector<const TestCoin*> coins;
  for (const auto& [from, slot, written] : slots) {
    auto at = std::find(coins.begin(), coins.end(), from);
    if (at == coins.end()) {
      payment.coins.push_back(from->coin);
      at = coins.insert(at, from);
    }
    const bool is_cheque = from->denomination.kind == Kind::kCheque;
    payment.spends.push_back({.coin = static_cast<uint32_t>(at - coins.begin()),
                              .slot = slot,
                              .value = written.value_or(from->denomination.slot_values[slot]),
                              .tick_root = {},
                              .salt = is_cheque ? to_bytes(rng.array<32>()) : Bytes{},
                              .B = from->B[slot],
                              .path = merkle_path(point_leaves(from->B), slot),
                              .r1 = {},
                              .r2 = {},
                              .tick = std::nullopt});
    answer(payment.spends.back(), *from, terms.digest());
  }
  return payment;
}

void Shop::answer(Spend& spend, const TestCoin& coin, const Bytes32& terms_digest) {
  const Scalar d = challenge_of(coin.denomination, coin.coin, spend, terms_digest);
  const Scalar ds = d * coin.s;
  spend.r1 = ds * coin.secret + coin.y1[spend.slot];
  spend.r2 = ds + coin.y2[spend.slot];
}

TestCall Shop::open_call(const Till& till, const TestCoin& coin, uint64_t tick_value,
                         uint32_t count) {
  const Terms wanted = terms(till, 0);
  TestCall call{.opening = {SignedDocument::sign(wanted.encode(), till.key), {coin.coin}, {}},
                .ticks = {}};
  std::vector<Point> points;
  for (uint32_t i = 0; i < count; ++i) {
    call.ticks.push_back(rng.scalar());
    points.push_back(*multiply(call.ticks.back(), g1()));
  }
  call.tick_leaves = point_leaves(points);
  Spend spend{.coin = 0,
              .slot = 0,
              .value = 0,
              .tick_value = tick_value,
              .tick_count = count,
              .tick_root = to_bytes(tick_root(points)),
              .salt = to_bytes(rng.array<32>()),
              .B = coin.B[0],
              .path = merkle_path(point_leaves(coin.B), 0),
              .r1 = {},
              .r2 = {},
              .tick = std::nullopt};
  answer(spend, coin, wanted.digest());
  call.opening.spends = {spend};
  return call;
}

Payment TestCall::shown(uint32_t count) const {
  Payment payment = opening;
  const uint32_t index = count - 1;
  payment.spends[0].tick = TickReveal{index, ticks[index], merkle_path(tick_leaves, index)};
  return payment;
}

void Shop::identify(Payment& payment, const TestHolder& payer) {
  payment.identification = Identification::make(payer.credential, kIssuer, payer.account,
                                                payment.terms.digest(), payer.till.key);
}

Bytes Shop::order(const Till& till, const Bytes16& idempotency_key,
                  std::span<const Bytes> payments) {
  const DepositOrder order{std::string(kIssuer), till.payee_id, till.terminal_id, idempotency_key,
                           payments_digest(payments)};
  return SignedDocument::sign(order.encode(), till.key).encode();
}

SignedDocument Shop::refuse(const Till& till, const Bytes32& terms_digest) {
  const protocol::Refusal refusal{.acquirer_id = std::string(kIssuer),
                                  .payee_id = till.payee_id,
                                  .terminal_id = till.terminal_id,
                                  .terms_digest = terms_digest,
                                  .payment_digest = std::nullopt,
                                  .reason = "WITHDRAWN",
                                  .time_ms = now_s * 1000};
  return SignedDocument::sign(refusal.encode(), till.key);
}

}  // namespace cafe::deposit::testing
