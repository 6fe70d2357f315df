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
          kWorldNow_s * 1000,
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
