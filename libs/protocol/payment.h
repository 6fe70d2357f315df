// Payment (section 5): terms, spends of slots, and everything that a terminal and an acquirer
// check.
#pragma once

#include "libs/protocol/coin.h"
#include "libs/protocol/holder.h"
#include "libs/protocol/merkle.h"
#include "libs/protocol/quote.h"

namespace cafe::protocol {

inline constexpr size_t kMaxSpends = 128;       // slots in one payment
inline constexpr uint32_t kMaxTicks = 1 << 20;  // that a guardian prepares for one call

// What the payee asks to be paid: the frame is section 10's "terms", so that the signature's hash
// is the terms digest.
struct Terms {
  std::string acquirer_id;
  PayeeId payee_id;
  TerminalId terminal_id;
  std::string currency;
  uint64_t amount;   // minor units; 0 where ticks are paid
  uint64_t time_ms;  // unix milliseconds
  Bytes16 nonce;
  Bytes quote_id;  // empty, or 32 bytes: the digest of the acquirer's signed quote

  Bytes encode() const;
  static absl::StatusOr<Terms> decode(ByteView bytes);
  Bytes32 digest() const;
  bool operator==(const Terms&) const = default;
};

// A tick that was shown: t'_i with the Merkle path of P'_i (section 6).
struct TickReveal {
  uint32_t index;
  Scalar t;  // t'_i = t_i + y_i
  MerklePath path;

  Bytes encode() const;  // frame("cafe/v1/tick-reveal", u32 index, t, path)
  static absl::StatusOr<TickReveal> decode(ByteView bytes);
  bool operator==(const TickReveal&) const = default;
};

// One slot that pays. Section 5 lists the valid combinations of value, ticks, root and salt; see
// check_combination.
struct Spend {
  uint32_t coin;  // which of the payment's coins
  uint32_t slot;
  uint64_t value;
  uint64_t tick_value = 0;
  uint32_t tick_count = 0;
  Bytes tick_root;  // empty or 32 bytes
  Bytes salt;       // empty or 32 bytes
  Point B;
  MerklePath path;
  Scalar r1, r2;
  std::optional<TickReveal> tick;  // the last tick shown, where ticks are paid and any was

  bool operator==(const Spend&) const = default;
};

// All slots that pay one set of terms. Canonical: every coin is used, coins stand in the order of
// their first use and never twice, no (coin, slot) twice (NOT_CANONICAL, SLOT_TWICE).
struct Payment {
  SignedDocument terms;  // signed with the terminal's key
  std::vector<Coin> coins;
  std::vector<Spend> spends;  // 1..kMaxSpends
  // Who pays: above the issuer's identification limit, and never below.
  std::optional<Identification> identification{};

  Bytes encode() const;  // frame("cafe/v1/payment", ...)
  static absl::StatusOr<Payment> decode(ByteView bytes);
  bool operator==(const Payment&) const = default;
};

// The rules of form above, of a payment that was not decoded. Coins are told apart by their ids.
absl::Status check_form(const Payment& payment);

Bytes32 spend_digest(const CoinId& coin_id, uint32_t slot, const Bytes32& terms_digest);
// d of section 5.
Scalar spend_challenge(const Denomination& denomination, uint64_t value,
                       const Bytes32& spend_digest, uint64_t tick_value = 0,
                       uint32_t tick_count = 0, ByteView tick_root = {}, ByteView salt = {});
// The same for a guardian, which knows no denominations.
Scalar spend_challenge(std::string_view issuer_id, std::string_view currency, uint64_t value,
                       const Bytes32& spend_digest, uint64_t tick_value = 0,
                       uint32_t tick_count = 0, ByteView tick_root = {}, ByteView salt = {});
Bytes32 salt_commitment(const Bytes32& rho);
Bytes32 xor32(const Bytes32& a, const Bytes32& b);

// Exactly the three combinations that section 5 lists (BAD_COMBINATION), a slot inside the coin
// (SLOT_OUTSIDE_COIN).
absl::Status check_combination(const Denomination& denomination, const Spend& spend);

// The denomination's dates at the time in the terms (NOT_SPENDABLE_YET, SPEND_DATE_PASSED).
absl::Status check_spend_dates(const Denomination& denomination, const Terms& terms);

// One spend against its coin and terms, for checking many at once.
struct SpendCheck {
  const Denomination* denomination;
  const Coin* coin;
  const Spend* spend;
  Bytes32 terms_digest;
};

// n verdicts for n spends. Each: combination, coin (COIN_INVALID), Merkle path of B with size = the
// number of slots [guard] (BAD_PATH), the shown tick (BAD_TICK, [guard] size = tick_count), r1·G1 +
// r2·G2 = d·A + B (SPEND_INVALID). Several spends of one coin check the coin once.
std::vector<absl::Status> check_spends(std::span<const SpendCheck> checks);

// d of a spend of a payment, as the coin store keeps it.
Scalar challenge_of(const Denomination& denomination, const Coin& coin, const Spend& spend,
                    const Bytes32& terms_digest);

// What one spend is worth: its value, or for ticks (index + 1)·tick_value (0 where none was shown).
// Minor units of the denomination's currency.
uint64_t worth_of(const Spend& spend);

// What a verifier rests on: a terminal off line, or an acquirer.
struct PaymentContext {
  const DenominationTable* denominations;
  std::string acquirer_id;       // whose payee this is (WRONG_ACQUIRER)
  Point terminal_key;            // who must have signed the terms
  PayeeId payee_id;              // (WRONG_PAYEE)
  TerminalId terminal_id;        // (WRONG_TERMINAL)
  const Quote* quote = nullptr;  // the quote that the terms name, opened and checked
  bool authorized = false;       // on line, above the off-line limit
  // What an identified payer's credential is checked with; without them she cannot be known
  // (UNKNOWN_ISSUER).
  const TrustAnchors* anchors = nullptr;
};

// A payment that passed the cheap checks, ready for check_spends.
struct PreparedPayment {
  Terms terms;
  Bytes32 terms_digest;
  std::vector<const Denomination*> denominations;  // of each coin
  std::vector<CoinId> coin_ids;                    // of each coin
  std::optional<AccountId> payer;                  // who identified herself
};

// Everything of section 5 that costs no multiplication but the terms' signature and an identified
// payer's: signature,
// acquirer, payee, terminal, known denomination (UNKNOWN_DENOMINATION), dates at the time in the
// terms (NOT_SPENDABLE_YET, SPEND_DATE_PASSED), one currency for all slots (MIXED_CURRENCIES), the
// terms' currency or a fitting quote (QUOTE_MISSING, QUOTE_MISMATCH), no tick payment in another
// currency (TICKS_FOREIGN_CURRENCY), combinations, values that sum without overflow to the amount
// (AMOUNT_MISMATCH; a tick payment's amount is 0), the issuer's off-line limit, where ticks count
// with all that they may come to, and a currency without a limit needs authorization always
// (AUTHORIZATION_NEEDED); above its identification limit a payer of the issuer's who identified
// herself (IDENTIFICATION_NEEDED, IDENTIFICATION_WRONG), and nobody who did so unasked
// (IDENTIFICATION_UNASKED).
absl::StatusOr<PreparedPayment> prepare_payment(const Payment& payment,
                                                const PaymentContext& context);

// The same without the signature, for who checks the signatures of many payments at once
// (check_signatures_var, over terms_digest) before anything else is made of the payment.
absl::StatusOr<PreparedPayment> prepare_unsigned_payment(const Payment& payment,
                                                         const PaymentContext& context);

// prepare_payment, then check_spends; the first wrong spend's error.
absl::StatusOr<PreparedPayment> check_payment(const Payment& payment,
                                              const PaymentContext& context);

}  // namespace cafe::protocol
