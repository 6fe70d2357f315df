// The POS terminal (sections 0, 5 and 9): makes bills, checks payments off line, hands them in.
//
//   CAFE_ASSIGN_OR_RETURN(auto terminal, Terminal::boot(memory, rng, config));
//   terminal->accept_list(list_document);
//   offer  = terminal->make_offer("EUR", 250, now_ms);       // -> the wallet
//   result = terminal->on_payment(payment, now_ms);          // -> the wallet, or Authorize
//   batch  = terminal->next_deposit();                       // -> Deposit
//   terminal->on_receipt(receipt, key_certificate);
//
// A call, paid by the tick (section 6):
//
//   offer  = terminal->make_call_offer("EUR", 10, 360, "10 s", now_ms);  // -> the wallet
//   result = terminal->on_payment(payment, now_ms);                      // accepted: the call is
//   on demand = terminal->next_tick_demand(terms_digest, now_ms);           // -> the wallet
//   terminal->on_tick(tick);                                             // and the next demand
//   end    = terminal->end_call(terms_digest, now_ms);                   // or on_hang_up(...)
//
// Everything that the terminal must not forget is in its memory before the bytes that depend on it
// are returned, and the same input gets the same answer, after a restart as well.
#pragma once

#include <memory>
#include <optional>

#include "device-sim/firmware/common/messages.h"
#include "device-sim/firmware/common/record_store.h"
#include "libs/protocol/deposit.h"
#include "libs/protocol/rng.h"

namespace cafe::pos {

struct Config {
  protocol::SigningKey key;                 // the terminal's
  protocol::TerminalCredential credential;  // of that key
  protocol::TrustAnchors anchors;
};

enum class Decision : uint8_t {
  kAccepted = 1,
  kRefused = 2,
  kAuthorize = 3,  // above the off-line limit: `message` is empty; ask Authorize with `payment`
};

struct PaymentResult {
  Decision decision;
  protocol::Bytes message;  // encoded PaymentAnswer for the wallet
  protocol::Bytes payment;  // as stored
  std::string reason;       // of a refusal
};

// How long a bill can be paid. Far below the week between the last day of spending and that of
// depositing, so that what is accepted here is never too late for the acquirer.
inline constexpr uint64_t kBillLife_ms = 24ull * 3600 * 1000;

// How long ticks of a call are taken, from the time in its terms on: the acquirer wants the last
// one soon enough as well.
inline constexpr uint64_t kCallLife_ms = 2 * kBillLife_ms;

// A call that was paid for, and what is held of it.
struct CallState {
  bool running;         // false once it ended
  uint64_t tick_value;  // minor units
  uint32_t ticks;       // taken: the highest one held is ticks - 1
  uint32_t ticks_left;  // that its payment brings still; 0 once it ended
  uint32_t deposited;   // ticks that a receipt settled
};

struct DepositBatch {
  protocol::Bytes order;                  // signed document: deposit order
  std::vector<protocol::Bytes> payments;  // encoded
};

class Terminal {
 public:
  // WRONG_TERMINAL where the credential is not the key's, and the chain's reasons. Its dates are
  // judged when a bill is made: what was accepted is handed in after them as well.
  static absl::StatusOr<std::unique_ptr<Terminal>> boot(firmware::NonVolatileMemory& memory,
                                                        protocol::Rng& rng, Config config);
  ~Terminal();

  // Takes any trusted issuer's signed list; older ones than the present are ignored. Two lists of
  // one number are kept as evidence (LIST_EQUIVOCATION).
  absl::Status accept_list(protocol::ByteView signed_list);
  const protocol::DenominationTable& denominations() const;
  const protocol::TerminalCertificate& certificate() const;

  // The edition of an issuer's hotlist that this terminal holds (section 8); 0 for none.
  uint64_t hotlist_edition(std::string_view issuer_id) const;
  // What a trusted issuer's customers have claimed since an edition that it holds: claimed slots
  // pay nothing any more. BAD_SIGNATURE, WRONG_PURPOSE, KEY_EXPIRED, BAD_ISSUER_ID; HOTLIST_GAP
  // where it begins after the edition held; STORE_FULL. An older one changes nothing.
  absl::Status accept_hotlist(protocol::ByteView signed_hotlist, protocol::ByteView key_certificate,
                              uint64_t now_s);
  // The issuer counts its editions anew (its database was restored): the next one may begin at 0.
  // What was claimed before stays refused.
  absl::Status restart_hotlist(std::string_view issuer_id);
  size_t claimed_coins() const;  // that it knows

  // The lists that this terminal knows, signed: for a wallet that pays nothing.
  absl::StatusOr<protocol::Bytes> make_notice(uint64_t now_ms) const;
  // A bill of `amount` > 0 minor units (AMOUNT_ZERO, BAD_CURRENCY). It stays open until it is paid,
  // refused or cancelled. KEY_EXPIRED outside the dates of the terminal's certificate, or of the
  // enrolment key's: the acquirer would refuse what is paid for it.
  absl::StatusOr<protocol::Bytes> make_offer(std::string_view currency, uint64_t amount,
                                             uint64_t now_ms);
  // Offers a call of at most `tick_count` ticks, each of `tick_value` minor units for a `unit`
  // ("10 s"). BAD_CURRENCY, BAD_TARIFF, KEY_EXPIRED. It is a bill like others, with an amount of 0.
  absl::StatusOr<protocol::Bytes> make_call_offer(std::string_view currency, uint64_t tick_value,
                                                  uint32_t tick_count, std::string_view unit,
                                                  uint64_t now_ms);
  // The same offer, or call offer, again for a wallet that lost the link (UNKNOWN_OFFER).
  absl::StatusOr<protocol::Bytes> repeat_offer(const protocol::Bytes32& terms_digest,
                                               uint64_t now_ms) const;
  // Withdraws a bill: a signed refusal of whatever is paid for it later. UNKNOWN_OFFER,
  // TERMS_SETTLED.
  absl::StatusOr<protocol::Bytes> cancel_offer(const protocol::Bytes32& terms_digest,
                                               uint64_t now_ms);

  // Checks a payment of an open offer off line: protocol::check_payment, and that no slot is listed
  // in any earlier payment (SLOT_TAKEN), none on a hotlist (CLAIMED), nor a coin's key reported
  // compromised (DENOMINATION_STOPPED). A call's payment is one tick spend without a tick, of the
  // tariff's tick value and at most its tick count (TARIFF_MISMATCH). The same payment again gets
  // the same answer, so that a call goes on after the link was cut. Errors, and
  // nothing signed or stored, for what is not this terminal's to refuse: bytes that are no payment,
  // UNKNOWN_OFFER, and another payment for terms that are settled (TERMS_SETTLED).
  absl::StatusOr<PaymentResult> on_payment(protocol::ByteView payment, uint64_t now_ms);
  // The acquirer's signed answer to Authorize. BAD_SIGNATURE, WRONG_PURPOSE, KEY_EXPIRED,
  // UNKNOWN_OFFER, PAYMENT_MISMATCH.
  absl::StatusOr<PaymentResult> on_authorization(protocol::ByteView authorization,
                                                 protocol::ByteView key_certificate,
                                                 uint64_t now_ms);

  // --- Calls (section 6) ---
  // Asks for the tick after the last one held; the same until that came. UNKNOWN_OFFER,
  // CALL_NOT_OPEN (its payment has not been accepted), CALL_ENDED, TICKS_USED_UP (end the call, and
  // offer another), CALL_TOO_LONG (kCallLife_ms is over: end it).
  absl::StatusOr<protocol::Bytes> next_tick_demand(const protocol::Bytes32& terms_digest,
                                                   uint64_t now_ms) const;
  // Checks a tick and stores it durably: the one asked for, or the last one held once more. Nothing
  // is taken on an error: CALL_ENDED, UNKNOWN_OFFER, CALL_NOT_OPEN, TICK_ORDER (another index),
  // BAD_TICK [guard] (not the one at that index under the call's root, in a tree of its tick
  // count). CALL_TOO_LONG.
  absl::Status on_tick(protocol::ByteView tick, uint64_t now_ms);
  // The payee hangs up: a signed call end, encoded, the same ever after. Its last tick waits for
  // the next deposit. UNKNOWN_OFFER, CALL_NOT_OPEN (cancel_offer withdraws what nobody paid).
  absl::StatusOr<protocol::Bytes> end_call(const protocol::Bytes32& terms_digest, uint64_t now_ms);
  // The wallet hung up: the signed call end for it; where no call had been opened yet, the encoded
  // refusal that withdraws the bill ("HUNG_UP"). UNKNOWN_OFFER, TERMS_SETTLED (no call).
  absl::StatusOr<protocol::Bytes> on_hang_up(protocol::ByteView hang_up, uint64_t now_ms);
  // UNKNOWN_OFFER, CALL_NOT_OPEN.
  absl::StatusOr<CallState> call(const protocol::Bytes32& terms_digest) const;
  // Terms digests of the calls that have not ended: after a restart, resume or end them.
  std::vector<protocol::Bytes32> running_calls() const;

  // --- Deposits ---
  // The next batch, at most `most`: payments that were accepted, and of calls that ended the
  // payment with its last tick. Of calls that go on, only where `calls` says so, the last tick held
  // now: their later ticks earn the difference in a later batch. Nothing where none waits. The same
  // batch under the same idempotency key until on_receipt settles it.
  enum class Calls { kEnded, kRunningToo };
  absl::StatusOr<std::optional<DepositBatch>> next_deposit(size_t most = protocol::kMaxBatch,
                                                           Calls calls = Calls::kEnded);
  // Verifies and keeps the receipt, and marks its payments settled; a call's once it has ended and
  // all its ticks are. A call of whose ticks the acquirer accepted none ends at once: it is owed no
  // more for it. BAD_SIGNATURE, WRONG_PURPOSE, KEY_EXPIRED, RECEIPT_MISMATCH.
  absl::StatusOr<protocol::Receipt> on_receipt(protocol::ByteView receipt,
                                               protocol::ByteView key_certificate);
  size_t waiting_payments() const;  // accepted (calls: ended), no receipt yet
  std::vector<protocol::Bytes> receipts() const;

  // Forgets bills, a day after they were made, that cannot be paid any more or are settled (calls:
  // kCallLife_ms later), and the slots, claimed ones too, of coins that nobody can spend any more.
  // Payments that the acquirer has yet to judge, or that it refused, stay. STORE_FULL. Reads all
  // records.
  absl::Status prune(uint64_t now_s);
  // The same, at the first call after a start and then once a day.
  absl::Status prune_daily(uint64_t now_s);

 private:
  struct State;
  explicit Terminal(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace cafe::pos
