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
//   load  = wallet->start_load("EUR", 5000);                 // -> Load
//   wallet->on_loaded(answer);
//   reply = wallet->on_offer(offer, now_ms);                 // -> the terminal
//   wallet->on_payment_answer(answer);
//   reply = wallet->on_call_offer(offer, now_ms);            // -> the terminal
//   tick  = wallet->on_tick_demand(demand, now_ms);          // -> the terminal, again and again
//   wallet->on_call_end(end);
//
// Messages go in and out as bytes; whoever carries them may lose or repeat any of them. Everything
// that the wallet must not forget is in its memory before the bytes that depend on it are returned.
// After a restart at any point, the pending_... functions give the same bytes again.
//
// One wallet has one account, with the issuer of its configuration, and pays payees of every
// acquirer that its trust anchors name. Coins pay by themselves; a cheque pays what its guardian
// takes from the counter of its currency, which loads fill.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "device-sim/firmware/common/messages.h"
#include "device-sim/firmware/common/record_store.h"
#include "device-sim/firmware/wallet/guardian_client.h"
#include "device-sim/firmware/wallet/selection.h"
#include "libs/protocol/deposit.h"
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

// What a call costs, as the owner sees it before it begins.
struct CallBill {
  std::string payee_name;
  std::string acquirer_id;
  std::string currency;
  uint64_t tick_value;  // minor units
  uint32_t most_ticks;  // that this call can take: its cost is at most most_ticks·tick_value
  std::string unit;     // what one tick buys, as the payee words it: "10 s"
};

// What a PIN is asked for.
enum class PinUse {
  kRegistration,
  kWithdrawal,
  kLoad,
  kPayBack,
  kIdentification,
  kRecovery,  // of a lost wallet's money, and what serves it: backups, claims
  kSetting,   // another PIN, another limit
  kPayment,   // the payment PIN from here on
  kUnlock,
};
struct PinQuestion {
  PinKind kind;
  PinUse use;
  uint8_t tries_left;
  bool wrong;  // the digits that she entered just now were
};

// Display, buttons and PIN pad.
class Owner {
 public:
  virtual ~Owner() = default;
  // --- PINs: nothing where she cancels ---
  virtual std::optional<Pin> enter_pin(const PinQuestion& question) = 0;
  // A new one, that she has entered twice.
  virtual std::optional<Pin> choose_pin(PinKind kind) = 0;
  virtual std::optional<Pin> enter_puk(uint8_t tries_left) = 0;
  // Shows it, for the only time: true once she has noted it.
  virtual bool note_puk(const Pin& puk) = 0;

  // --- What is done ---
  virtual bool confirm_payment(const Bill& bill) = 0;
  // Above the issuer's identification limit, before confirm_payment: the payee and the issuer will
  // learn who pays this bill.
  virtual bool confirm_identification(const Bill& bill) = 0;
  virtual bool confirm_call(const CallBill& bill) = 0;
  // Before the withdrawal PIN is asked for: these sums (0 for blank cheques, which cost nothing),
  // or this load.
  virtual bool confirm_order(std::span<const protocol::Completion::Debit> sums) = 0;
  virtual bool confirm_load(std::string_view currency, uint64_t amount) = 0;
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
  // cannot. Where the guardian was slower than that, the caller says nothing any more, not even
  // goodbye; a retry sends the stored bytes.
  uint64_t send_at_ms;
};
// A tick on its way to the terminal; the same holds for its time.
struct OutgoingTick {
  protocol::Bytes tick;  // "cafe/v1/tick"
  uint64_t send_at_ms;
};
inline constexpr uint64_t kAnswerTime_ms = 20;     // for each slot, and for each tick
inline constexpr uint64_t kOpenedTicksPer_ms = 5;  // the opening of a call, besides its slot
// How long the opening of a call of so many ticks takes, or its taking up after a start.
uint64_t opening_time_ms(uint32_t tick_count);

// A load that the guardian has taken.
struct TakenLoad {
  std::string currency;
  uint64_t amount;  // minor units
  uint64_t sequence;
};

// What the guardian's counter of one currency holds: what cheques can be written out for.
struct CounterAmount {
  std::string currency;
  uint64_t amount;  // minor units
};

enum class PaymentKind : uint8_t {
  kBill = 1,
  kCall = 2,     // by the tick
  kPayBack = 3,  // into the own account
};

enum class PaymentState : uint8_t {
  kPromised = 1,  // slots are bound to it; not assembled yet
  kReady = 2,     // sent or to be sent; no signed answer yet
  kAccepted = 3,  // calls: open
  kRefused = 4,   // voided by the payee: can be claimed (section 8)
  kEnded = 5,     // calls only: no more ticks are paid
};

struct PastPayment {
  protocol::Bytes32 terms_digest;
  PaymentState state;
  std::string payee_name;  // "" where money was paid back
  std::string currency;
  uint64_t amount;  // calls: what the ticks released so far come to
  uint64_t time_ms;
  PaymentKind kind;
  bool identified;  // it named its payer
  // Calls only.
  uint32_t ticks;       // released
  uint32_t most_ticks;  // that the owner agreed to
  uint64_t tick_value;
  std::string unit;
};

// What is in the wallet of one currency.
struct Balance {
  std::string currency;
  uint64_t amount;         // unspent slots of coins, minor units
  size_t slots;            // how many
  size_t cheques;          // blank ones
  uint64_t cheques_up_to;  // the most that they could be written out for, all together
  // The most that the guardian's counter lets them be written out for: what was loaded, less what
  // payments and open calls may take. The wallet keeps these books itself, since what the guardian
  // says must not decide what is paid with.
  uint64_t counter;
};

// Money on its way back into the own account: the parts of a DepositRequest.
struct PayBack {
  protocol::Bytes deposit_order;  // signed with the account key
  std::vector<protocol::Bytes> payments;
  protocol::Bytes holder_credential;
  // [guard] As an Outgoing's: the issuer, whom the guardian serves, must not learn how long the
  // guardian took. Where it is over already, the stored bytes go out another time.
  uint64_t send_at_ms;
};

// A key drawn for the coin seed, and the seed sealed under it.
struct DrawnBackup {
  std::string words;       // for the owner's eyes, once: the wallet keeps no key
  protocol::Bytes backup;  // signed: -> PutBackup
};

class Wallet {
 public:
  // Starts on its memory. Slots that the guardian made
  // and no record knows (a power cut came between) are freed.
  static absl::StatusOr<std::unique_ptr<Wallet>> boot(firmware::NonVolatileMemory& memory,
                                                      firmware::ApduPort& guardian,
                                                      protocol::Rng& rng, Owner& owner,
                                                      Config config);
  ~Wallet();

  // --- PINs ---
  // Whoever knows the withdrawal PIN opens the identity seed, and with it the account key: without
  // it nothing is withdrawn, loaded, paid back, claimed or named. The guardian counts the tries.
  // Whatever asks for a PIN may fail with OWNER_DECLINED or PIN_BLOCKED. A PIN serves the call that
  // it was entered in.
  //
  // Sets a new device up: shows the PUK, has the withdrawal PIN chosen, draws the seeds. Once;
  // begin_registration does it where it was not done.
  absl::Status set_up();
  // Asks for the withdrawal PIN once at most for all that `errands` do.
  absl::Status with_one_pin(const std::function<absl::Status()>& errands);
  // A new PIN; a payment PIN where there was none is set. PINS_ALIKE.
  absl::Status change_pin(PinKind kind);
  absl::Status switch_payment_pin_off();  // NO_PIN
  // A new PIN for one that was forgotten or is blocked. NO_PIN, PINS_ALIKE, PUK_BLOCKED (for good).
  absl::Status unblock_pin(PinKind kind);
  // With the payment PIN: that much more can be paid without it; that much, filled up at each entry
  // of it. NO_PIN, BAD_CURRENCY, AMOUNT_ZERO, ALLOWANCE_TOO_LARGE.
  absl::Status unlock(std::string_view currency, uint64_t amount);
  absl::Status set_limit(std::string_view currency, uint64_t amount);
  // Nothing can be paid without the payment PIN from here on. NO_PIN.
  absl::Status lock_payments();
  // What the guardian says of its PINs and allowances.
  absl::StatusOr<PinStates> pins() const;
  absl::StatusOr<std::vector<Allowance>> allowances() const;

  // --- Lists and keys (section 2) ---
  // Checks signature, rules and succession; the newest is kept. Two signed lists of one number are
  // kept as evidence, and the wallet withdraws no more (LIST_EQUIVOCATION).
  absl::Status accept_list(protocol::ByteView signed_list);
  absl::Status accept_key_certificate(protocol::ByteView signed_certificate, uint64_t now_s);
  // The certificate of the key that signs the issuer's loads. BAD_ISSUER_ID, LOAD_KEY_DIFFERS
  // (the manufacturer put another one, or none, into the guardian), open_load_key's reasons.
  absl::Status accept_load_key(protocol::ByteView signed_certificate);
  // A terminal's signed notice of the lists that it knows. LIST_DIFFERS where it shows another
  // digest for the number that the wallet holds: the notice is kept, and the wallet withdraws no
  // more from that list.
  absl::Status on_notice(protocol::ByteView notice_message, uint64_t now_ms);
  bool list_confirmed() const;
  const protocol::DenominationList* list() const;
  // The two signed lists of an issuer that showed different users different ones.
  std::optional<std::pair<protocol::Bytes, protocol::Bytes>> equivocation() const;

  // --- Registration (section 3) ---
  // The registration file for the issuer's nonce; the same for the same nonce. Sets a new device
  // up.
  absl::StatusOr<protocol::Bytes> begin_registration(const protocol::Bytes32& nonce);
  // The file that was made last, until its receipt is here: the issuer may have registered it, and
  // would register no other of this wallet and guardian. To be sent first; NO_REGISTRATION.
  absl::StatusOr<protocol::Bytes> pending_registration() const;
  absl::Status on_registration_receipt(protocol::ByteView receipt);
  bool registered() const;
  // What shows which account and account key are hers: an encoded HolderCredential.
  // NOT_REGISTERED.
  absl::StatusOr<protocol::Bytes> holder_credential() const;
  absl::StatusOr<protocol::AccountId> account() const;

  // --- Withdrawal (section 4) ---
  OrderPhase order_phase() const;
  uint64_t completed_orders() const;  // N of the last one
  // The signed Open. ORDER_PENDING, NOT_REGISTERED, LIST_NOT_CONFIRMED, LIST_EQUIVOCATION,
  // UNKNOWN_DENOMINATION, NOT_OPEN (its withdrawal dates, or its key is compromised),
  // OWNER_DECLINED, PIN_BLOCKED, and check_lines' reasons.
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

  // --- Loads of the guardian's counters (section 5) ---
  // The signed LoadOrder. LOAD_PENDING, NOT_REGISTERED, NO_LOAD_KEY, BAD_CURRENCY, AMOUNT_ZERO,
  // AMOUNT_OVERFLOW (the counter could not hold it), GUARDIAN_FULL (no room for another currency),
  // OWNER_DECLINED. Numbers are the wallet's own count of loads: one that the guardian chose would
  // carry a message of its to the issuer.
  absl::StatusOr<protocol::Bytes> start_load(std::string_view currency, uint64_t amount);
  // The same signed order as before; NO_LOAD.
  absl::StatusOr<protocol::Bytes> pending_load_bytes() const;
  // Asks for the answer to the pending load again (signed LoadQuery); NO_LOAD.
  absl::StatusOr<protocol::Bytes> load_query() const;
  // Gives up a load that the issuer refused (the account holds too little, say). Should the issuer
  // have carried it out all the same, its number is taken, the next load is refused with
  // LOAD_CLASH, and load_query brings the answer, which on_loaded takes. NO_LOAD.
  absl::Status cancel_load();
  // The issuer's signed answer (Loaded): its signature, that it answers this wallet's order
  // (LOAD_MISMATCH), the load's own RSA signature, and that it is as ordered (WRONG_LOAD for both:
  // the answer is kept as evidence, nothing of it reaches the guardian); then the guardian takes
  // it. One that the guardian has taken already is fine. GUARDIAN_REFUSED where it does not take
  // it: the load stays pending, and may be given again.
  absl::StatusOr<TakenLoad> on_loaded(protocol::ByteView loaded);
  // A signed answer whose load is wrong; nothing where there was none.
  std::optional<protocol::Bytes> wrong_load() const;
  // What the guardian says that its counters of the issuer hold, by currency. At least what
  // balances() shows and what is promised to payments, or it has lost some. The guardian's errors.
  absl::StatusOr<std::vector<CounterAmount>> counters() const;

  // --- Payment (section 5) ---
  // Checks the terminal's chain and terms, selects coins and cheques (selection.h), asks the owner,
  // binds the slots durably to these terms, has the guardian answer, and returns the payment. The
  // same terms again get the same bytes, without asking again. Above the identification limit of
  // the wallet's own list the payment names its payer, after Owner::confirm_identification; below,
  // never. Nothing is bound or sent on an error up to and including OWNER_DECLINED: UNKNOWN_ISSUER,
  // BAD_SIGNATURE, KEY_EXPIRED, WRONG_PAYEE (terms and certificate name different ones),
  // TERMS_STALE (not within 10 minutes of now), CURRENCY_UNSUPPORTED (a quote), AMOUNT_ZERO,
  // AMOUNT_NOT_PAYABLE and SELECTION_TOO_HARD (selection.h), NOT_REGISTERED,
  // IDENTIFICATION_DECLINED, OWNER_DECLINED, PIN_BLOCKED. Where a payment PIN is set and the
  // allowance does not suffice, the owner is asked for it; it unlocks this amount, and what was
  // locked since it was promised. PIN_NEEDED: the guardian allows less than the wallet's books say.
  // GUARDIAN_WRONG: an answer failed its check; nothing is ever sent for it. COUNTER_TOO_LOW: the
  // guardian has lost some of its counter; the same offer may be paid once it is loaded.
  absl::StatusOr<Outgoing> on_offer(protocol::ByteView offer, uint64_t now_ms);
  // [guard] How long on_offer's answer to these terms takes, after which a refusal goes out as
  // well; 0 for terms that nothing was promised to, since the guardian was not asked then.
  uint64_t answer_time_ms(const protocol::Bytes32& terms_digest) const;
  // The terminal's signed acceptance or refusal, of a bill or a call: BAD_SIGNATURE, WRONG_PAYEE,
  // UNKNOWN_TERMS, PAYMENT_MISMATCH, ANSWERED. The refusal of a bill whose promised payment waits
  // for the payment PIN is kept, and the payment stays kPromised: it is put together when the same
  // refusal comes again.
  absl::Status on_payment_answer(protocol::ByteView answer);

  // --- Calls: paying by the tick (section 6) ---
  // As on_offer, for a call: one cheque is bound to it, for at most the tariff's ticks, as many as
  // the cheque, the counter and the issuer's limits allow (a call needs neither authorization nor
  // identification); the owner sees the tariff and the most that the call may cost. The same terms
  // again get the same payment. The reasons of on_offer, TARIFF_MISMATCH (not of these terms),
  // AMOUNT_NOT_ZERO (the terms ask for an amount besides), GUARDIAN_FULL (too many calls are open),
  // CALL_ENDED (this one was ended here: tell the terminal so with hang_up).
  absl::StatusOr<Outgoing> on_call_offer(protocol::ByteView call_offer, uint64_t now_ms);
  // The tick of the demanded index, the next one or one that was released before. UNKNOWN_TERMS,
  // CALL_NOT_OPEN (no acceptance has come), CALL_ENDED, TICK_ORDER, TICKS_USED_UP, COUNTER_TOO_LOW,
  // GUARDIAN_WRONG.
  absl::StatusOr<OutgoingTick> on_tick_demand(protocol::ByteView demand, uint64_t now_ms);
  // Ends a call: no further tick of it is ever paid, though the last one may be asked for again.
  // Returns the "cafe/v1/hang-up", the same each time. UNKNOWN_TERMS.
  absl::StatusOr<protocol::Bytes> hang_up(const protocol::Bytes32& terms_digest);
  // The terminal's signed end of a call, which ends it here as well. BAD_SIGNATURE, WRONG_PAYEE,
  // UNKNOWN_TERMS, WRONG_TICKS (it says that more were taken than were released), ANSWERED (another
  // end came before).
  absl::Status on_call_end(protocol::ByteView call_end);
  // It, "" while there is none. UNKNOWN_TERMS.
  absl::StatusOr<protocol::Bytes> call_end(const protocol::Bytes32& terms_digest) const;

  // --- Paying back into the own account (section 5, with the holder as payee) ---
  // Binds coins and cheques of this amount durably to terms of her own, and returns what Deposit
  // wants. PAY_BACK_PENDING, NOT_REGISTERED, AMOUNT_ZERO, AMOUNT_NOT_PAYABLE, GUARDIAN_WRONG.
  absl::StatusOr<PayBack> pay_back(std::string_view currency, uint64_t amount, uint64_t now_ms);
  // The same bytes, until the receipt has come, to be sent at a new time; NO_PAY_BACK.
  absl::StatusOr<PayBack> pending_pay_back(uint64_t now_ms);
  // The acquirer's signed receipt with the certificate of its deposit key; both are kept.
  // NO_PAY_BACK, BAD_SIGNATURE, WRONG_PURPOSE, KEY_EXPIRED, RECEIPT_MISMATCH.
  absl::StatusOr<protocol::Receipt> on_pay_back_receipt(protocol::ByteView receipt,
                                                        protocol::ByteView key_certificate);

  // --- Against a loss (section 8; what follows one is in recovery.h) ---
  // What the owner writes to her backup card: an encoded BackupCard (backup_card.h), which is as
  // good as her account key. NOT_REGISTERED.
  absl::StatusOr<protocol::Bytes> backup_card() const;
  // Draws a key of 128 bits and seals the coin seed under it, for the issuer to keep. Drawn again,
  // it takes the place of the one before, whose words open nothing any more. NOT_REGISTERED.
  absl::StatusOr<DrawnBackup> draw_backup();
  // The last one drawn, the same bytes, while the issuer's word for it has not come; NO_BACKUP.
  absl::StatusOr<protocol::Bytes> pending_backup() const;
  // The issuer's signed word that it keeps the last one drawn. BAD_SIGNATURE, WRONG_PURPOSE,
  // KEY_EXPIRED, BACKUP_MISMATCH (of another), NO_BACKUP.
  absl::Status on_backup_kept(protocol::ByteView kept, protocol::ByteView key_certificate);

  // --- What the owner looks at ---
  // Payments, the oldest first.
  std::vector<PastPayment> payments() const;
  // The payment's bytes, and the payee's signed answer ("" while there is none). UNKNOWN_TERMS.
  absl::StatusOr<protocol::Bytes> payment_bytes(const protocol::Bytes32& terms_digest) const;
  absl::StatusOr<protocol::Bytes> payment_answer(const protocol::Bytes32& terms_digest) const;
  // What can be spent at `now_s`, by currency; and how many coins and cheques are kept.
  std::vector<Balance> balances(uint64_t now_s) const;
  // What payments in one currency are chosen from, and orders are planned by.
  Holdings holdings(std::string_view currency, uint64_t now_s) const;
  size_t coin_count() const;

 private:
  friend class Claims;    // claims.h
  friend class Recovery;  // recovery.h
  struct State;
  explicit Wallet(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace cafe::wallet
