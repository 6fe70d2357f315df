// What a terminal and an acquirer check of a payment (section 5).
#include "absl/container/flat_hash_map.h"
#include "libs/protocol/amount.h"
#include "libs/protocol/frame.h"
#include "libs/protocol/hash.h"
#include "libs/protocol/payment.h"
#include "libs/protocol/spend_batch.h"
#include "libs/protocol/ticks.h"

namespace cafe::protocol {

Bytes32 spend_digest(const CoinId& coin_id, uint32_t slot, const Bytes32& terms_digest) {
  return digest(Frame("cafe/v1/spend").add(coin_id).add_u32(slot).add(terms_digest));
}

Scalar spend_challenge(std::string_view issuer_id, std::string_view currency, uint64_t value,
                       const Bytes32& spend_digest, uint64_t tick_value, uint32_t tick_count,
                       ByteView tick_root, ByteView salt) {
  return hash_to_scalar(Frame("cafe/v1/challenge")
                            .add(issuer_id)
                            .add(currency)
                            .add_u64(value)
                            .add_u64(tick_value)
                            .add_u32(tick_count)
                            .add(tick_root)
                            .add(salt)
                            .add(spend_digest));
}

Scalar spend_challenge(const Denomination& denomination, uint64_t value,
                       const Bytes32& spend_digest, uint64_t tick_value, uint32_t tick_count,
                       ByteView tick_root, ByteView salt) {
  return spend_challenge(denomination.issuer_id, denomination.currency, value, spend_digest,
                         tick_value, tick_count, tick_root, salt);
}

Bytes32 salt_commitment(const Bytes32& rho) { return digest(Frame("cafe/v1/salt").add(rho)); }

Bytes32 xor32(const Bytes32& a, const Bytes32& b) {
  Bytes32 out;
  for (size_t i = 0; i < out.size(); ++i) out[i] = a[i] ^ b[i];
  return out;
}

absl::Status check_combination(const Denomination& denomination, const Spend& spend) {
  if (spend.slot >= denomination.slot_values.size()) {
    return invalid("SLOT_OUTSIDE_COIN", "A payment names a slot that its coin does not have.");
  }
  const uint64_t slot_value = denomination.slot_values[spend.slot];
  const bool no_ticks = spend.tick_value == 0 && spend.tick_count == 0 && spend.tick_root.empty() &&
                        !spend.tick.has_value();
  const bool coin = denomination.kind == Kind::kCoin && spend.value == slot_value && no_ticks &&
                    spend.salt.empty();
  const bool salted = denomination.kind == Kind::kCheque && spend.salt.size() == 32;
  const bool cheque = salted && spend.value > 0 && spend.value <= slot_value && no_ticks;
  // tick_value·tick_count ≤ slot_value, without the product.
  const bool ticks = salted && spend.value == 0 && spend.tick_value > 0 && spend.tick_count > 0 &&
                     spend.tick_count <= kMaxTicks &&
                     spend.tick_value <= slot_value / spend.tick_count &&
                     spend.tick_root.size() == 32;
  if (!coin && !cheque && !ticks) {
    return invalid("BAD_COMBINATION",
                   "A slot's value, ticks and salt do not fit each other or its denomination.");
  }
  return absl::OkStatus();
}

namespace {

Scalar challenge_for(const Denomination& denomination, const CoinId& id, const Spend& spend,
                     const Bytes32& terms_digest) {
  return spend_challenge(denomination, spend.value, spend_digest(id, spend.slot, terms_digest),
                         spend.tick_value, spend.tick_count, spend.tick_root, spend.salt);
}

// What needs no equation of the coin's: that B lies under the coin's root, and the tick under its.
absl::Status check_paths(const SpendCheck& check) {
  const Spend& spend = *check.spend;
  if (!merkle_verify(check.coin->root, check.denomination->slot_values.size(), spend.slot,
                     point_leaf(spend.slot, spend.B), spend.path)) {
    return invalid("BAD_PATH", "A slot's point is not the one under its coin's root.");
  }
  if (spend.tick) {
    CAFE_ASSIGN_OR_RETURN(const Bytes32 root, to_array<32>(spend.tick_root));
    CAFE_RETURN_IF_ERROR(check_tick(root, spend.tick_count, *spend.tick));
  }
  return absl::OkStatus();
}

// The checks of many spends: coins by content, since a coin of several slots shows up once for each
// of them, in one payment or in several.
class SpendChecks {
 public:
  void add(const SpendCheck& check) {
    Entry& entry = entries_.emplace_back();
    entry.form = check_combination(*check.denomination, *check.spend);
    if (!entry.form.ok()) return;
    entry.coin = find_coin(*check.denomination, *check.coin);
    const KnownCoin& coin = coins_[entry.coin];
    entry.paths = check_paths(check);
    if (!coin.in_batch || !entry.paths.ok()) return;
    entry.spend = batch_.add_spend(
        *coin.in_batch, *check.spend,
        challenge_for(*check.denomination, coin.id, *check.spend, check.terms_digest));
  }

  std::vector<absl::Status> verdicts() {
    batch_.check();
    std::vector<absl::Status> out;
    out.reserve(entries_.size());
    for (Entry& entry : entries_) out.push_back(verdict(entry));
    return out;
  }

 private:
  struct KnownCoin {
    CoinId id;
    std::optional<size_t> in_batch;  // none where its denomination is another one
  };
  struct Entry {
    absl::Status form, paths;
    size_t coin = 0;
    std::optional<size_t> spend;
  };

  size_t find_coin(const Denomination& denomination, const Coin& coin) {
    const auto [at, first_seen] = by_address_.try_emplace({&denomination, &coin}, coins_.size());
    if (!first_seen) return at->second;
    // The challenge is a hash of all of the coin but r.
    const Scalar c = coin.challenge();
    const auto [known, added] =
        by_content_.try_emplace({&denomination, c.bytes(), coin.r.bytes()}, coins_.size());
    if (!added) return at->second = known->second;
    KnownCoin& fresh = coins_.emplace_back(KnownCoin{coin.id(), std::nullopt});
    if (coin.denom_id == id_of(denomination)) {
      fresh.in_batch = batch_.add_coin(coin, denomination, c);
    }
    return known->second;
  }

  const DenomId& id_of(const Denomination& denomination) {
    const auto [it, added] = ids_.try_emplace(&denomination);
    if (added) it->second = denomination.id();
    return it->second;
  }

  absl::Status verdict(const Entry& entry) const {
    if (!entry.form.ok()) return entry.form;
    const KnownCoin& coin = coins_[entry.coin];
    if (!coin.in_batch || !batch_.coin_valid(*coin.in_batch)) return coin_invalid();
    if (!entry.paths.ok()) return entry.paths;
    if (!batch_.spend_valid(*entry.spend)) {
      return invalid("SPEND_INVALID", "A slot's answers do not fit these terms.");
    }
    return absl::OkStatus();
  }

  SpendBatch batch_;
  std::vector<KnownCoin> coins_;
  std::vector<Entry> entries_;
  absl::flat_hash_map<std::pair<const Denomination*, const Coin*>, size_t> by_address_;
  absl::flat_hash_map<std::tuple<const Denomination*, Bytes32, Bytes32>, size_t> by_content_;
  absl::flat_hash_map<const Denomination*, DenomId> ids_;
};

}  // namespace

std::vector<absl::Status> check_spends(std::span<const SpendCheck> checks) {
  SpendChecks all;
  for (const SpendCheck& check : checks) all.add(check);
  return all.verdicts();
}

Scalar challenge_of(const Denomination& denomination, const Coin& coin, const Spend& spend,
                    const Bytes32& terms_digest) {
  return challenge_for(denomination, coin.id(), spend, terms_digest);
}

uint64_t worth_of(const Spend& spend) {
  if (spend.tick_count == 0) return spend.value;
  // At most tick_value·tick_count, which check_combination bounded by the slot's value.
  return spend.tick ? (uint64_t{spend.tick->index} + 1) * spend.tick_value : 0;
}

absl::Status check_spend_dates(const Denomination& denomination, const Terms& terms) {
  const uint64_t at_s = terms.time_ms / 1000;
  if (at_s < denomination.withdraw_from) {
    return refused("NOT_SPENDABLE_YET", "A coin's denomination was not issued yet at that time.");
  }
  if (at_s >= denomination.spend_until) {
    return refused("SPEND_DATE_PASSED", "A coin could be spent no more at that time; claim it.");
  }
  return absl::OkStatus();
}

namespace {

absl::Status check_addressee(const Terms& terms, const PaymentContext& context) {
  if (terms.acquirer_id != context.acquirer_id) {
    return refused("WRONG_ACQUIRER", "A payment was made for another acquirer; deposit it there.");
  }
  if (terms.payee_id != context.payee_id) {
    return refused("WRONG_PAYEE", "A payment was made to another payee, who alone may deposit it.");
  }
  if (terms.terminal_id != context.terminal_id) {
    return refused("WRONG_TERMINAL", "A payment was made at another terminal than its signer.");
  }
  return absl::OkStatus();
}

// The denominations of the coins, in order: known, spendable at that time, in one currency.
absl::StatusOr<std::vector<const Denomination*>> find_denominations(
    const Payment& payment, const Terms& terms, const DenominationTable& table) {
  std::vector<const Denomination*> found;
  found.reserve(payment.coins.size());
  for (const Coin& coin : payment.coins) {
    const Denomination* denomination = table.find(coin.denom_id);
    if (denomination == nullptr) {
      return refused("UNKNOWN_DENOMINATION",
                     "A coin's denomination is in no list known here; fetch the issuer's latest.");
    }
    CAFE_RETURN_IF_ERROR(check_spend_dates(*denomination, terms));
    found.push_back(denomination);
    if (denomination->currency != found.front()->currency) {
      return invalid("MIXED_CURRENCIES", "All coins of one payment must be in one currency.");
    }
  }
  return found;
}

// What the terms' amount must be for coins worth `sum`: itself, or by the quote that the terms
// name.
absl::StatusOr<uint64_t> amount_in_terms(uint64_t sum, std::string_view coin_currency,
                                         const Terms& terms, const PaymentContext& context) {
  if (coin_currency == terms.currency) {
    if (!terms.quote_id.empty()) {
      return invalid("QUOTE_MISMATCH", "Terms name a quote though the coins need none.");
    }
    return sum;
  }
  if (terms.quote_id.empty() || context.quote == nullptr) {
    return refused("QUOTE_MISSING",
                   "Coins of another currency pay only under a quote of the acquirer's.");
  }
  const Quote& quote = *context.quote;
  const Bytes32 id = quote.id();
  if (!std::equal(id.begin(), id.end(), terms.quote_id.begin(), terms.quote_id.end()) ||
      quote.acquirer_id != terms.acquirer_id || quote.coin_currency != coin_currency ||
      quote.terms_currency != terms.currency || terms.time_ms < quote.valid_from_ms ||
      terms.time_ms >= quote.valid_until_ms) {
    return refused("QUOTE_MISMATCH",
                   "The quote is not the one that the terms name, or not for them.");
  }
  return quote.convert(sum);
}

absl::Status check_amount(const Payment& payment, const Terms& terms,
                          std::string_view coin_currency, const PaymentContext& context) {
  uint64_t sum = 0;
  bool ticks = false;
  for (const Spend& spend : payment.spends) {
    CAFE_ASSIGN_OR_RETURN(sum, checked_add(sum, spend.value));
    ticks |= spend.tick_count > 0;
  }
  if (ticks && terms.currency != coin_currency) {
    return refused("TICKS_FOREIGN_CURRENCY", "Ticks are paid in the coin's own currency only.");
  }
  CAFE_ASSIGN_OR_RETURN(const uint64_t amount, amount_in_terms(sum, coin_currency, terms, context));
  if (amount != terms.amount || (ticks && amount != 0)) {
    return invalid("AMOUNT_MISMATCH", "The slots do not sum to the amount of the terms.");
  }
  return absl::OkStatus();
}

// What the payment comes to at most, by issuer of the coins: ticks count with all that may be
// shown.
absl::StatusOr<absl::flat_hash_map<std::string_view, uint64_t>> sums_by_issuer(
    const Payment& payment, std::span<const Denomination* const> denominations) {
  absl::flat_hash_map<std::string_view, uint64_t> sums;
  for (const Spend& spend : payment.spends) {
    uint64_t& sum = sums[denominations[spend.coin]->issuer_id];
    CAFE_ASSIGN_OR_RETURN(
        sum, checked_add(sum, spend.value + spend.tick_value * uint64_t{spend.tick_count}));
  }
  return sums;
}

absl::StatusOr<AccountId> check_payer(const Payment& payment, std::string_view issuer_id,
                                      const Bytes32& terms_digest, const PaymentContext& context) {
  if (!payment.identification) {
    return refused("IDENTIFICATION_NEEDED",
                   "The payment is above the issuer's identification limit: its payer has to say "
                   "who she is.");
  }
  static const TrustAnchors kNobody;
  const TrustAnchors& anchors = context.anchors != nullptr ? *context.anchors : kNobody;
  absl::StatusOr<AccountId> account =
      check_identification(*payment.identification, issuer_id, terms_digest, anchors);
  if (account.ok()) return account;
  return make_error(
      account.status().code(), "IDENTIFICATION_WRONG",
      "The payer's identification does not hold: " + std::string(account.status().message()));
}

// Each issuer limits what is paid with its own coins.
absl::Status check_limits(const Payment& payment, const PaymentContext& context,
                          PreparedPayment& prepared) {
  const std::string& currency = prepared.denominations.front()->currency;
  CAFE_ASSIGN_OR_RETURN(const auto sums, sums_by_issuer(payment, prepared.denominations));
  for (const auto& [issuer_id, sum] : sums) {
    const std::optional<LimitsInForce> limits =
        context.denominations->limits_at(issuer_id, currency, prepared.terms.time_ms / 1000);
    // An issuer that states no limit for a currency has allowed nothing off line in it.
    if (!context.authorized && (!limits || sum > limits->offline)) {
      return refused("AUTHORIZATION_NEEDED",
                     "The payment is above the issuer's off-line limit: ask for authorization.");
    }
    if (!limits || sum <= limits->identification_allowed) continue;
    if (!payment.identification && sum <= limits->identification_needed) continue;
    CAFE_ASSIGN_OR_RETURN(prepared.payer,
                          check_payer(payment, issuer_id, prepared.terms_digest, context));
  }
  // What identifies nobody must not be asked for either: such a payment is not taken.
  if (payment.identification && !prepared.payer) {
    return refused("IDENTIFICATION_UNASKED",
                   "The payment names its payer though it is below the limit for that.");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<PreparedPayment> prepare_unsigned_payment(const Payment& payment,
                                                         const PaymentContext& context) {
  CAFE_RETURN_IF_ERROR(check_form(payment));
  PreparedPayment prepared{};
  CAFE_ASSIGN_OR_RETURN(prepared.terms, Terms::decode(payment.terms.frame));
  const Terms& terms = prepared.terms;
  prepared.terms_digest = payment.terms.digest();
  CAFE_RETURN_IF_ERROR(check_addressee(terms, context));
  CAFE_ASSIGN_OR_RETURN(prepared.denominations,
                        find_denominations(payment, terms, *context.denominations));
  for (const Spend& spend : payment.spends) {
    CAFE_RETURN_IF_ERROR(check_combination(*prepared.denominations[spend.coin], spend));
  }
  CAFE_RETURN_IF_ERROR(
      check_amount(payment, terms, prepared.denominations.front()->currency, context));
  CAFE_RETURN_IF_ERROR(check_limits(payment, context, prepared));
  prepared.coin_ids.reserve(payment.coins.size());
  for (const Coin& coin : payment.coins) prepared.coin_ids.push_back(coin.id());
  return prepared;
}

absl::StatusOr<PreparedPayment> prepare_payment(const Payment& payment,
                                                const PaymentContext& context) {
  CAFE_ASSIGN_OR_RETURN(PreparedPayment prepared, prepare_unsigned_payment(payment, context));
  // Last, as the only one that costs a multiplication.
  CAFE_RETURN_IF_ERROR(payment.terms.check(context.terminal_key));
  return prepared;
}

absl::StatusOr<PreparedPayment> check_payment(const Payment& payment,
                                              const PaymentContext& context) {
  CAFE_ASSIGN_OR_RETURN(PreparedPayment prepared, prepare_payment(payment, context));
  std::vector<SpendCheck> checks;
  checks.reserve(payment.spends.size());
  for (const Spend& spend : payment.spends) {
    checks.push_back({prepared.denominations[spend.coin], &payment.coins[spend.coin], &spend,
                      prepared.terms_digest});
  }
  for (const absl::Status& verdict : check_spends(checks)) CAFE_RETURN_IF_ERROR(verdict);
  return prepared;
}

}  // namespace cafe::protocol
