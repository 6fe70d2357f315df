// The documents of a claim (section 8). A holder claims three kinds of things:
//
//   coins     unspent slots of coins of a lost wallet, each with the unblinding of its session
//   cheques   all cheques of a lost wallet together: its loads less all that they spent
//   payments  payments that came to nothing: voided by the payee's signed refusal, or not deposited
//             by the deadline; the slots that paid them, with the unblinding of their sessions
//
// The issuer answers at once with a receipt or with a signed refusal. A claim is held for a while,
// in which payments from before the loss still come in and shrink it; then it is credited; payments
// that come in after that are charged to the claimant until it is final. Every step is a signed
// statement.
#pragma once

#include "libs/protocol/claim.h"

namespace cafe::protocol {

enum class ClaimKind : uint8_t { kCoins = 1, kCheques = 2, kPayments = 3 };

inline constexpr size_t kMaxClaimedCoins = 4096;
inline constexpr size_t kMaxClaimedPayments = 100;

// u64 N ‖ denom_id ‖ u32 i ‖ A ‖ root ‖ Z ‖ s ‖ u ‖ v ‖ u64 slots: 365 bytes.
struct ClaimedCoin {
  static constexpr size_t kSize = 8 + 32 + 4 + 65 + 32 + 65 + 3 * 32 + 8;

  uint64_t order;  // N of the order that made it
  DenomId denom_id;
  uint32_t i;  // within its denomination
  Point A;
  Bytes32 root;
  Point Z;
  Unblinding opening;
  uint64_t slots;  // bit j: slot j is claimed; of a cheque 1

  CoinId id() const;
};

// A payment that came to nothing, of which the claim names every coin.
// frame("cafe/v1/void-payment", payment, payee credential, refusal document or empty): empty where
// it was not deposited by the deposit deadline of its coins.
struct VoidPayment {
  Bytes payment;     // encoded Payment
  Bytes credential;  // encoded PayeeCredential of the payee in its terms
  Bytes refusal;     // encoded SignedDocument of the terminal's Refusal, or empty

  Bytes encode() const;
  static absl::StatusOr<VoidPayment> decode(ByteView bytes);
};

// frame("cafe/v1/claim", issuer id, account id, claiming account id, u8 kind, u64 time_ms, coins:
// (ClaimedCoin)*, u32 n, (frame(void-payment))×n), signed with the key of the claiming account,
// which is the account itself or its successor.
struct Claim {
  std::string issuer_id;
  AccountId account;  // whose coins they are
  AccountId by;       // who claims, and is credited
  ClaimKind kind;
  uint64_t time_ms;
  std::vector<ClaimedCoin> coins;     // 1..kMaxClaimedCoins, each session and each coin once
  std::vector<VoidPayment> payments;  // of kind kPayments 1..kMaxClaimedPayments, else none

  Bytes encode() const;
  // BAD_CLAIM_KIND, ITEM_COUNT, TOO_MANY_ITEMS, BAD_ORDER (N is 0), COIN_TWICE (a session or a coin
  // stands twice), NO_SLOT (a coin of which no slot is claimed).
  static absl::StatusOr<Claim> decode(ByteView bytes);
};

// The coin that a claimed one is, if it is the unblinding of the issuer's own session: computes a',
// b' and r' from it and checks A = s·m, Z = s·z, c·u = c' (CLAIM_INVALID; WRONG_DENOMINATION where
// it names another one than its session).
absl::StatusOr<Coin> open_claimed_coin(const ClaimedCoin& claimed, const Session& session);
// The same of many, n answers for n coins and their sessions, at a fraction of the cost from some
// dozens on. In variable time: a claim has no secrets of whoever checks it.
std::vector<absl::StatusOr<Coin>> open_claimed_coins_var(std::span<const ClaimedCoin> claimed,
                                                         std::span<const Session> sessions);

// An amount of one currency, minor units.
struct CurrencyAmount {
  std::string currency;
  uint64_t amount;
  bool operator==(const CurrencyAmount&) const = default;
};

// frame("cafe/v1/claim-receipt", issuer id, account id, u64 number, claim digest, u64 time_ms, u64
// held_until_ms, u64 final_at_ms, n u32, (currency, u64 amount)×n), signed with the recovery key:
// the claim is good. What is left of it at held_until_ms is credited; later payments are charged
// until final_at_ms.
struct ClaimReceipt {
  std::string issuer_id;
  AccountId account;
  uint64_t number;
  Bytes32 claim_digest;  // of the signed claim's frame
  uint64_t time_ms;
  uint64_t held_until_ms;
  uint64_t final_at_ms;
  // Ascending by currency. Of cheques: the loads; what was spent is known when all of them are due.
  std::vector<CurrencyAmount> claimed;

  Bytes encode() const;
  // NOT_CANONICAL, TOO_MANY_ITEMS, CLAIM_NUMBER (0).
  static absl::StatusOr<ClaimReceipt> decode(ByteView bytes);
};

// frame("cafe/v1/claim-refused", issuer id, account id, claim digest, reason, u32 item, u64
// time_ms), signed with the recovery key. `item` is the first wrong coin (or payment), counted from
// 0; kWholeClaim where it is none of them.
struct ClaimRefused {
  static constexpr uint32_t kWholeClaim = 0xFFFFFFFF;

  std::string issuer_id;
  AccountId account;
  Bytes32 claim_digest;
  std::string reason;
  uint32_t item;
  uint64_t time_ms;

  Bytes encode() const;
  // NO_REASON where it gives none.
  static absl::StatusOr<ClaimRefused> decode(ByteView bytes);
};

// A slot that a claim named and that a payment spent.
struct Deduction {
  enum class Code : uint8_t {
    kPaidBefore = 1,  // the payment's time is before the claim's: the claim is less
    kPaidAfter = 2,   // after it: claim and payment together prove that both were wanted
  };
  uint32_t coin;  // in the claim
  uint32_t slot;
  Code code;
  bool charged;  // it was credited before, and is taken back
  uint64_t value;
  Bytes32 payment_digest;  // digest(encoded Payment, which has the terms and the spend)
  bool operator==(const Deduction&) const = default;
};

enum class ClaimState : uint8_t { kHeld = 1, kCredited = 2, kFinal = 3 };

// All amounts of a claim in one currency. credited = claimed - what was deducted before the credit.
struct ClaimTotal {
  std::string currency;
  uint64_t claimed;
  uint64_t deducted;     // not credited, since it was spent
  uint64_t credited;     // to the claimant
  uint64_t charged;      // of that, taken back for payments that came later
  uint64_t uncollected;  // of what was charged, what the claimant's account did not hold
  bool operator==(const ClaimTotal&) const = default;
};

// frame("cafe/v1/claim-statement", issuer id, account id, u64 number, claim digest, u32 sequence,
// u64 time_ms, u8 state, deductions: (u32 coin ‖ u32 slot ‖ u8 code ‖ u8 charged ‖ u64 value ‖
// payment digest)*, u32 n, (currency, u64 claimed, u64 deducted, u64 credited, u64 charged, u64
// uncollected)×n), signed with the recovery key: the whole state of the claim at that time. The
// highest sequence counts; 1 is the credit.
struct ClaimStatement {
  std::string issuer_id;
  AccountId account;
  uint64_t number;
  Bytes32 claim_digest;
  uint32_t sequence;
  uint64_t time_ms;
  ClaimState state;
  std::vector<Deduction> deductions;  // ascending by coin and slot, each once
  std::vector<ClaimTotal> totals;     // ascending by currency

  Bytes encode() const;
  // NOT_CANONICAL, TOO_MANY_ITEMS, CLAIM_NUMBER (0), STATEMENT_SEQUENCE (0), BAD_STATE, BAD_CODE,
  // SLOT_OUTSIDE_COIN, BAD_TOTAL (credited > claimed - deducted, charged > credited, uncollected >
  // charged).
  static absl::StatusOr<ClaimStatement> decode(ByteView bytes);
};

// frame("cafe/v1/claim-query", issuer id, asking account id, claim digest, u64 time_ms), signed
// with its key.
struct ClaimQuery {
  std::string issuer_id;
  AccountId by;
  Bytes32 claim_digest;
  uint64_t time_ms;

  Bytes encode() const;
  static absl::StatusOr<ClaimQuery> decode(ByteView bytes);
};

}  // namespace cafe::protocol
