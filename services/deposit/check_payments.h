// The checks of payments: everything that can be said of them without the coin store. Many are
// checked together, since then each costs a tenth of what one costs alone.
#pragma once

#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "libs/protocol/case_file.h"
#include "services/deposit/terminals.h"

namespace cafe::deposit {

// A payment as it came, decoded as far as it goes.
struct ReadPayment {
  absl::Status status;  // why it cannot be read
  std::optional<protocol::Payment> payment;
  std::optional<protocol::Terms> terms;
};
ReadPayment read_payment(protocol::ByteView bytes);

// What an authorization is kept under: SHA-256 of the payment `bytes`, as it was before any tick
// was shown.
protocol::Bytes32 opening_digest(protocol::ByteView bytes, const protocol::Payment& payment);

// One slot that a valid payment spends.
struct SpentSlot {
  uint32_t payment;  // which of the batch's
  uint32_t spend;    // which of the payment's
  protocol::CoinId coin_id;
  uint32_t slot;
  protocol::SpendTrace trace;
  protocol::DenomId denom_id;
  uint64_t value;  // minor units of the denomination's currency, which is the terms'
  uint64_t deposit_until;
  uint64_t claim_until;
  std::string cheque_issuer{};  // whose cheque it is; empty for a coin
  uint32_t ticks = 0;           // shown, where ticks are paid
  uint64_t tick_value = 0;      // value = ticks · tick_value there

  // Where the coin store is told to find the full payment.
  uint32_t position() const { return payment * protocol::kMaxSpends + spend; }
};

// What the checks make of one payment.
struct CheckedPayment {
  std::string refusal;   // the reason; empty where it is valid
  std::string currency;  // of the terms; empty where they cannot be read
  std::vector<SpentSlot> slots;

  bool valid() const { return refusal.empty(); }
};

// A payment with what is known of who hands it in.
struct Candidate {
  const ReadPayment* payment;
  uint32_t index;  // in its batch
  protocol::PayeeId payee_id;
  const Terminal* terminal;      // that the terms name; null where the payee has no such terminal
  bool authorized = false;       // granted on line: the off-line limit is no matter
  bool signature_known = false;  // that the terminal signed the terms was checked before
};
Candidate candidate_of(const ReadPayment& payment, uint32_t index,
                       const protocol::PayeeId& payee_id, const Terminals& terminals);

// Terms that a terminal refused, signed (section 8): they are void. Its own terms only: a refusal
// may name any digest.
struct VoidedTerms {
  protocol::Bytes32 terms_digest{};
  protocol::PayeeId payee_id;
  protocol::TerminalId terminal_id;
  bool operator==(const VoidedTerms&) const = default;
  template <typename H>
  friend H AbslHashValue(H h, const VoidedTerms& terms) {
    return H::combine(std::move(h), terms.terms_digest, terms.payee_id, terms.terminal_id);
  }
};

// What the checks rest on.
struct CheckContext {
  const protocol::DenominationTable& denominations;
  const absl::flat_hash_set<protocol::DenomId>& stopped;  // overdrawn: their key is compromised
  std::string acquirer_id;
  uint64_t received_ms;
  const protocol::TrustAnchors& anchors;  // of payers who identify themselves
  // Whether ticks may still be to come: an authorization is asked for when a call begins, a deposit
  // is made of what was shown.
  bool ticks_to_come = false;
  // Those of the candidates' terms that are void.
  absl::flat_hash_set<VoidedTerms> voided{};
};

inline constexpr std::string_view kAuthorizationNeeded = "AUTHORIZATION_NEEDED";

// Checks payments as an acquirer does (section 5), each for itself. Of several reasons to refuse
// one it tells the first in this order:
//   why it cannot be read; WRONG_PAYEE
//   UNKNOWN_TERMINAL, TERMINAL_REVOKED, KEY_EXPIRED   the terminal at the time of the terms
//   those of protocol::prepare_unsigned_payment
//   BAD_SIGNATURE                                     of the terms
//   TERMS_VOIDED                                      the terminal refused them
//   DENOMINATION_STOPPED
//   DEPOSIT_DATE_PASSED                               judged when the batch was received
//   NOTHING_OWED                                      a spend pays ticks, and shows none
//   those of protocol::check_spends
std::vector<CheckedPayment> check_payments(std::span<const Candidate> candidates,
                                           const CheckContext& context);

// The same result again for a batch that was checked and stored with these refusals, without the
// multiplications. DATA_LOSS (ARCHIVE_DAMAGED) where a payment that was found valid cannot be read
// any more; UNAVAILABLE (DENOMINATIONS_UNKNOWN) where its denomination is not known here.
absl::StatusOr<std::vector<CheckedPayment>> restore_payments(
    std::span<const ReadPayment> payments, std::span<const std::string> refusals,
    const protocol::DenominationTable& denominations);

// AMOUNT_OVERFLOW (OUT_OF_RANGE) where the valid payments of one currency sum to more than a ledger
// entry holds.
absl::Status check_total(std::span<const CheckedPayment> payments);

}  // namespace cafe::deposit
