// The terminal's inside, shared by terminal.cc (bills and payments) and deposits.cc.
#pragma once

#include <map>

#include "device-sim/firmware/pos/records.h"
#include "libs/protocol/frame.h"
#include "libs/protocol/hash.h"

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
  // By issuer id.
  struct KnownList {
    protocol::DenominationList list;
    protocol::SignedDocument document;
  };
  std::map<std::string, KnownList> lists;
  protocol::DenominationTable table;
  uint64_t next_queue = 1;
  uint64_t next_receipt = 1;

  absl::Status load();
  absl::StatusOr<Bill> find_bill(const protocol::Bytes32& terms_digest) const;
  // A queued payment's bill, with its terms digest.
  absl::StatusOr<std::pair<protocol::Bytes32, Bill>> queued_bill(uint64_t number) const;
  protocol::SignedDocument sign_notice(uint64_t now_ms) const;
  protocol::Bytes offer(const protocol::SignedDocument& terms, uint64_t now_ms) const;

  // What check_payment and the slots held here say of a payment.
  absl::StatusOr<protocol::PreparedPayment> check(const protocol::Payment& payment,
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
};

}  // namespace cafe::pos
