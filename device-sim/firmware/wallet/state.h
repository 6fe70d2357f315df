// The wallet's inside: its memory, decoded, and what its three parts (wallet.cc, withdrawal.cc,
// payment.cc) share.
#pragma once

#include <map>

#include "device-sim/firmware/wallet/records.h"
#include "libs/protocol/hash.h"

namespace cafe::wallet {

struct Wallet::State {
  State(std::unique_ptr<firmware::RecordStore> records, firmware::ApduPort& port,
        protocol::Rng& randomness, Owner& the_owner, Config configuration)
      : store(std::move(records)),
        guardian(port),
        rng(randomness),
        owner(the_owner),
        config(std::move(configuration)) {}

  std::unique_ptr<firmware::RecordStore> store;
  GuardianClient guardian;
  protocol::Rng& rng;
  Owner& owner;
  Config config;

  protocol::Seed identity_seed, coin_seed;
  protocol::SignedDocument guardian_document;
  std::optional<protocol::GuardianCertificate> guardian_certificate;
  std::optional<protocol::WalletIdentity> identity;
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
  uint64_t next_payment = 1;

  // At the start.
  absl::Status load();
  absl::Status load_seeds();
  absl::Status load_identity();
  absl::Status load_records();
  absl::Status free_orphans();

  bool registered() const { return store->find(kReceiptKey) != nullptr; }
  uint32_t confirmations() const;
  absl::Status take_notice(const protocol::SignedDocument& notice,
                           const protocol::TerminalCertificate& terminal,
                           protocol::ByteView message);
  // A document that one of the issuer's certified withdrawal keys signed (BAD_SIGNATURE).
  absl::Status check_withdrawal_signature(const protocol::SignedDocument& document) const;

  // withdrawal.cc
  absl::Status check_can_order() const;
  absl::StatusOr<std::vector<protocol::Completion::Debit>> order_sums(
      std::span<const protocol::OrderLine> lines, uint64_t now_s) const;
  absl::StatusOr<std::vector<MadeSlot>> make_slots(const protocol::OpenAnswer& answer);
  void free_slots(std::span<const MadeSlot> slots);
  absl::StatusOr<const protocol::Denomination*> denomination_of(const protocol::DenomId& id) const;

  // One coin of an order, blinded.
  struct OrderedCoin {
    protocol::BlindedCoin blinded;
    const protocol::Denomination* denomination;
    uint32_t line, i;
    size_t first_slot;  // in the order's list of slots
  };
  absl::StatusOr<std::vector<OrderedCoin>> blind(const protocol::OpenAnswer& answer,
                                                 std::span<const MadeSlot> slots) const;

  // payment.cc
  absl::StatusOr<protocol::TerminalCertificate> check_offer(const firmware::Offer& offer,
                                                            const protocol::Terms& terms,
                                                            uint64_t now_ms) const;
  absl::StatusOr<std::vector<PlannedSpend>> select(const protocol::Terms& terms) const;
  absl::Status promise(const protocol::Bytes32& digest, PaymentRecord record,
                       protocol::ByteView credential);
  absl::Status assemble(const protocol::Bytes32& digest);
  absl::StatusOr<protocol::Scalar> challenge(const HeldCoin& held, uint32_t slot,
                                             const protocol::Bytes32& terms_digest) const;
  absl::StatusOr<protocol::Spend> spend(const HeldCoin& held, uint32_t slot,
                                        const protocol::Bytes32& terms_digest);
};

}  // namespace cafe::wallet
