#include "libs/protocol/testing/market.h"

#include "libs/protocol/merkle.h"

namespace cafe::testing {

using namespace cafe::protocol;  // NOLINT: the market speaks of nothing else

WithdrawnCoin Market::take(WorldWallet& wallet, const DenominationKey& denomination) {
  return withdraw(wallet, {{denomination.id, 1}})[0];
}

Coin Market::sign_coin(const DenominationKey& denomination, const Point& A, const Bytes32& root) {
  const Scalar w = rng.scalar();
  Coin coin{denomination.id, A, root, *multiply(denomination.x, A), *multiply(w, g()),
            *multiply(w, A), {}};
  coin.r = coin.challenge() * denomination.x + w;
  return coin;
}

Terms Market::make_terms(uint64_t amount) {
  return {terminal.acquirer_id,
          terminal.payee_id,
          terminal.terminal_id,
          "EUR",
          amount,
          now_s * 1000,
          rng.array<16>(),
          {}};
}

SignedDocument Market::sign_terms(const Terms& terms) const {
  return SignedDocument::sign(terms.encode(), terminal_key);
}

Payment Market::pay(const WorldWallet& wallet, const std::vector<Paying>& slots,
                    Guardian guardian) {
  uint64_t amount = 0;
  for (const Paying& paying : slots) amount += paying.value;
  return pay(wallet, slots, make_terms(amount), guardian);
}

Payment Market::pay(const WorldWallet& wallet, const std::vector<Paying>& slots, const Terms& terms,
                    Guardian guardian) {
  Payment payment{sign_terms(terms), {}, {}};
  std::vector<const WithdrawnCoin*> coins;
  for (const Paying& paying : slots) {
    auto at = std::find(coins.begin(), coins.end(), paying.coin);
    if (at == coins.end()) {
      payment.coins.push_back(paying.coin->coin);
      at = coins.insert(at, paying.coin);
    }
    payment.spends.push_back(
        spend(wallet, paying, terms.digest(), static_cast<uint32_t>(at - coins.begin()), guardian));
  }
  return payment;
}

Payment TickCall::shown(uint32_t count) const {
  Payment payment = opening;
  const uint32_t index = count - 1;
  payment.spends[0].tick = TickReveal{index, ticks[index], merkle_path(leaves, index)};
  return payment;
}

TickCall Market::open_call(const WorldWallet& wallet, WithdrawnCoin& cheque, uint64_t tick_value,
                           uint32_t tick_count, Guardian guardian) {
  const Terms terms = make_terms(0);
  GuardianSlot& slot = cheque.slots[0];
  if (guardian == Guardian::kForgetful) slot.used = false;
  const Seed seed = rng.seed();
  const auto t = [&](uint32_t i) { return tick_secret(seed, i); };
  const std::string& currency = cheque.denomination.currency;
  const TickRequest request{kIssuer,         currency,
                            tick_value,      tick_count,
                            rng.array<32>(), spend_digest(cheque.coin.id(), 0, terms.digest()),
                            rng.array<32>()};
  const GuardianCounter counter{kIssuer, currency, tick_value * tick_count};
  const TickOpening opened =
      answer_ticks(wallet.guardian, slot, counter, TickState{tick_count}, t, request).value();
  slot = opened.slot;
  const Bytes32 salt = wallet_salt(salt_commitment(slot.rho), opened.rho, request.y).value();
  const Scalar d = spend_challenge(cheque.denomination, 0, request.spend, tick_value, tick_count,
                                   opened.tick_root, salt);
  const SpendResponse response =
      wallet_respond(opened.answer, d, cheque.secrets.slots[0], wallet.identity.u1,
                     cheque.secrets.s, wallet.guardian_point(Kind::kCheque), cheque.B_O[0])
          .value();
  TickCall call{.opening = {sign_terms(terms), {cheque.coin}, {}}, .ticks = {}, .leaves = {}};
  call.opening.spends.push_back({.coin = 0,
                                 .slot = 0,
                                 .value = 0,
                                 .tick_value = tick_value,
                                 .tick_count = tick_count,
                                 .tick_root = to_bytes(opened.tick_root),
                                 .salt = to_bytes(salt),
                                 .B = cheque.secrets.B[0],
                                 .path = merkle_path(point_leaves(cheque.secrets.B), 0),
                                 .r1 = response.r1,
                                 .r2 = response.r2,
                                 .tick = std::nullopt});
  std::vector<Point> points;
  for (uint32_t i = 0; i < tick_count; ++i) {
    const Scalar t_i = t(i);
    const Point P = *multiply(t_i, g1());
    call.ticks.push_back(wallet_tick(t_i, P, request.y_seed, i).value());
    points.push_back(*multiply(call.ticks.back(), g1()));
  }
  call.leaves = point_leaves(points);
  return call;
}

Spend Market::spend(const WorldWallet& wallet, const Paying& paying, const Bytes32& terms_digest,
                    uint32_t coin_index, Guardian guardian) {
  WithdrawnCoin& coin = *paying.coin;
  GuardianSlot& slot = coin.slots[paying.slot];
  if (guardian == Guardian::kForgetful) slot.used = false;
  const Kind kind = coin.denomination.kind;
  const SlotSecrets& secrets = coin.secrets.slots[paying.slot];
  const Bytes32 digest = spend_digest(coin.coin.id(), paying.slot, terms_digest);
  Bytes salt;
  Scalar d;
  Scalar answer;
  if (kind == Kind::kCoin) {
    d = spend_challenge(coin.denomination, paying.value, digest);
    const CoinAnswer out = answer_coin(wallet.guardian, slot, coin_request(d, secrets)).value();
    slot = out.slot;
    answer = out.answer;
  } else {
    const ChequeRequest request{coin.denomination.issuer_id, coin.denomination.currency,
                                paying.value, digest, rng.array<32>()};
    // Loaded with just what is asked for.
    const GuardianCounter counter{request.issuer_id, request.currency, paying.value};
    const ChequeAnswer out = answer_cheque(wallet.guardian, slot, counter, request).value();
    salt = to_bytes(wallet_salt(salt_commitment(slot.rho), out.rho, request.y).value());
    d = spend_challenge(coin.denomination, paying.value, digest, 0, 0, {}, salt);
    slot = out.slot;
    answer = out.answer;
  }
  const SpendResponse response =
      wallet_respond(answer, d, secrets, wallet.identity.u1, coin.secrets.s,
                     wallet.guardian_point(kind), coin.B_O[paying.slot])
          .value();
  return {.coin = coin_index,
          .slot = paying.slot,
          .value = paying.value,
          .tick_root = {},
          .salt = salt,
          .B = coin.secrets.B[paying.slot],
          .path = merkle_path(point_leaves(coin.secrets.B), paying.slot),
          .r1 = response.r1,
          .r2 = response.r2,
          .tick = std::nullopt};
}

PaymentContext Market::context() const {
  return {.denominations = &table,
          .acquirer_id = terminal.acquirer_id,
          .terminal_key = terminal.key,
          .payee_id = terminal.payee_id,
          .terminal_id = terminal.terminal_id,
          .anchors = &anchors};
}

SpendCheck Market::check(const Payment& payment, size_t spend) const {
  const Coin& coin = payment.coins[payment.spends[spend].coin];
  return {table.find(coin.denom_id), &coin, &payment.spends[spend], payment.terms.digest()};
}

SpendTrace Market::trace(const Payment& payment, size_t spend) const {
  const SpendCheck c = check(payment, spend);
  return {challenge_of(*c.denomination, *c.coin, *c.spend, c.terms_digest), c.spend->r1,
          c.spend->r2};
}

CaseFile Market::open_case(const WorldWallet& wallet, const Payment& first, uint32_t first_spend,
                           const Payment& second, uint32_t second_spend) const {
  const Spend& spend = first.spends[first_spend];
  return {std::string(kIssuer),
          1,
          kWorldNow_s + kDay_s,
          signed_list,
          first.coins[spend.coin].id(),
          spend.slot,
          {first, first_spend, terminal_credential},
          {second, second_spend, terminal_credential},
          extract_secret(trace(first, first_spend), trace(second, second_spend)).value(),
          wallet.registration};
}

SignedCase Market::sign_case(const CaseFile& file) const {
  return {SignedDocument::sign(file.encode(), coinstore_key), coinstore_certificate};
}

}  // namespace cafe::testing
