// The POS terminal (sections 0, 5 and 9): makes bills, checks payments off line, hands them in.
//
//   CAFE_ASSIGN_OR_RETURN(auto terminal, Terminal::boot(memory, rng, config));
//   terminal->accept_list(list_document);
//   offer  = terminal->make_offer("EUR", 250, now_ms);       // -> the wallet
//   result = terminal->on_payment(payment, now_ms);          // -> the wallet, or Authorize
//   batch  = terminal->next_deposit();                       // -> Deposit
//   terminal->on_receipt(receipt, key_certificate);
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

struct DepositBatch {
  protocol::Bytes order;                  // signed document: deposit order
  std::vector<protocol::Bytes> payments;  // encoded
};

class Terminal {
 public:
  // WRONG_TERMINAL where the credential is not the key's, and the chain's reasons. Its dates are
  // judged by those to whom it is shown.
  static absl::StatusOr<std::unique_ptr<Terminal>> boot(firmware::NonVolatileMemory& memory,
                                                        protocol::Rng& rng, Config config);
  ~Terminal();

  // Takes any trusted issuer's signed list; older ones than the present are ignored. Two lists of
  // one number are kept as evidence (LIST_EQUIVOCATION).
  absl::Status accept_list(protocol::ByteView signed_list);
  const protocol::DenominationTable& denominations() const;
  const protocol::TerminalCertificate& certificate() const;

  // The lists that this terminal knows, signed: for a wallet that pays nothing.
  absl::StatusOr<protocol::Bytes> make_notice(uint64_t now_ms) const;
  // A bill of `amount` > 0 minor units (AMOUNT_ZERO, BAD_CURRENCY). It stays open until it is paid,
  // refused or cancelled.
  absl::StatusOr<protocol::Bytes> make_offer(std::string_view currency, uint64_t amount,
                                             uint64_t now_ms);
  // The same offer again, for a wallet that lost the link (UNKNOWN_OFFER).
  absl::StatusOr<protocol::Bytes> repeat_offer(const protocol::Bytes32& terms_digest,
                                               uint64_t now_ms) const;
  // Withdraws a bill: a signed refusal of whatever is paid for it later. UNKNOWN_OFFER,
  // TERMS_SETTLED.
  absl::StatusOr<protocol::Bytes> cancel_offer(const protocol::Bytes32& terms_digest,
                                               uint64_t now_ms);

  // Checks a payment of an open offer off line: protocol::check_payment, and that no slot is listed
  // in any earlier payment (SLOT_TAKEN). The same payment again gets the same answer. Errors, and
  // nothing signed or stored, for what is not this terminal's to refuse: bytes that are no payment,
  // UNKNOWN_OFFER, and another payment for terms that are settled (TERMS_SETTLED).
  absl::StatusOr<PaymentResult> on_payment(protocol::ByteView payment, uint64_t now_ms);
  // The acquirer's signed answer to Authorize. BAD_SIGNATURE, WRONG_PURPOSE, KEY_EXPIRED,
  // UNKNOWN_OFFER, PAYMENT_MISMATCH.
  absl::StatusOr<PaymentResult> on_authorization(protocol::ByteView authorization,
                                                 protocol::ByteView key_certificate,
                                                 uint64_t now_ms);

  // The next batch of accepted payments, at most `most`; nothing where none waits. The same batch
  // under the same idempotency key until on_receipt settles it.
  absl::StatusOr<std::optional<DepositBatch>> next_deposit(size_t most = protocol::kMaxBatch);
  // Verifies and keeps the receipt, and marks its payments settled. BAD_SIGNATURE, WRONG_PURPOSE,
  // KEY_EXPIRED, RECEIPT_MISMATCH.
  absl::StatusOr<protocol::Receipt> on_receipt(protocol::ByteView receipt,
                                               protocol::ByteView key_certificate);
  size_t waiting_payments() const;  // accepted, no receipt yet
  std::vector<protocol::Bytes> receipts() const;

  // Forgets settled bills and the slots of coins that nobody can spend any more.
  absl::Status prune(uint64_t now_s);

 private:
  struct State;
  explicit Terminal(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace cafe::pos
