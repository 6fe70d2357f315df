// The wallet (sections 0, 3, 4 and 5): holds the seeds and the coins, keeps the guardian and the
// outside world apart.
//
//   CAFE_ASSIGN_OR_RETURN(auto wallet, Wallet::boot(memory, guardian, rng, owner, config));
//   wallet->accept_list(list_document, now_s);               // from GetDenominations
//   wallet->accept_key_certificate(certificate, now_s);
//   wallet->on_notice(notice, now_ms);                       // from any terminal
//   file  = wallet->begin_registration(nonce);               // -> Register
//   wallet->on_registration_receipt(receipt);
//   open  = wallet->start_order(lines, now_s);               // -> Open
//   order = wallet->on_open_answer(answer, now_s);           // -> Complete
//   wallet->on_completion(completion);
//   reply = wallet->on_offer(offer, now_ms);                 // -> the terminal
//   wallet->on_payment_answer(answer);
//
// Messages go in and out as bytes; whoever carries them may lose or repeat any of them. Everything
// that the wallet must not forget is in its memory before the bytes that depend on it are returned.
// After a restart at any point, the pending_... functions give the same bytes again.
//
// One wallet has one account, with the issuer of its configuration, and pays payees of every
// acquirer that its trust anchors name. This firmware withdraws and spends coins; cheques come with
// a later version of the guardian.
#pragma once

#include <memory>
#include <optional>

#include "device-sim/firmware/common/messages.h"
#include "device-sim/firmware/common/record_store.h"
#include "device-sim/firmware/wallet/guardian_client.h"
#include "libs/protocol/spending.h"

namespace cafe::wallet {

struct Config {
  std::string issuer_id;  // where the account is
  protocol::TrustAnchors anchors;
  // [guard] section 2: how many payees must have shown the list's number and digest before the
  // wallet withdraws from it.
  uint32_t list_confirmations = 1;
};

// A bill, as the owner sees it.
struct Bill {
  std::string payee_name;  // certified by the acquirer
  std::string acquirer_id;
  std::string currency;
  uint64_t amount;  // minor units
};

// Display, buttons and PIN pad.
class Owner {
 public:
  virtual ~Owner() = default;
  virtual bool confirm_payment(const Bill& bill) = 0;
  // Withdrawal is PIN-protected: true where the right PIN was entered for this sum.
  virtual bool confirm_order(std::span<const protocol::Completion::Debit> sums) = 0;
};

enum class OrderPhase {
  kNone,
  kOpening,   // Open is signed; its answer has not come
  kOrdered,   // the order is signed and stored: only a completion or a void ends it
  kDisputed,  // the issuer's signed completion is wrong: kept as evidence
};

// What a completion brought.
struct Withdrawn {
  uint64_t order;
  size_t coins;
  bool debits_as_ordered;  // false: the signed completion debits another sum, and is kept as
                           // evidence
};

// A payment on its way to the terminal.
struct Outgoing {
  protocol::Bytes payment;
  // [guard] section 5: it is sent at this time, which the amount of work decides and the guardian
  // cannot. Where the guardian was slower than that, the caller hangs up; a retry sends the stored
  // bytes.
  uint64_t send_at_ms;
};
inline constexpr uint64_t kAnswerTime_ms = 20;  // for each slot

enum class PaymentState : uint8_t {
  kPromised = 1,  // slots are bound to it; not assembled yet
  kReady = 2,     // sent or to be sent; no signed answer yet
  kAccepted = 3,
  kRefused = 4,  // voided by the payee: can be claimed (section 8)
};

struct PastPayment {
  protocol::Bytes32 terms_digest;
  PaymentState state;
  std::string payee_name;
  std::string currency;
  uint64_t amount;
  uint64_t time_ms;
};

struct Balance {
  std::string currency;
  uint64_t amount;  // unspent, minor units
  size_t slots;
};

class Wallet {
 public:
  // Starts on its memory: a blank one gets its seeds from `rng` first. Slots that the guardian made
  // and no record knows (a power cut came between) are freed.
  static absl::StatusOr<std::unique_ptr<Wallet>> boot(firmware::NonVolatileMemory& memory,
                                                      firmware::ApduPort& guardian,
                                                      protocol::Rng& rng, Owner& owner,
                                                      Config config);
  ~Wallet();

  // --- Lists and keys (section 2) ---
  // Checks signature, rules and succession; the newest is kept. Two signed lists of one number are
  // kept as evidence, and the wallet withdraws no more (LIST_EQUIVOCATION).
  absl::Status accept_list(protocol::ByteView signed_list);
  absl::Status accept_key_certificate(protocol::ByteView signed_certificate, uint64_t now_s);
  // A terminal's signed notice of the lists that it knows. LIST_DIFFERS where it shows another
  // digest for the number that the wallet holds: the notice is kept, and the wallet withdraws no
  // more from that list.
  absl::Status on_notice(protocol::ByteView notice_message, uint64_t now_ms);
  bool list_confirmed() const;
  const protocol::DenominationList* list() const;
  // The two signed lists of an issuer that showed different users different ones.
  std::optional<std::pair<protocol::Bytes, protocol::Bytes>> equivocation() const;

  // --- Registration (section 3) ---
  // The registration file for the issuer's nonce; the same for the same nonce.
  absl::StatusOr<protocol::Bytes> begin_registration(const protocol::Bytes32& nonce);
  absl::Status on_registration_receipt(protocol::ByteView receipt);
  bool registered() const;
  absl::StatusOr<protocol::AccountId> account() const;

  // --- Withdrawal (section 4) ---
  OrderPhase order_phase() const;
  uint64_t completed_orders() const;  // N of the last one
  // The signed Open. ORDER_PENDING, NOT_REGISTERED, LIST_NOT_CONFIRMED, LIST_EQUIVOCATION,
  // UNKNOWN_DENOMINATION, NOT_OPEN (its withdrawal dates, or its key is compromised),
  // CHEQUES_UNSUPPORTED, OWNER_DECLINED, and check_lines' reasons.
  absl::StatusOr<protocol::Bytes> start_order(const std::vector<protocol::OrderLine>& lines,
                                              uint64_t now_s);
  // The signed Order. STALE_ANSWER where its time slot is not now's or its neighbour;
  // GUARDIAN_FULL.
  absl::StatusOr<protocol::Bytes> on_open_answer(protocol::ByteView answer, uint64_t now_s);
  // Verifies the issuer's signature and every r. WRONG_ANSWER: the completion is kept as evidence.
  absl::StatusOr<Withdrawn> on_completion(protocol::ByteView completion);
  // The same signed Open or Order as before; NO_ORDER.
  absl::StatusOr<protocol::Bytes> pending_open_bytes() const;
  absl::StatusOr<protocol::Bytes> pending_order_bytes() const;
  // Gives an order up that was opened only: nothing was ever answered to it.
  absl::Status cancel_open();
  // Asks what became of an order; the issuer answers with a signed void, or with the completion.
  absl::StatusOr<protocol::Bytes> void_request() const;
  // On the signed void, the order's slots are freed and N may be opened anew.
  absl::Status on_void_statement(protocol::ByteView statement);

  // --- Payment (section 5) ---
  // Checks the terminal's chain and terms, asks the owner, selects slots, binds them durably to
  // these terms, has the guardian answer, and returns the payment. The same terms again get the
  // same bytes, without asking again. Nothing is bound or sent on an error up to and including
  // AMOUNT_NOT_PAYABLE: UNKNOWN_ISSUER, BAD_SIGNATURE, KEY_EXPIRED, WRONG_PAYEE (terms and
  // certificate name different ones), TERMS_STALE (not within 10 minutes of now),
  // CURRENCY_UNSUPPORTED (a quote), AMOUNT_ZERO, OWNER_DECLINED, AMOUNT_NOT_PAYABLE.
  // GUARDIAN_WRONG: an answer failed its check; nothing is ever sent for it.
  absl::StatusOr<Outgoing> on_offer(protocol::ByteView offer, uint64_t now_ms);
  // The terminal's signed acceptance or refusal: BAD_SIGNATURE, WRONG_PAYEE, UNKNOWN_TERMS,
  // PAYMENT_MISMATCH.
  absl::Status on_payment_answer(protocol::ByteView answer);
  // Payments, the oldest first.
  std::vector<PastPayment> payments() const;
  // The payment's bytes, and the payee's signed answer ("" while there is none). UNKNOWN_TERMS.
  absl::StatusOr<protocol::Bytes> payment_bytes(const protocol::Bytes32& terms_digest) const;
  absl::StatusOr<protocol::Bytes> payment_answer(const protocol::Bytes32& terms_digest) const;
  // What can be spent at `now_s`, by currency; and the coins that hold unspent slots.
  std::vector<Balance> balances(uint64_t now_s) const;
  size_t coin_count() const;

 private:
  struct State;
  explicit Wallet(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace cafe::wallet
