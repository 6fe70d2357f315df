// The terminal's inside, shared by terminal.cc (bills and payments), calls.cc, hotlist.cc
// and deposits.cc.
#pragma once

#include <map>

#include "device-sim/firmware/pos/records.h"
#include "libs/protocol/frame.h"
#include "libs/protocol/hash.h"
#include "libs/protocol/hotlist.h"

namespace cafe::pos {

struct Terminal::State {
  State(std::unique_ptr<firmware::RecordStore> records, protocol::Rng& randomness,
        Config configuration, protocol::TerminalCertificate its_certificate)
      : store(std::move(records)),
        rng(randomness),
        config(std::move(configuration)),
        certificate(std::move(its_certificate)) {}

  std::unique_ptr<firmware::RecordStore> store;
  protocol::Rng& rng;
  Config config;
  protocol::TerminalCertificate certificate;
  // When the certificate and that of the enrolment key which signed it are both valid, in unix
  // seconds: "from" inclusive, "until" exclusive.
  uint64_t certified_from = 0;
  uint64_t certified_until = 0;
  uint64_t last_pruned_s = 0;  // 0: not since the start
  // By issuer id.
  struct KnownList {
    protocol::DenominationList list;
    protocol::SignedDocument document;
  };
  std::map<std::string, KnownList> lists;
  protocol::DenominationTable table;
  // Calls that go on, by terms digest: what a tick is checked with, so that none costs a look at
  // bill or payment.
  struct RunningCall {
    protocol::Bytes32 root;
    uint64_t tick_value;
    uint32_t tick_count;
    uint32_t ticks;  // held
    uint64_t until_ms;
  };
  std::map<protocol::Bytes32, RunningCall> running;
  // Slots that were claimed, by the short id of their coin: what all hotlists held say.
  absl::flat_hash_map<uint64_t, uint64_t> claimed;
  uint64_t next_queue = 1;
  uint64_t next_receipt = 1;

  absl::Status load();
  absl::StatusOr<Bill> find_bill(const protocol::Bytes32& terms_digest) const;
  protocol::SignedDocument sign_notice(uint64_t now_ms) const;
  protocol::Bytes offer(const protocol::SignedDocument& terms, uint64_t now_ms) const;
  protocol::Bytes call_offer(const protocol::SignedDocument& terms,
                             const protocol::SignedDocument& tariff, uint64_t now_ms) const;
  // New terms, signed, as the bill that the wallet is to pay. KEY_EXPIRED.
  absl::StatusOr<Bill> make_bill(std::string_view currency, uint64_t amount, uint64_t now_ms);

  // What the slots held here, the keys reported compromised, a call's tariff and check_payment say
  // of a payment.
  absl::Status check(const protocol::Bytes32& terms_digest, const protocol::Payment& payment,
                     bool authorized) const;
  // Each decides a bill in one batch, with the answer that the wallet gets.
  absl::StatusOr<PaymentResult> accept(const protocol::Bytes32& terms_digest, Bill bill,
                                       const protocol::Payment& payment, uint64_t now_ms);
  absl::StatusOr<PaymentResult> refuse(const protocol::Bytes32& terms_digest, Bill bill,
                                       std::string reason, uint64_t now_ms);
  absl::StatusOr<PaymentResult> await_authorization(const protocol::Bytes32& terms_digest,
                                                    Bill bill, const protocol::Payment& payment);
  void hold_slots(firmware::Batch& batch, const protocol::Bytes32& terms_digest,
                  const protocol::Payment& payment) const;
  void release_slots(firmware::Batch& batch, const protocol::Payment& payment) const;

  // calls.cc
  bool is_call(const protocol::Bytes32& terms_digest) const;
  absl::StatusOr<CallRecord> find_call(const protocol::Bytes32& terms_digest) const;
  // TARIFF_MISMATCH where the payment of a call does not open it as its tariff says.
  absl::Status check_tariff(const protocol::Bytes32& terms_digest,
                            const protocol::Payment& payment) const;
  // The call of an accepted bill goes on from the tick held.
  absl::Status run_call(const protocol::Bytes32& terms_digest, const Bill& bill);
  // CALL_ENDED, CALL_NOT_OPEN, UNKNOWN_OFFER where it does not go on.
  absl::StatusOr<const RunningCall*> running_call(const protocol::Bytes32& terms_digest) const;
  absl::StatusOr<uint32_t> ticks_held(const protocol::Bytes32& terms_digest,
                                      const CallRecord& call) const;
  protocol::Bytes sign_end(const protocol::Bytes32& terms_digest, uint32_t ticks,
                           uint64_t now_ms) const;

  // hotlist.cc
  void load_hotlists();
  void note_claimed(std::span<const protocol::HotlistEntry> entries);
  bool is_claimed(const protocol::CoinId& coin, uint32_t slot) const;
  std::vector<firmware::Batch> prune_hotlists(uint64_t now_s) const;

  // deposits.cc
  // Queues the ticks of an ended call that no receipt covers, or settles it; `batch` gets the
  // records.
  void queue_or_settle(firmware::Batch& batch, const protocol::Bytes32& terms_digest,
                       CallRecord call, Bill bill, uint32_t held, bool keep_payment);
  absl::StatusOr<std::vector<BatchItem>> next_items(size_t most, Calls calls) const;
  absl::Status settle(firmware::Batch& batch, const BatchItem& item,
                      const protocol::PaymentVerdict& verdict, uint64_t time_ms);
  absl::Status settle_call(firmware::Batch& batch, const BatchItem& item,
                           const protocol::PaymentVerdict& verdict, uint64_t time_ms);
  absl::StatusOr<protocol::Bytes> payment_of(const BatchItem& item) const;
};

}  // namespace cafe::pos
