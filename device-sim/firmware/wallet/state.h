// The wallet's inside: its memory, decoded, and what its parts share. A file for each: wallet.cc
// (start), account_key.cc and pins.cc, lists.cc, registration.cc, withdrawal.cc, loads.cc,
// spending.cc (slots bound and answered), payment.cc (bills), call_opening.cc and calls.cc (ticks),
// pay_back.cc, overview.cc.
#pragma once

#include <map>

#include "device-sim/firmware/wallet/records.h"
#include "libs/protocol/hash.h"
#include "libs/protocol/load_order.h"

namespace cafe::wallet {

// A coin may be paid with from when it is issued until its spend date.
inline bool spendable(const protocol::Denomination& denomination, uint64_t at_s) {
  return denomination.withdraw_from <= at_s && at_s < denomination.spend_until;
}

inline constexpr uint64_t kClockTolerance_ms = 10 * 60 * 1000;  // of a bill's time

absl::Status damaged();         // STORE_DAMAGED
absl::Status not_registered();  // NOT_REGISTERED
absl::Status unknown_terms();   // UNKNOWN_TERMS
absl::Status wrong_payee();     // WRONG_PAYEE
absl::Status not_payable();     // AMOUNT_NOT_PAYABLE
absl::Status declined(std::string_view reason, std::string_view message);

struct Wallet::State {
  State(std::unique_ptr<firmware::RecordStore> records, firmware::ApduPort& port,
        protocol::Rng& randomness, Owner& the_owner, Config configuration)
      : store(std::move(records)),
        guardian(port),
        rng(randomness),
        owner(the_owner),
        config(std::move(configuration)) {}

  // A call, from the promise of its cheque to its end.
  struct Call {
    CallRecord record;
    TickRecord ticks;
    // The guardian's points and the tree over the blinded ones: from the guardian again after a
    // start, and checked against the root.
    struct Points {
      protocol::Bytes32 y_seed;
      std::vector<protocol::Point> P;
      protocol::MerkleTree tree;
    };
    std::shared_ptr<const Points> points;
    // The last tick that the guardian was asked for, durable before it was.
    std::optional<uint32_t> asked;
    // Whether the guardian may have taken the next tick from its counter though it was never
    // stored here.
    bool next_in_doubt() const { return asked && *asked == ticks.released; }
  };

  std::unique_ptr<firmware::RecordStore> store;
  GuardianClient guardian;
  protocol::Rng& rng;
  Owner& owner;
  Config config;

  // Both only while the withdrawal PIN is open (open_account).
  protocol::Seed identity_seed;
  std::optional<protocol::WalletIdentity> identity;
  // Once the device was set up.
  protocol::Scalar u1;
  protocol::Seed coin_seed;
  protocol::SignedDocument guardian_document;
  std::optional<protocol::GuardianCertificate> guardian_certificate;
  std::optional<protocol::IdentityPoints> points;
  protocol::AccountId account;
  std::optional<protocol::SignedDocument> list_document;
  std::optional<protocol::DenominationList> list;
  protocol::DenominationTable table;  // of the list
  std::vector<protocol::Point> withdrawal_keys;
  uint64_t chain = 0;
  OrderRecord order;
  std::map<protocol::CoinId, HeldCoin> coins;
  std::map<protocol::Bytes32, PaymentRecord> payments;
  std::map<protocol::Bytes32, Call> calls;  // of the payments by ticks
  uint64_t next_payment = 1;
  std::optional<protocol::LoadKeyCertificate> load_key;
  std::optional<LoadRecord> load_under_way;
  uint64_t loads = 0;                                     // sequence of the last one taken
  std::map<std::string, uint64_t, std::less<>> counters;  // the books of counter/<currency>
  std::optional<PayBackRecord> pay_back;
  AllowancesRecord allowances;
  int holds = 0;             // of with_one_pin
  bool pin_entered = false;  // and the guardian was not told to forget it since

  // --- wallet.cc: at the start ---
  absl::Status load();
  absl::Status load_seeds();
  absl::Status take_seeds(const protocol::Scalar& secret, const protocol::Seed& coins);
  absl::Status load_documents();
  absl::Status load_money();
  absl::Status free_orphans();
  // Whether its guardian's slots are still needed by the payment.
  static bool under_way(const PaymentRecord& payment);

  // --- account_key.cc: the identity seed, sealed ---
  bool is_set_up() const { return points.has_value(); }
  absl::Status set_up();
  // From here to close_account the identity seed and the account key are there. Asks for the
  // withdrawal PIN, unless it is open already; sets a new device up.
  absl::Status open_account(PinUse use);
  // Wipes both, and the guardian forgets every PIN: once the outermost of these is over.
  void close_account();
  // What opens the account in `act` asks for the PIN once at most. Every PIN is asked for within
  // one, so that the guardian forgets it however `act` ends.
  template <typename F>
  auto with_one_pin(F act) -> decltype(act()) {
    ++holds;
    auto result = act();
    --holds;
    close_account();
    return result;
  }
  template <typename F>
  auto with_account(PinUse use, F act) -> decltype(act()) {
    return with_one_pin([&]() -> decltype(act()) {
      CAFE_RETURN_IF_ERROR(open_account(use));
      return act();
    });
  }

  // --- pins.cc ---
  // Asks until it is right: OWNER_DECLINED, PIN_BLOCKED, NO_PIN.
  absl::Status verify_pin(PinKind kind, PinUse use);
  // Every PIN that is set.
  absl::Status verify_all_pins();
  absl::Status change_pin(PinKind kind, const Pin* pin);
  absl::Status store_allowances(AllowancesRecord record);
  absl::Status unlock(std::string_view currency, uint64_t amount, PinUse use);
  absl::Status set_limit(std::string_view currency, uint64_t amount);
  // What payments that are promised, and ticks of open calls, may still take of the allowance.
  absl::StatusOr<uint64_t> reserved(std::string_view currency) const;
  // That `amount` can be paid now besides what is promised: asks for the payment PIN where the
  // allowance does not suffice.
  absl::Status allow_payment(std::string_view currency, uint64_t amount);

  // --- lists.cc ---
  uint32_t confirmations() const;
  absl::Status take_notice(const protocol::SignedDocument& notice,
                           const protocol::TerminalCertificate& terminal,
                           protocol::ByteView message);
  // The same for what came with a bill: a payee that was shown another list is evidence against the
  // issuer, not a reason not to pay.
  absl::Status take_notice_of_offer(const protocol::TerminalCredential& credential,
                                    const protocol::SignedDocument& notice,
                                    const protocol::TerminalCertificate& terminal);
  // A document that one of the issuer's certified withdrawal keys signed (BAD_SIGNATURE).
  absl::Status check_withdrawal_signature(const protocol::SignedDocument& document) const;
  // A document that an on-line key of the issuer's signed, by the certificate that came with it:
  // of that purpose, and valid at that time. BAD_SIGNATURE, WRONG_PURPOSE, KEY_EXPIRED.
  absl::Status check_issuer_signature(const protocol::SignedDocument& document,
                                      protocol::ByteView key_certificate, std::string_view purpose,
                                      uint64_t at_ms) const;
  absl::StatusOr<const protocol::Denomination*> denomination_of(const protocol::DenomId& id) const;
  // Nothing where the issuer states none for the currency.
  const protocol::Limits* limits(std::string_view currency) const {
    return table.limits(config.issuer_id, currency);
  }

  // --- registration.cc ---
  absl::StatusOr<protocol::Bytes> register_with(const protocol::Bytes32& nonce);
  bool registered() const { return store->find(kReceiptKey) != nullptr; }
  absl::StatusOr<protocol::HolderCredential> holder_credential() const;

  // --- withdrawal.cc ---
  absl::Status check_can_order() const;
  absl::StatusOr<std::vector<protocol::Completion::Debit>> order_sums(
      std::span<const protocol::OrderLine> lines, uint64_t now_s) const;
  absl::StatusOr<std::vector<MadeSlot>> make_slots(const protocol::OpenAnswer& answer);
  void free_slots(std::span<const MadeSlot> slots);
  absl::StatusOr<protocol::Bytes> open_order(const std::vector<protocol::OrderLine>& lines);
  // The signed order, once the slots are made and all of it is stored.
  absl::StatusOr<protocol::Bytes> order_coins(protocol::ByteView answer_bytes,
                                              const protocol::OpenAnswer& answer);

  // One coin of an order, blinded.
  struct OrderedCoin {
    protocol::BlindedCoin blinded;
    const protocol::Denomination* denomination;
    uint32_t line, i;
    size_t first_slot;  // in the order's list of slots
  };
  absl::StatusOr<std::vector<OrderedCoin>> blind(const protocol::OpenAnswer& answer,
                                                 std::span<const MadeSlot> slots) const;
  // m and A_G of section 4 for a coin or a cheque.
  const protocol::Point& identity_point(protocol::Kind kind) const {
    return kind == protocol::Kind::kCoin ? points->m_coin : points->m_cheque;
  }
  const protocol::Point& guardian_point(protocol::Kind kind) const {
    return kind == protocol::Kind::kCoin ? guardian_certificate->A_O : guardian_certificate->A_Q;
  }

  // --- loads.cc ---
  absl::Status check_loaded(const protocol::Loaded& loaded, const protocol::LoadOrder& order) const;
  absl::Status keep_wrong_load(protocol::ByteView answer, const absl::Status& why);
  // Gives a stored load to the guardian, with the PIN, and enters it in the books.
  absl::StatusOr<TakenLoad> finish_load();
  // The same; not `give`: only what the guardian has taken is entered.
  absl::StatusOr<TakenLoad> book_load(bool give);
  uint64_t counter(std::string_view currency) const;

  // --- spending.cc ---
  // A payment to be, with the request of each slot that it plans to use.
  struct NewPayment {
    PaymentRecord record;
    std::vector<protocol::Bytes> requests;
    protocol::Bytes credential;  // of who is paid
  };
  // Without requests, and not identified.
  static NewPayment new_payment(PaymentKind kind, const protocol::SignedDocument& terms,
                                std::vector<PlannedSpend> plan, protocol::Bytes credential);
  // A bill's or pay-back's; draws each cheque's y. `identified` as needs_identification says.
  absl::StatusOr<NewPayment> plan_payment(PaymentKind kind, const protocol::SignedDocument& terms,
                                          std::vector<PlannedSpend> plan,
                                          protocol::Bytes credential, bool identified);
  // [guard] Binds all slots of all of them in one durable batch, with `also` and with the books:
  // each cheque's amount, and `reserve` for a call, leaves its counter.
  absl::Status promise(std::vector<NewPayment> fresh, firmware::Batch also = {},
                       uint64_t reserve = 0);
  // Has the guardian answer for every promised slot and stores the payment; the same bytes whenever
  // it is called.
  absl::Status assemble(const protocol::Bytes32& digest);
  // The same, with the payment PIN where the owner locked what was promised.
  absl::Status finish(const protocol::Bytes32& digest);
  absl::StatusOr<protocol::Spend> spend(const PlannedSpend& planned,
                                        const protocol::Bytes32& terms_digest);
  absl::StatusOr<protocol::Spend> spend_coin(const HeldCoin& held, const PlannedSpend& planned,
                                             const protocol::Denomination& denomination,
                                             const protocol::Bytes32& spend_digest);
  absl::StatusOr<protocol::Spend> spend_cheque(const HeldCoin& held, const PlannedSpend& planned,
                                               const protocol::Denomination& denomination,
                                               const protocol::Bytes32& spend_digest);
  // r1 and r2 from the guardian's answer, which is checked first.
  absl::StatusOr<protocol::SpendResponse> respond(const HeldCoin& held, uint32_t slot,
                                                  protocol::Kind kind, const protocol::Scalar& d,
                                                  const protocol::Scalar& answer) const;
  // Stores `record` with `batch`. Where the payment is under way no more, its coins that hold no
  // other slot go with it, and the guardian's slots are freed.
  absl::Status commit_and_release(firmware::Batch batch, PaymentRecord record);

  // --- payment.cc ---
  absl::Status agree(const firmware::Offer& offer, uint64_t now_ms);
  // The terminal that was paid, by the certificate that it showed.
  absl::StatusOr<protocol::TerminalCertificate> payee_of(const PaymentRecord& record) const;
  absl::StatusOr<protocol::TerminalCertificate> check_offer(
      const protocol::TerminalCredential& credential, const protocol::SignedDocument& signed_terms,
      const protocol::Terms& terms, uint64_t now_ms) const;
  // Every unspent slot of a currency that can pay, and where it lies.
  struct Purse {
    Holdings holdings;
    std::vector<PlannedSpend> places;  // one for each candidate; its value is what it may pay
  };
  // Whom it is to pay: no terminal takes coins whose key is reported compromised, but the issuer
  // takes them back.
  enum class PaidTo { kTerminal, kAccount };
  Purse purse(std::string_view currency, uint64_t at_s, PaidTo whom) const;
  // In the order of coins and slots.
  absl::StatusOr<std::vector<PlannedSpend>> select(std::string_view currency, uint64_t amount,
                                                   uint64_t at_s, size_t most, PaidTo whom) const;
  bool needs_identification(std::string_view currency, uint64_t amount) const;

  // --- call_opening.cc ---
  struct PlannedCall {
    PlannedSpend spend;
    uint32_t tick_count;
  };
  absl::StatusOr<PlannedCall> plan_call(const protocol::Terms& terms,
                                        const firmware::Tariff& tariff) const;
  absl::Status promise_call(const firmware::CallOffer& offer, const protocol::Terms& terms,
                            const firmware::Tariff& tariff, const PlannedCall& plan);
  absl::StatusOr<protocol::Spend> spend_ticks(const HeldCoin& held, const PlannedSpend& planned,
                                              const protocol::Denomination& denomination,
                                              const protocol::Bytes32& spend_digest,
                                              const CallRecord& call);
  absl::StatusOr<std::shared_ptr<const Call::Points>> blinded_points(
      Handle handle, uint32_t count, const protocol::Bytes32& y_seed);
  absl::StatusOr<const Call::Points*> points_of(const protocol::Bytes32& digest);
  const HeldSlot* slot_of_call(const PaymentRecord& record) const;

  // --- calls.cc ---
  absl::Status agree_to_call(const firmware::CallOffer& offer, uint64_t now_ms);
  absl::StatusOr<protocol::Bytes> pay_tick(const firmware::TickDemand& demand);
  // At the start: what the guardian was asked for and never stored here. A tick that stays in doubt
  // is tried again at the next start.
  void settle_ticks_in_doubt();
  // `record` with its new state; `end` is the terminal's, or empty.
  absl::Status end_call(PaymentRecord record, PaymentState state, protocol::ByteView end);

  // --- pay_back.cc ---
  absl::StatusOr<PayBack> begin_pay_back(std::string_view currency,
                                         const std::vector<PlannedSpend>& plan, uint64_t now_ms);
  absl::StatusOr<PayBack> finish_pay_back(uint64_t now_ms);
  absl::Status order_pay_back(const std::vector<protocol::Bytes>& signed_payments);
};

}  // namespace cafe::wallet
